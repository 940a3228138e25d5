// Bundles the dashboard widgets into resources/, where Node-RED serves a package's files to the browser. Dashboard 2.0
// imports the bundle as a module and takes the component from a global that has the widget's name; Vue is its own.
import { rm } from "node:fs/promises";
import { build } from "esbuild";

export async function buildWidgets() {
	await rm("resources", { recursive: true, force: true });
	await build({
		entryPoints: ["nodes/ui-energy/ui/ui-energy.ts"],
		outfile: "resources/ui-energy.js",
		bundle: true,
		minify: true,
		sourcemap: true,
		sourcesContent: true,
		format: "iife",
		charset: "utf8",
		target: "es2022",
		loader: { ".css": "text" },
		logLevel: "warning",
	});
}
