import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Node, NodeMessage } from "node-red";
import helper from "node-red-node-test-helper";

const built = createRequire(import.meta.url);

/** The built node set, as Node-RED would load it. */
export function nodeSet(name: string): (RED: unknown) => void {
	return built(`../../dist/nodes/${name}/${name}.js`).default;
}

/** Starts and stops the helper's server around a `describe` and unloads the flow after each test. */
export function useNodeRed(): typeof helper {
	before((done) => {
		helper.init(built.resolve("node-red"));
		helper.startServer(done);
	});
	after((done) => {
		helper.stopServer(done);
	});
	afterEach(() => helper.unload());
	return helper;
}

/** A folder of its own for each test of a `describe`, which nodes take for their home; all are gone after the last. */
export function useHome(): { readonly path: string } {
	let path = "";
	const paths: string[] = [];
	const homeBefore = process.env.SMARTFACTORY_HOME;
	beforeEach(() => {
		path = mkdtempSync(join(tmpdir(), "sf-home-"));
		paths.push(path);
		process.env.SMARTFACTORY_HOME = path;
	});
	after(() => {
		for (const each of paths) rmSync(each, { recursive: true, force: true });
		if (homeBefore === undefined) delete process.env.SMARTFACTORY_HOME;
		else process.env.SMARTFACTORY_HOME = homeBefore;
	});
	return {
		get path() {
			return path;
		},
	};
}

/** Resolves with the next message that reaches a helper node. */
export function next<T = NodeMessage>(id: string, topic?: string): Promise<T> {
	return new Promise((resolve) => {
		const node = helper.getNode(id) as Node;
		const take = (msg: NodeMessage): void => {
			if (topic !== undefined && msg.topic !== topic) return;
			node.off("input", take);
			resolve(msg as T);
		};
		node.on("input", take);
	});
}
