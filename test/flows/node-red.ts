import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = new URL("../../", import.meta.url).pathname;

/** Of `admin`. */
export const password = "correct horse battery";

export interface NodeRed {
	base: string;
	output(): string;
	stop(): Promise<void>;
}

/** A port that nobody listens on. */
async function freePort(): Promise<number> {
	const server = createServer();
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	const { port } = server.address() as { port: number };
	await new Promise((resolve) => server.close(resolve));
	return port;
}

/** Node-RED as a person runs it, with settings.js in a folder of its own. */
export async function startNodeRed(line: string, settings: string, flow: readonly object[]): Promise<NodeRed> {
	const folder = mkdtempSync(join(tmpdir(), "smart-energy-doors-"));
	const port = await freePort();
	writeFileSync(join(folder, "flows.json"), JSON.stringify(flow));
	writeFileSync(
		join(folder, "settings.js"),
		`const access = require(${JSON.stringify(join(root, "dist/lib/access/index.js"))});
module.exports = {
	uiPort: ${port}, uiHost: "127.0.0.1", flowFile: "flows.json", httpAdminRoot: "/editor",
	nodesDir: [${JSON.stringify(root)}], telemetry: { enabled: false }, credentialSecret: "of this test alone",
	${settings}
};`,
	);
	const child: ChildProcess = spawn(
		process.execPath,
		[join(root, "node_modules", line, "red.js"), "-s", join(folder, "settings.js"), "-u", folder],
		{ env: { PATH: process.env.PATH, LANG: "C", SMARTFACTORY_ADMIN_PASSWORD: password } },
	);
	let output = "";
	for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk: Buffer) => (output += chunk));
	const exited = new Promise((resolve) => child.once("exit", resolve));
	const base = `http://127.0.0.1:${port}`;
	const deadline = Date.now() + 90_000;
	while ((await fetch(`${base}/health`).catch(() => null))?.ok !== true) {
		if (child.exitCode !== null || Date.now() > deadline) throw new Error(`Node-RED did not start:\n${output}`);
		await new Promise((resolve) => setTimeout(resolve, 100));
	}
	return {
		base,
		output: () => output,
		stop: async () => {
			child.kill("SIGKILL");
			await exited;
			rmSync(folder, { recursive: true, force: true });
		},
	};
}
