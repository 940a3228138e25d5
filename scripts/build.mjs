// Builds dist/: the runtime by tsc, then one static .html per node — its dialog, followed by its editor half as a
// plain script with a literal registerType, as the palette's tools expect —, the API's client, the pages and the
// widgets' bundles.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { build } from "esbuild";
import { parse } from "yaml";
import { buildClient } from "./build-client.mjs";
import { buildWidgets } from "./build-widgets.mjs";
import { dialogOf } from "./dialog.mjs";

const tsc = (project) => {
	const { status } = spawnSync("node_modules/.bin/tsc", ["-p", project], { stdio: "inherit" });
	if (status !== 0) process.exit(status ?? 1);
};

await rm("dist", { recursive: true, force: true });
tsc("tsconfig.json");
tsc("tsconfig.editor.json");
await cp("lib/package-root.cjs", "dist/lib/package-root.cjs");
// JSON needs no parser where the package is installed.
for (const name of ["openapi", "openapi.ko"]) {
	await writeFile(`dist/${name}.json`, JSON.stringify(parse(await readFile(`flows/${name}.yaml`, "utf8"))));
}

for (const entry of await readdir("nodes", { withFileTypes: true })) {
	if (!entry.isDirectory()) continue;
	const from = `nodes/${entry.name}`;
	const to = `dist/nodes/${entry.name}`;
	await mkdir(to, { recursive: true });
	if (existsSync(`${from}/${entry.name}.editor.ts`)) {
		const { outputFiles } = await build({
			entryPoints: [`${from}/${entry.name}.editor.ts`],
			bundle: true,
			write: false,
			format: "iife",
			charset: "utf8",
			target: "es2020",
		});
		const script = outputFiles[0].text;
		const source = await readFile(`${from}/${entry.name}.html`, "utf8");
		const dialog = dialogOf(entry.name, script.includes('category: "config"'), source);
		await writeFile(`${to}/${entry.name}.html`, `${dialog}<script type="text/javascript">\n${script}</script>\n`);
	}
	for (const part of ["locales", "icons"]) {
		if (existsSync(`${from}/${part}`)) await cp(`${from}/${part}`, `${to}/${part}`, { recursive: true });
	}
}
await buildClient();
await build({
	entryPoints: ["lib/api/page/page.ts"],
	outfile: "dist/api-docs/page.js",
	bundle: true,
	minify: true,
	format: "iife",
	charset: "utf8",
	target: "es2022",
	logLevel: "warning",
});
await buildWidgets();
await writeFile("dist/.built", new Date().toISOString());
