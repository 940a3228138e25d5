// Fails where a word is missing in one language — node catalogues, their help, the messages of lib and the widgets —, or
// where a dialog asks for one that its catalogue lacks.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { dialogOf } from "./dialog.mjs";

const languages = ["en-US", "ko"];
const problems = [];
const read = (path) => JSON.parse(readFileSync(path, "utf8"));
const keysOf = (value, prefix = "") =>
	typeof value === "object" && value !== null
		? Object.entries(value).flatMap(([key, entry]) => keysOf(entry, `${prefix}${key}.`))
		: [prefix.slice(0, -1)];

function sameKeys(paths) {
	const sets = paths.map((path) => new Set(existsSync(path) ? keysOf(read(path)) : []));
	for (const [index, path] of paths.entries()) {
		if (!existsSync(path)) problems.push(`${path} is missing`);
		for (const key of sets[1 - index]) if (!sets[index].has(key)) problems.push(`${path}: ${key} is missing`);
	}
}

for (const { name } of readdirSync("nodes", { withFileTypes: true }).filter((entry) => entry.isDirectory())) {
	if (!existsSync(`nodes/${name}/${name}.ts`)) continue;
	sameKeys(languages.map((language) => `nodes/${name}/locales/${language}/${name}.json`));
	for (const language of languages) {
		const help = `nodes/${name}/locales/${language}/${name}.html`;
		if (!existsSync(help)) problems.push(`${help} is missing`);
		else if (!readFileSync(help, "utf8").includes(`data-help-name="${name}"`))
			problems.push(`${help} helps another node`);
	}
	const words = keysOf(read(`nodes/${name}/locales/en-US/${name}.json`));
	const dialog = dialogOf(name, false, readFileSync(`nodes/${name}/${name}.html`, "utf8"));
	for (const [, asked] of dialog.matchAll(/data-i18n="([^"]+)"/g)) {
		for (const key of asked.split(";").map((each) => each.replace(/^\[[\w-]+\]/, ""))) {
			if (!words.includes(key)) problems.push(`nodes/${name}/${name}.html: ${key} is in no catalogue`);
		}
	}
	const ui = languages.map((language) => `nodes/${name}/ui/locales/${language}.json`);
	if (existsSync(ui[0]) || existsSync(ui[1])) sameKeys(ui);
}
for (const { name } of readdirSync("lib", { withFileTypes: true }).filter((entry) => entry.isDirectory())) {
	const path = join("lib", name, "messages.json");
	if (!existsSync(path)) continue;
	for (const [code, entry] of Object.entries(read(path))) {
		for (const language of languages) if (!entry[language]) problems.push(`${path}: ${code} lacks ${language}`);
		const places = languages.map((language) => [...(entry[language] ?? "").matchAll(/\{(\w+)\}/g)].map((m) => m[1]));
		const missing = places[0].filter((place) => !places[1].includes(place));
		if (missing.length > 0) problems.push(`${path}: ${code} says {${missing.join("}, {")}} in one language only`);
	}
}
if (problems.length > 0) {
	console.error(problems.join("\n"));
	process.exit(1);
}
console.log("Catalogues agree in en-US and ko.");
