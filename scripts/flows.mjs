// flows/flows.json is what ships; flows/tabs/ holds one file per concern, which is what people read and edit.
// `node scripts/flows.mjs` joins them, `--check` fails where the joined file is stale.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";

const order = [
	"site",
	"ingest",
	"modbus",
	"plant",
	"live",
	"follow",
	"cost",
	"demand",
	"analyse",
	"forecast",
	"schedule",
	"alarms",
	"models",
	"api",
	"dashboard",
];
const rank = (file) => (order.includes(file.slice(0, -5)) ? order.indexOf(file.slice(0, -5)) : order.length);
const files = readdirSync("flows/tabs")
	.filter((file) => file.endsWith(".json"))
	.sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));
const nodes = files.flatMap((file) => JSON.parse(readFileSync(`flows/tabs/${file}`, "utf8")));
const ids = new Set();
for (const { id } of nodes) {
	if (ids.has(id)) throw new Error(`Two nodes of flows/tabs have the id ${id}`);
	ids.add(id);
}
const joined = `${JSON.stringify(nodes, null, "\t")}\n`;
if (process.argv.includes("--check")) {
	if (readFileSync("flows/flows.json", "utf8") !== joined) {
		console.error("flows/flows.json is stale: run `npm run flows`.");
		process.exit(1);
	}
} else writeFileSync("flows/flows.json", joined);
