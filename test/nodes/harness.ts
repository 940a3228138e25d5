import { createRequire } from "node:module";
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
