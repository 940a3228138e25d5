// `npm run bench -- <name> [options] [--json]`: every benchmark is a file here that answers with plain figures.
import { readdirSync } from "node:fs";

export type Figures = Record<string, unknown>;
export type Benchmark = (args: readonly string[]) => Promise<Figures>;

const names = readdirSync(new URL(".", import.meta.url))
	.filter((file) => file.endsWith(".ts") && file !== "run.ts")
	.map((file) => file.slice(0, -3));

const [name, ...rest] = process.argv.slice(2);
if (!name || !names.includes(name)) {
	console.error(`Usage: npm run bench -- <${names.join("|")}> [options] [--json]`);
	process.exit(2);
}
const json = rest.includes("--json");
const { default: benchmark } = (await import(`./${name}.ts`)) as { default: Benchmark };
const figures = await benchmark(rest.filter((arg) => arg !== "--json"));
if (json) console.log(JSON.stringify(figures));
else print(figures, "");
process.exit(0);

function print(value: Figures, indent: string): void {
	for (const [key, entry] of Object.entries(value)) {
		if (Array.isArray(entry) && entry.every((row) => typeof row === "object")) {
			console.log(`${indent}${key}`);
			console.table(entry);
		} else if (entry && typeof entry === "object" && !Array.isArray(entry)) {
			console.log(`${indent}${key}`);
			print(entry as Figures, `${indent}  `);
		} else {
			console.log(`${indent}${key.padEnd(32 - indent.length)} ${Array.isArray(entry) ? entry.join(", ") : entry}`);
		}
	}
}
