// Runs before `npm start`, `npm test` and the tools, on whatever Node the machine has: installs what is missing, checks
// that the pinned Node is really there, and builds what changed. Plain JavaScript without dependencies, for that reason.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

const run = (command, args) => {
	// To stderr: what is run after this may answer with JSON on stdout.
	const { status, error } = spawnSync(command, args, { stdio: [0, 2, 2], shell: process.platform === "win32" });
	if (error) throw error;
	if (status !== 0) process.exit(status ?? 1);
};
const mtime = (path) => (existsSync(path) ? statSync(path).mtimeMs : 0);

if (mtime("node_modules/.package-lock.json") < mtime("package-lock.json")) {
	console.error("Installing dependencies (once, about a minute) …");
	run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
}

const pinned = join("node_modules", "node", "bin", process.platform === "win32" ? "node.exe" : "node");
if (!existsSync(pinned)) {
	console.error(
		[
			"The pinned Node.js is missing: npm left out the install script of the package `node`.",
			"Run `npm rebuild node`; with npm 12 or newer check that package.json still has allowScripts.node = true.",
		].join("\n"),
	);
	process.exit(1);
}

const newest = (path) => {
	if (!statSync(path).isDirectory()) return mtime(path);
	let latest = 0;
	for (const name of readdirSync(path)) latest = Math.max(latest, newest(join(path, name)));
	return latest;
};
const sources = [
	...["nodes", "lib", "models", "cli", "client", "scripts"],
	...[
		"flows/openapi.yaml",
		"flows/openapi.ko.yaml",
		"flows/asyncapi.yaml",
		"settings.ts",
		"tsconfig.json",
		"package.json",
	],
].filter(existsSync);
if (Math.max(...sources.map(newest)) > mtime("dist/.built")) {
	console.error("Building …");
	run(pinned, ["scripts/build.mjs"]);
}
