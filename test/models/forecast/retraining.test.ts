import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lastLocalHour } from "../../../lib/calendar/local-hour.ts";
import { EnergyError } from "../../../lib/errors.ts";
import { openStore } from "../../../lib/store/open.ts";
import type { Store } from "../../../lib/store/store.ts";
import type { Interval } from "../../../lib/telemetry/interval.ts";
import type { Site } from "../../../lib/telemetry/site.ts";
import { FORECAST_JOURNAL, packForecast } from "../../../models/forecast/issued.ts";
import { SiteForecast } from "../../../models/forecast/site-forecast.ts";
import { thisProcess } from "../../../models/owner.ts";
import { ModelRegistry } from "../../../models/registry.ts";
import { Trainer } from "../../../models/training/trainer.ts";

const QUARTER_MS = 900_000;
const HOUR_MS = 4 * QUARTER_MS;
const DAY_MS = 24 * HOUR_MS;
const NIGHT = 2;
const LOAD = 10;
/** A fit takes no time here: when one is asked for is what is looked at. */
const metrics = { dayMae: 1, dayBaselineMae: 2 };
const fits = {
	fit: async () => ({
		...{ state: { facts: {}, arrays: {} }, metrics, durationMs: 1 },
		description: { inputs: [], facts: {}, notes: [] },
	}),
	close: async () => {},
};

