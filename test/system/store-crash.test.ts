import assert from "node:assert/strict";
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import type { Readable } from "node:stream";
import { openStore } from "../../lib/store/open.ts";
import type { Store } from "../../lib/store/store.ts";
import { quartersOf } from "../../lib/telemetry/aggregate.ts";
import type { Reading } from "../../lib/telemetry/reading.ts";
import { crashReading } from "./store-readings.ts";

const END = Date.UTC(2100, 0, 1);
const KILLS = 25;

type Writer = ChildProcessByStdio<null, Readable, null>;

function startWriter(url: string, machine: string, first: number, last?: number): Writer {
	const file = new URL("store-writer.ts", import.meta.url).pathname;
	const range = [String(first), ...(last === undefined ? [] : [String(last)])];
	return spawn(process.execPath, ["--no-warnings", file, url, machine, ...range], {
		stdio: ["ignore", "pipe", "inherit"],
	});
}

async function all<T>(ask: (cursor?: string) => Promise<{ items: T[]; nextCursor?: string }>): Promise<T[]> {
	const items: T[] = [];
	for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
		const page = await ask(cursor);
		items.push(...page.items);
		cursor = page.nextCursor;
	}
	return items;
}

/** Fails unless quarter-hours, hours and days are what the raw readings in the store make them. */
async function checkRollUps(store: Store, machine: string): Promise<Reading[]> {
	const span = { site: "works", machine, fromMs: 0, toMs: END, limit: 10_000 };
	const readings = await all((cursor) => store.readings({ ...span, cursor }));
	const expected = quartersOf({
		timeMs: Float64Array.from(readings, ({ timeMs }) => timeMs),
		powerKw: Float64Array.from(readings, ({ powerKw }) => powerKw ?? Number.NaN),
		energyKwh: Float64Array.from(readings, ({ energyKwh }) => energyKwh ?? Number.NaN),
		uncertain: Uint8Array.from(readings, ({ quality }) => (quality === "uncertain" ? 1 : 0)),
	});
	const quarters = await all((cursor) => store.intervals({ ...span, resolution: "15min", cursor }));
	assert.deepEqual(
		quarters.map(({ startMs, energyKwh, estimatedKwh, coverage, samples }) => ({
			...{ startMs, energyKwh, estimatedKwh, coverage, samples },
		})),
		expected.map(({ startMs, energyKwh, estimatedKwh, coverage, samples }) => ({
			...{ startMs, energyKwh, estimatedKwh, coverage, samples },
		})),
	);
	const total = quarters.reduce((sum, { energyKwh }) => sum + energyKwh, 0);
	for (const resolution of ["hour", "day"] as const) {
		const parts = await all((cursor) => store.intervals({ ...span, resolution, cursor }));
		const sum = parts.reduce((energy, { energyKwh }) => energy + energyKwh, 0);
		assert.ok(Math.abs(sum - total) < 1e-6 * total, `${resolution}: ${sum} is not ${total}`);
	}
	return readings;
}

describe("the store and a killed process", () => {
	let folder: string;
	let url: string;

	beforeEach(() => {
		folder = mkdtempSync(join(tmpdir(), "store-crash-"));
		url = `sqlite://${folder}/plant.db`;
	});
	afterEach(() => rmSync(folder, { recursive: true }));

	it(`has every acknowledged batch after each of ${KILLS} kills, and roll-ups that fit`, async function () {
		this.timeout(300_000);
		let acknowledged = 0;
		for (let kill = 0; kill < KILLS; kill++) {
			const writer = startWriter(url, "furnace-1", acknowledged);
			const exit = once(writer, "exit");
			// Killed after a number of acknowledgements, somewhere within the work on what follows.
			let lines = 1 + Math.floor(Math.random() * 40);
			for await (const line of createInterface({ input: writer.stdout })) {
				acknowledged = Number(line.split(" ")[1]);
				if (--lines === 0) setTimeout(() => writer.kill("SIGKILL"), Math.random() * 8);
			}
			await exit;
			assert.equal(writer.signalCode, "SIGKILL");
			const store = await openStore(url);
			const readings = await checkRollUps(store, "furnace-1");
			const times = new Set(readings.map(({ timeMs }) => timeMs));
			for (let n = 0; n < acknowledged; n++) {
				assert.ok(times.has(crashReading("furnace-1", n).timeMs), `reading ${n} of ${acknowledged} was acknowledged`);
			}
			assert.equal((await store.stats()).readings, times.size);
			await store.close();
		}
		const database = new DatabaseSync(join(folder, "plant.db"), { readOnly: true });
		assert.deepEqual({ ...database.prepare("PRAGMA integrity_check").get() }, { integrity_check: "ok" });
		database.close();
	});

	it("serves two processes that write the same file at once, each seeing what the other wrote", async function () {
		this.timeout(240_000);
		const COUNT = 20_000;
		const writers = ["furnace-1", "furnace-1", "mill-1"].map((machine) => startWriter(url, machine, 0, COUNT));
		const exits = writers.map((writer) => once(writer, "exit"));
		for (const writer of writers) writer.stdout.resume();
		const store = await openStore(url);
		for (let n = 0; n < COUNT; n += 250) {
			const machine = n % 500 === 0 ? "mill-1" : "chiller-1";
			await store.write(Array.from({ length: 250 }, (_, i) => crashReading(machine, n + i)));
		}
		for (const exit of exits) assert.deepEqual(await exit, [0, null]);
		for (const machine of ["furnace-1", "mill-1"]) await checkRollUps(store, machine);
		const distinct = new Set(Array.from({ length: COUNT }, (_, n) => crashReading("x", n).timeMs)).size;
		const { items } = await store.readings({ site: "works", machine: "mill-1", fromMs: 0, toMs: END, limit: 1 });
		assert.equal(items.length, 1);
		assert.equal((await checkRollUps(store, "furnace-1")).length, distinct);
		await store.close();
	});
});
