// Writes batches of readings until it is killed, and says on stdout what was acknowledged: one line `first last` a batch.
// Usage: node store-writer.ts <url> <machine> <first reading> [<last reading>]
import { openStore } from "../../lib/store/open.ts";
import { crashReading } from "./store-readings.ts";

const [url = "", machine = "", first = "0", last = "Infinity"] = process.argv.slice(2);
const store = await openStore(url, { batchSize: 500 });
await store.defineSite({ id: "works", timeZone: "Asia/Seoul" });
for (let from = Number(first); from < Number(last); ) {
	const size = 1 + ((from * 7919) % 400);
	const to = Math.min(Number(last), from + size);
	await store.write(Array.from({ length: to - from }, (_, i) => crashReading(machine, from + i)));
	process.stdout.write(`${from} ${to}\n`);
	from = to;
}
await store.close();