describe("retraining of forecasts", function () {
	this.timeout(60_000);
	let folder: string;
	let store: Store;
	let site: Site;
	let trainer: Trainer;
	let nowMs: number;

	const machine = { id: "press", name: "press", area: "hall", role: "sub" } as const;
	beforeEach(async () => {
		folder = mkdtempSync(join(tmpdir(), "retraining-"));
		store = await openStore(`sqlite://${folder}/energy.db`);
		trainer = new Trainer(new ModelRegistry(join(folder, "models")), fits);
	});
	afterEach(async () => {
		await trainer.close();
		await store.close();
		rmSync(folder, { recursive: true, force: true });
	});

	/** A plant whose press ran at one load for 30 days before. */
	async function plant(timeZone: string, from: string): Promise<void> {
		site = { id: "plant", name: "Plant", timeZone, unknownMachines: "reject", machines: [machine] };
		nowMs = Date.parse(from);
		await store.defineSite({ id: site.id, timeZone });
		await run(30 * 96);
	}

	/** The press goes on for so many quarter-hours up to now. */
	async function run(quarters: number, energyKwh = LOAD): Promise<void> {
		const of = (n: number): Interval => ({
			...{ site: site.id, machine: "press", startMs: nowMs - n * QUARTER_MS, durationMs: QUARTER_MS },
			...{ energyKwh, estimatedKwh: 0, meanKw: 4 * energyKwh, maxKw: 4 * energyKwh, minKw: 4 * energyKwh },
			...{ coverage: 1, quality: "good", samples: 15 },
		});
		await store.writeIntervals(Array.from({ length: quarters }, (_, i) => of(quarters - i)));
	}

	/** As after a restart: what it knows, it has read. */
	const forecasts = (): SiteForecast =>
		new SiteForecast(
			site,
			async () => store,
			trainer,
			{ historyDays: 60, keepDays: 30, share: 0.9, driftFactor: 1.5 },
			() => nowMs,
		);
	const ended = (): Promise<unknown> => Promise.all(trainer.jobs.map(({ done }) => done));
	const records = () => trainer.registry.list({ task: "forecast", machine: "press" });
	const local = (ms: number): string => new Date(ms).toLocaleString("sv-SE", { timeZone: site.timeZone }).slice(0, 16);

	/** Every quarter-hour from now to then, as the node does it; when the press was trained, by the clocks there. */
	async function live(to: string, among = forecasts()): Promise<string[]> {
		const trained: string[] = [];
		for (; nowMs <= Date.parse(to); nowMs += QUARTER_MS) {
			const asked = await among.trainings.nightly(lastLocalHour(NIGHT, site.timeZone, nowMs));
			if (asked.includes("press")) trained.push(local(nowMs));
			await ended();
		}
		return trained;
	}

	async function firstTraining(): Promise<void> {
		assert.ok((await forecasts().trainings.first()).includes("press"));
		await ended();
		const [first] = await records();
		assert.deepEqual([first?.reason, first?.status, first?.createdMs], ["first", "active", nowMs]);
	}

	describe("by night", () => {
		it("comes once, when the hour has come; a machine that has no model is none of it", async () => {
			await plant("Asia/Seoul", "2026-11-20T18:00:00+09:00");
			assert.deepEqual(await live("2026-11-21T03:00:00+09:00"), []);
			nowMs = Date.parse("2026-11-21T18:00:00+09:00");
			await firstTraining();
			assert.deepEqual(await live("2026-11-23T12:00:00+09:00"), ["2026-11-22 02:00", "2026-11-23 02:00"]);
			assert.deepEqual(
				(await records()).map(({ reason, status }) => [reason, status]),
				[
					["nightly", "active"],
					["nightly", "retired"],
					["first", "retired"],
				],
			);
		});

		it("comes once in nights of 23 and of 25 hours, where the hour is skipped or comes twice", async () => {
			await plant("Europe/Berlin", "2026-03-27T18:00:00+01:00");
			await firstTraining();
			assert.deepEqual(await live("2026-03-30T12:00:00+02:00"), [
				"2026-03-28 02:00",
				"2026-03-29 03:00",
				"2026-03-30 02:00",
			]);
			nowMs = Date.parse("2026-10-24T12:00:00+02:00");
			// The first one makes up for the summer that was left out.
			assert.deepEqual(await live("2026-10-26T12:00:00+01:00"), [
				"2026-10-24 12:00",
				"2026-10-25 02:00",
				"2026-10-26 02:00",
			]);
		});

		it("is made up for where the program was off in the night, and not done twice by a restart", async () => {
			await plant("Asia/Seoul", "2026-11-20T18:00:00+09:00");
			await firstTraining();
			nowMs = Date.parse("2026-11-21T10:30:00+09:00");
			assert.deepEqual(await live("2026-11-21T11:00:00+09:00"), ["2026-11-21 10:30"]);
			assert.deepEqual(await live("2026-11-22T02:15:00+09:00", forecasts()), ["2026-11-22 02:00"]);
			assert.deepEqual(await live("2026-11-22T23:45:00+09:00", forecasts()), []);
		});

		it("is tried again where a restart cut it off, but not for ever", async () => {
			await plant("Asia/Seoul", "2026-11-20T18:00:00+09:00");
			await firstTraining();
			nowMs = Date.parse("2026-11-21T02:00:00+09:00");
			// The process before this one died while it trained.
			const before = new ModelRegistry(join(folder, "models"), { ...thisProcess, run: "before" });
			const address = { task: "forecast", site: site.id, machine: "press" };
			const order = { kind: "load-forecast", options: {}, seed: 1, reason: "nightly" };
			const cutOff = (): Promise<unknown> => before.begin(address, { ...order, createdMs: nowMs });
			await cutOff();
			assert.equal((await records())[0]?.failure?.code, "models.interrupted");
			assert.deepEqual(await live("2026-11-21T02:30:00+09:00"), ["2026-11-21 02:00"]);
			nowMs = Date.parse("2026-11-22T02:00:00+09:00");
			for (let n = 0; n < 3; n++) await cutOff();
			assert.deepEqual(await live("2026-11-23T03:00:00+09:00"), ["2026-11-23 02:00"]);
		});

		it("that failed waits for the next night; a model that somebody brings holds up none", async () => {
			await plant("Asia/Seoul", "2026-11-20T18:00:00+09:00");
			await firstTraining();
			const address = { task: "forecast", site: site.id, machine: "press" };
			const begin = (kind: string, createdMs: number) =>
				trainer.registry.begin(address, { kind, options: {}, seed: 1, reason: "asked", createdMs });
			const failed = await begin("load-forecast", Date.parse("2026-11-21T02:00:00+09:00"));
			await trainer.registry.fail(failed.id, new EnergyError("models.too-little-data", { rows: 1, needed: 2 }));
			const brought = await begin("onnx-forecast", Date.parse("2026-11-22T02:00:00+09:00"));
			await trainer.registry.complete(brought.id, await fits.fit());
			nowMs = Date.parse("2026-11-21T02:00:00+09:00");
			assert.deepEqual(await live("2026-11-22T02:00:00+09:00"), ["2026-11-22 02:00"]);
		});
	});

	it("of the first kind is tried again at once where a restart cut it off", async () => {
		await plant("Asia/Seoul", "2026-11-20T18:00:00+09:00");
		const before = new ModelRegistry(join(folder, "models"), { ...thisProcess, run: "before" });
		const address = { task: "forecast", site: site.id, machine: "press" };
		const order = { kind: "load-forecast", options: {}, seed: 1, reason: "first" };
		await before.begin(address, { ...order, createdMs: nowMs - HOUR_MS });
		assert.ok((await forecasts().trainings.first()).includes("press"));
		await ended();
		assert.deepEqual(await forecasts().trainings.first(), []);
	});

	describe("on drift", () => {
		/** A forecast of the next day each hour of so many, ending now, that errs by so much; then the plant runs on. */
		async function issued(hours: number, errorKwh: number): Promise<void> {
			const journal = Array.from({ length: hours }, (_, hour) => {
				const path = new Array<number>(96).fill(LOAD + errorKwh);
				return packForecast({
					...{ machine: "press", issuedMs: nowMs - (hours - hour) * HOUR_MS, stepMs: QUARTER_MS },
					...{ method: "ensemble", methods: { ensemble: 96 }, engine: { name: "typescript" }, share: 0.9 },
					...{ energyKwh: path, lowerKwh: path, upperKwh: path },
				});
			});
			await store.saveDocuments({ site: site.id, kind: FORECAST_JOURNAL, journal });
		}

		/** Trained three days ago, and as many days of the load since. */
		async function trainedPlant(): Promise<void> {
			await plant("Asia/Seoul", "2026-11-20T18:00:00+09:00");
			await firstTraining();
			nowMs += 3 * DAY_MS;
			await run(3 * 96);
		}

		it("comes when two days erred half again as much as the backtest, once a day", async () => {
			await trainedPlant();
			await issued(48, 1.4);
			assert.deepEqual(await forecasts().trainings.drifted(), []);
			await issued(48, 1.6);
			assert.deepEqual(await forecasts().trainings.drifted(), ["press"]);
			await ended();
			const [newest] = await records();
			assert.deepEqual([newest?.reason, newest?.status], ["drift", "active"]);
			nowMs += 20 * HOUR_MS;
			await run(80);
			await issued(20, 1.6);
			assert.deepEqual(await forecasts().trainings.drifted(), []);
			nowMs += 4 * HOUR_MS;
			await run(16);
			await issued(24, 1.6);
			assert.deepEqual(await forecasts().trainings.drifted(), ["press"]);
		});

		it("comes on a day whose night trained too, unless that cured it", async () => {
			await trainedPlant();
			await issued(48, 1.6);
			await forecasts().trainings.train("press", "nightly");
			await ended();
			assert.deepEqual(await forecasts().trainings.drifted(), []);
			nowMs += 7 * HOUR_MS;
			await run(28);
			await issued(7, 0.1);
			assert.deepEqual(await forecasts().trainings.drifted(), []);
			await issued(7, 9);
			assert.deepEqual(await forecasts().trainings.drifted(), ["press"]);
		});

		it("asks for nothing where too little was forecast to tell", async () => {
			await trainedPlant();
			assert.deepEqual(await forecasts().trainings.drifted(), []);
			await issued(12, 9);
			assert.deepEqual(await forecasts().trainings.drifted(), []);
		});
	});
});
