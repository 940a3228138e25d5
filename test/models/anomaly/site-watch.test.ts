import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Store } from "../../../lib/store/store.ts";
import type { Reading } from "../../../lib/telemetry/reading.ts";
import { demoSite } from "../../nodes/fake-site.ts";
import { DAY, pressReadings, steadyReadings } from "./machines.ts";

// Trainings run in the built thread; so everything here is the built one.
const built = createRequire(import.meta.url);
const { SiteWatch, untilHour } = built(
	"../../../dist/models/anomaly/site-watch.js",
) as typeof import("../../../models/anomaly/site-watch.ts");
const { Trainer } = built(
	"../../../dist/models/training/trainer.js",
) as typeof import("../../../models/training/trainer.ts");
const { ModelRegistry } = built("../../../dist/models/registry.js") as typeof import("../../../models/registry.ts");
const { openStore } = built("../../../dist/lib/store/open.js") as typeof import("../../../lib/store/open.ts");
const { EnergyError } = built("../../../dist/lib/errors.js") as typeof import("../../../lib/errors.ts");
const { readHistory } = built(
	"../../../dist/models/anomaly/history.js",
) as typeof import("../../../models/anomaly/history.ts");

describe("watching a site", function () {
	this.timeout(60_000);
	const NOW = Math.floor(Date.now() / 60_000) * 60_000;
	let home: string;
	let store: Store;
	let trainer: InstanceType<typeof Trainer>;
	let watch: InstanceType<typeof SiteWatch>;
	let events: string[];
	beforeEach(async () => {
		home = mkdtempSync(join(tmpdir(), "sf-site-"));
		store = await openStore(`sqlite://${home}/test.db`);
		trainer = new Trainer(new ModelRegistry(join(home, "models")));
		events = [];
		watch = new SiteWatch(
			demoSite(),
			async () => store,
			trainer,
			{},
			({ event }) => events.push(event),
		);
	});
	afterEach(async () => {
		watch.close();
		await trainer.close();
		await store.close();
		rmSync(home, { recursive: true, force: true });
	});
	const settled = () => Promise.all(trainer.jobs.map(({ done }) => done));
	const method = async () => (await watch.add(steadyReadings("press", NOW, 1))).scored[0]?.method;

	it("trains a machine by itself once there is a day of history, and not before", async () => {
		await store.write(steadyReadings("press", NOW - 600 * 60_000, 600));
		await watch.trainFirst();
		assert.deepEqual(trainer.jobs, []);
		await store.write(steadyReadings("press", NOW - 3 * DAY * 60_000, 3 * DAY - 600));
		await watch.trainFirst();
		assert.equal(trainer.jobs.length, 1);
		await settled();
		assert.equal(await method(), "ensemble");
		assert.deepEqual(watch.counts, { modelled: 1, ruled: 0, raised: 0 });
	});

	it("does not ask again the same night, nor for a machine that is raised", async () => {
		await store.write(steadyReadings("press", NOW - 3 * DAY * 60_000, 3 * DAY));
		await watch.trainFirst();
		await settled();
		await watch.trainNightly();
		assert.deepEqual(trainer.jobs, []);
	});

	it("goes on after a restart where it was: levels and means come back from the store, and nothing is said twice", async () => {
		const raised = (one: Reading): void => {
			one.powerKw = 35;
		};
		const hours = Math.floor(NOW / 3_600_000) % 24;
		// Some hours of work at a time when the machine rests.
		const restMs = NOW - ((hours + 24 - 1) % 24) * 3_600_000;
		await store.write(pressReadings(restMs - 10 * DAY * 60_000, 10 * DAY));
		await watch.train("press", "asked");
		await settled();
		const before = pressReadings(restMs, 120, raised);
		await store.write(before);
		const { alerts } = await watch.add(before);
		assert.deepEqual(
			alerts.map(({ level }) => level),
			["warning", "critical"].slice(0, alerts.length),
		);
		assert(alerts.length > 0);
		const again = new SiteWatch(
			demoSite(),
			async () => store,
			trainer,
			{},
			() => {},
		);
		const next = pressReadings(restMs + 120 * 60_000, 2, raised);
		// The second batch comes before the first has its model: it waits for it, too.
		const outcomes = await Promise.all(next.map((one) => again.add([one])));
		again.close();
		for (const { scored, alerts: repeated } of outcomes) {
			assert.deepEqual([scored[0]?.method, scored[0]?.level, repeated], ["ensemble", alerts.at(-1)?.level, []]);
		}
	});

	it("tries a first training again that a restart cut off", async () => {
		await store.write(steadyReadings("press", NOW - 3 * DAY * 60_000, 3 * DAY));
		const address = { task: "anomaly", site: "demo", machine: "press" };
		const order = { kind: "anomaly-machine", options: {}, seed: 1, reason: "first" };
		const { id } = await trainer.registry.begin(address, order);
		await trainer.registry.fail(id, new EnergyError("models.interrupted", {}));
		await watch.trainFirst();
		assert.equal(trainer.jobs.length, 1);
	});

	it("makes up for a night in which the program was off, once", async () => {
		await store.write(steadyReadings("press", NOW - 3 * DAY * 60_000, 3 * DAY));
		const address = { task: "anomaly", site: "demo", machine: "press" };
		const order = { kind: "anomaly-machine", options: {}, seed: 1, reason: "nightly" };
		const { id } = await trainer.registry.begin(address, { ...order, createdMs: NOW - 3 * DAY * 60_000 });
		await trainer.registry.fail(id, new EnergyError("models.too-little-data", { rows: 1, needed: 2 }));
		await watch.trainMissed();
		assert.equal(trainer.jobs.length, 0);
		const nightly = new SiteWatch(
			demoSite(),
			async () => store,
			trainer,
			{ nightlyHour: 2 },
			() => {},
		);
		await nightly.trainMissed();
		assert.deepEqual(
			trainer.jobs.map(({ request }) => [request.machine, request.reason]),
			[["press", "nightly"]],
		);
		await settled();
		await nightly.trainMissed();
		nightly.close();
		assert.equal(trainer.jobs.length, 0);
	});

	it("hands a damaged model's machine to the rules, with a word about it", async () => {
		await store.write(steadyReadings("press", NOW - 3 * DAY * 60_000, 3 * DAY));
		await watch.train("press", "asked");
		await settled();
		const file = join(home, "models/anomaly/demo/press/1.model");
		const bytes = readFileSync(file);
		bytes[bytes.length - 1] = (bytes[bytes.length - 1] as number) ^ 1;
		writeFileSync(file, bytes);
		const again = new SiteWatch(
			demoSite(),
			async () => store,
			trainer,
			{},
			({ event }) => events.push(event),
		);
		const [scored] = (await again.add(pressReadings(NOW, 1))).scored;
		again.close();
		assert.deepEqual([scored?.method, scored?.fallback], ["rules", "model-unusable"]);
		assert(events.includes("model-unusable"));
	});

	it("keeps the order of a batch of several machines and late readings", async () => {
		const readings = pressReadings(NOW, 4).map((reading, i) => ({ ...reading, machine: i % 2 ? "oven" : "press" }));
		const mixed = [readings[2], readings[1], readings[0], readings[3]].filter((one) => one !== undefined);
		const { scored } = await watch.add(mixed);
		assert.deepEqual(
			scored.map(({ machine, timeMs }) => [machine, timeMs]),
			mixed.map(({ machine, timeMs }) => [machine, timeMs]),
		);
	});

	it("reads the past at the model's cadence, oldest first, bad readings left out", async () => {
		const readings = pressReadings(NOW - DAY * 60_000, DAY, (reading, row) => {
			if (row % 10 === 0) reading.quality = "bad";
		});
		await store.write(readings);
		const all = await readHistory(store, { site: "demo", machine: "press", toMs: NOW, days: 2 });
		assert.equal(all.rows, DAY * 0.9);
		assert(all.data.timeMs.every((timeMs, i) => i === 0 || timeMs > (all.data.timeMs[i - 1] as number)));
		const hourly = await readHistory(store, { site: "demo", machine: "press", toMs: NOW, days: 2, cadenceMs: 600_000 });
		assert.equal(hourly.rows, 24 * 6);
	});

	it("knows how long it is until an hour by the site's clocks", () => {
		const noon = Date.UTC(2026, 10, 22, 3);
		assert.equal(untilHour(3, "Asia/Seoul", noon), 15 * 3_600_000);
		assert.equal(untilHour(13, "Asia/Seoul", noon), 3_600_000);
	});
});
