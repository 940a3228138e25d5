import assert from "node:assert/strict";
import fc from "fast-check";
import { DAY_MS, parseDate } from "../../../lib/calendar/civil.ts";
import {
	foldDaysOf,
	type LoadForecast,
	type LoadHistory,
	type LoadModel,
	type LoadModelOptions,
	loadModelKind,
	mayTakeOver,
	naiveForecast,
} from "../../../models/forecast/load-model.ts";
import { decodeModel, encodeModel } from "../../../models/model-file.ts";
import { Random } from "../../../models/random.ts";

const HOUR_MS = 3_600_000;
const startMs = Date.parse("2026-06-01T00:00:00+09:00");
const calendar = { timeZone: "Asia/Seoul", holidays: [parseDate("2026-06-19")] };

/** By hours: weekdays from 8 to 18 at a level that no earlier day tells, else 3 kWh; holidays stand still. */
function factory(days: number): LoadHistory {
	const random = new Random(1);
	let level = 50;
	const values = Float64Array.from({ length: days * 24 }, (_, i) => {
		const day = Math.floor(i / 24);
		if (i % 24 === 0) level = 40 + 20 * random.unit();
		const works = day % 7 < 5 && day !== 18 && i % 24 >= 8 && i % 24 < 18;
		return (works ? level : 3) * (0.9 + 0.2 * random.unit());
	});
	return { startMs, stepMs: HOUR_MS, values };
}

const context = { seed: 1, progress: () => {} };
const options = { ...calendar, toLead: 24, maxRows: 1_500 };
const DAYS = 42;

function assertSound({ forecast, lower, upper }: LoadForecast): void {
	for (let i = 0; i < forecast.length; i++) {
		assert.ok(Number.isFinite(forecast[i]), `forecast ${i}: ${forecast[i]}`);
		assert.ok((lower[i] as number) <= (forecast[i] as number), `lower ${i}: ${lower[i]}`);
		assert.ok((upper[i] as number) >= (forecast[i] as number), `upper ${i}: ${upper[i]}`);
	}
}

describe("forecast of a load", function () {
	this.timeout(300_000);
	let model: LoadModel;
	let metrics: Readonly<Record<string, number>>;
	const history = factory(DAYS);

	before(async () => {
		({ model, metrics } = await loadModelKind.fit(history, options, context));
	});

	it("tells tomorrow's load, within bounds, by the ensemble", () => {
		const said = model.predict({ history, toLead: 24 });
		assert.equal(said.method, "ensemble");
		assert.equal(said.issuedMs, startMs + DAYS * DAY_MS);
		for (let i = 0; i < 24; i++) {
			const [expected, within] = i >= 8 && i < 18 ? [50, 17] : [3, 6];
			assert.ok(Math.abs((said.forecast[i] as number) - expected) < within, `${i}: ${said.forecast[i]}`);
		}
		assertSound(said);
	});

	it("beats the baselines in its backtests, says by how much, and what its intervals held", () => {
		assert.ok((metrics.dayMae as number) < (metrics.dayBaselineMae as number));
		assert.ok((metrics.dayCoverage as number) > 0.5 && (metrics.dayCoverage as number) <= 1);
	});

	it("has a network and a ridge among its members, and tells the weight of each", () => {
		for (const { backtest } of model.horizons) assert.ok(backtest.lstm !== undefined && backtest.ridge !== undefined);
		const { day } = model.describe().facts.weights as Record<string, Record<string, number>>;
		const { by, ...weights } = day as unknown as { by: string } & Record<string, number>;
		assert.ok(["mean", "median"].includes(by));
		assert.ok(weights.lstm !== undefined && weights.ridge !== undefined);
		assert.ok(Math.abs(Object.values(weights).reduce((a, b) => a + b, 0) - 1) < 1e-9);
	});

	it("is the same after it was stored", () => {
		const file = encodeModel(loadModelKind.kind, loadModelKind.version, model.serialise());
		const again = loadModelKind.deserialise(
			decodeModel(file, { kind: loadModelKind.kind, version: loadModelKind.version, path: "test" }),
		);
		const later = factory(DAYS + 3);
		assert.deepEqual(again.predict({ history: later, toLead: 24 }), model.predict({ history: later, toLead: 24 }));
		assert.deepEqual(again.describe(), model.describe());
	});

	it("holds out what the configuration leaves to validate on, a week at least, a quarter of less", () => {
		const shares = [0.5, 0.8, 0.95];
		assert.deepEqual(
			shares.map((share) => foldDaysOf(337, share)),
			[84, 34, 8],
		);
		assert.deepEqual(
			shares.map((share) => foldDaysOf(45, share)),
			[11, 7, 7],
		);
		assert.deepEqual(
			shares.map((share) => foldDaysOf(12, share)),
			[3, 3, 3],
		);
		assert.equal(foldDaysOf(2, 0.8), 1);
	});

	it("was fitted as configured, and says so after it was stored too", async () => {
		const configured = { ...options, toLead: 1, maxRows: 200, trainRatio: 0.5, scaling: "robust" } as const;
		const learn = (given: LoadModelOptions) => loadModelKind.fit(factory(21), given, context);
		const [{ model: own }, { model: usual }] = [
			await learn(configured),
			await learn({ ...configured, trainRatio: 0.8 }),
		];
		const again = loadModelKind.deserialise(own.serialise());
		assert.deepEqual(again.describe(), own.describe());
		const { trainRatio, scaling } = again.describe().facts;
		assert.deepEqual({ trainRatio, scaling }, { trainRatio: 0.5, scaling: "robust" });
		// Longer backtests leave more to begin the intervals with.
		const scores = ({ horizons }: LoadModel): number => horizons[0]?.intervals.scores.length ?? 0;
		assert.ok(scores(own) > scores(usual), `${scores(own)} ${scores(usual)}`);
	});

	it("is the same for the same seed", async () => {
		const short = { startMs, stepMs: HOUR_MS, values: history.values.slice(0, 9 * 24) };
		const fits = [1, 2].map(() => loadModelKind.fit(short, { ...options, toLead: 4, maxRows: 200 }, context));
		const [a, b] = await Promise.all(fits);
		assert.deepEqual(a?.model.serialise(), b?.model.serialise());
	});

	it("answers beyond what it learned, and says on which rung", () => {
		const said = model.predict({ history, toLead: 200 });
		assert.equal(said.methods.ensemble, 24);
		assert.equal(said.methods["last-value"], 176);
		assert.equal(said.method, "last-value");
		assertSound(said);
	});

	it("never answers NaN: whatever part of the load is unknown, stands still or runs away", () => {
		const start = fc.integer({ min: 0, max: DAYS * 24 - 1 });
		const spoilt = fc.record({
			first: start,
			length: fc.integer({ min: 1, max: 30 * 24 }),
			by: fc.constantFrom(Number.NaN, 0, 1e6),
			alsoNewest: fc.integer({ min: 0, max: 40 }),
		});
		fc.assert(
			fc.property(spoilt, ({ first, length, by, alsoNewest }) => {
				const one = factory(DAYS);
				one.values.fill(by, first, first + length);
				one.values.fill(Number.NaN, DAYS * 24 - alsoNewest);
				if (!one.values.subarray(-168).some(Number.isFinite)) {
					assert.throws(() => model.predict({ history: one, toLead: 30 }), { code: "models.too-little-data" });
				} else assertSound(model.predict({ history: one, toLead: 30 }));
			}),
			{ numRuns: 25 },
		);
	});

	it("follows a machine that was off for weeks down to where it is", () => {
		const still = factory(DAYS);
		still.values.fill(0, 28 * 24);
		const { forecast } = model.predict({ history: still, toLead: 1 });
		assert.ok(forecast.every((value) => Math.abs(value) < 5));
	});

	it("widens its intervals where the plant has changed since, and tells what they held", () => {
		const wild = factory(DAYS + 12);
		const random = new Random(3);
		for (let i = DAYS * 24; i < wild.values.length; i++) {
			wild.values[i] = Math.max(0, (wild.values[i] as number) + 120 * (random.unit() - 0.5));
		}
		const width = ({ lower, upper }: LoadForecast): number =>
			lower.reduce((sum, low, i) => sum + (upper[i] as number) - low, 0);
		// What the learned bounds see of the last days is alike: only what was missed in the days before differs.
		const calm = factory(DAYS + 12);
		calm.values.set(wild.values.subarray(-24), calm.values.length - 24);
		const said = model.predict({ history: wild, toLead: 24 });
		assert.ok(width(said) > 1.3 * width(model.predict({ history: calm, toLead: 24 })));
		const { share, values } = said.coverage?.day ?? {};
		assert.ok((values as number) > 100 && (share as number) > 0 && (share as number) < 1);
	});

	it("goes on with its intervals from call to call as after a restart", () => {
		const fresh = (): LoadModel => loadModelKind.deserialise(model.serialise());
		const long = factory(DAYS + 6);
		const serving = fresh();
		let said: LoadForecast | undefined;
		for (let hours = DAYS * 24; hours <= long.values.length; hours += 6) {
			said = serving.predict({ history: { ...long, values: long.values.slice(0, hours) }, toLead: 24 });
		}
		assert.deepEqual(said, fresh().predict({ history: long, toLead: 24 }));
	});

	it("keeps the wall clock over a day of 23 hours", () => {
		// Clocks go forward on 28 March 2027 in Berlin; the model serves a site there as it would in Seoul.
		const from = Date.parse("2027-02-22T00:00:00+01:00");
		const berlin = new (model.constructor as new (...args: unknown[]) => LoadModel)(
			...[model.seed, model.stepMs, model.spec, { ...model.options, timeZone: "Europe/Berlin" }, model.horizons],
		);
		const values = factory(34).values;
		const said = berlin.predict({ history: { startMs: from, stepMs: HOUR_MS, values }, toLead: 24 });
		assertSound(said);
	});

	it("refuses to learn from too little, saying how much it needs", async () => {
		await assert.rejects(
			async () => loadModelKind.fit(factory(5), options, context),
			(error: { code: string; details: unknown }) => {
				assert.equal(error.code, "models.too-little-data");
				assert.deepEqual(error.details, { rows: 120, needed: 216 });
				return true;
			},
		);
	});

	it("learns from a history of gaps what there is", async () => {
		const torn = factory(30);
		for (let day = 1; day < 30; day += 3) torn.values.fill(Number.NaN, day * 24 + 5, day * 24 + 20);
		const { model: own } = await loadModelKind.fit(torn, { ...options, maxRows: 300 }, context);
		assertSound(own.predict({ history: torn, toLead: 24 }));
	});

	it("heeds the plan: days planned to stand still stand still, tomorrow and the day after the next", async () => {
		const random = new Random(7);
		const runs = Array.from({ length: 44 }, (_, day) => day % 7 < 5 && random.unit() < 0.7);
		const hours = 43 * 24;
		const values = Float64Array.from({ length: hours }, (_, i) => {
			const works = runs[Math.floor(i / 24)] && i % 24 >= 8 && i % 24 < 18;
			return (works ? 50 : 3) * (0.9 + 0.2 * random.unit());
		});
		const known = (tomorrow: boolean): LoadHistory => {
			const plan = Float64Array.from({ length: hours + 60 }, (_, i) =>
				(i < hours ? runs[Math.floor(i / 24)] : tomorrow) ? 1 : 0,
			);
			return { startMs, stepMs: HOUR_MS, values, known: { plan } };
		};
		const { model: planned } = await loadModelKind.fit(known(true), { ...options, toLead: 60, maxRows: 800 }, context);
		const at = (tomorrow: boolean, lead: number) =>
			planned.predict({ history: known(tomorrow), toLead: 60 }).forecast[lead] as number;
		for (const lead of [12, 59]) {
			assert.ok(at(true, lead) > 35, `to run: ${at(true, lead)}`);
			assert.ok(at(false, lead) < 15, `to stand still: ${at(false, lead)}`);
		}
	});

	it("stops when it is no longer wanted", async () => {
		const progress = (): void => {
			throw new Error("cancelled");
		};
		await assert.rejects(async () => loadModelKind.fit(factory(20), options, { seed: 1, progress }), /cancelled/);
	});
});

describe("forecast without a model", () => {
	const STEP_MS = 900_000;
	/** The factory by quarter-hours. */
	const quarters = (days: number): LoadHistory => ({
		...{ startMs, stepMs: STEP_MS },
		values: Float64Array.from({ length: days * 96 }, (_, i) => factory(days).values[i >> 2] as number),
	});

	it("is last week's, with the misses of the weeks known as its bounds", () => {
		const history = factory(21);
		const said = naiveForecast(history, calendar, 24);
		assert.equal(said.method, "seasonal-naive");
		for (let i = 0; i < 24; i++) assert.equal(said.forecast[i], history.values[14 * 24 + i]);
		assertSound(said);
	});

	it("is the newest value where there is no week yet", () => {
		const history = quarters(2);
		history.values[191] = 7;
		const said = naiveForecast(history, calendar, 4);
		assert.equal(said.method, "last-value");
		assert.deepEqual([...said.forecast], [7, 7, 7, 7]);
	});

	it("keeps the wall clock on a day of 100 quarter-hours", () => {
		const from = Date.parse("2026-10-12T00:00:00+02:00");
		const values = Float64Array.from({ length: 13 * 96 }, (_, i) => i % 96);
		// Issued on Sunday 25 October: its hour from two to three comes twice, and both take last week's.
		const said = naiveForecast(
			{ startMs: from, stepMs: STEP_MS, values },
			{ timeZone: "Europe/Berlin", holidays: [] },
			100,
		);
		assert.deepEqual([...said.forecast.slice(8, 16)], [8, 9, 10, 11, 8, 9, 10, 11]);
		assert.equal(said.forecast[99], 95);
	});

	it("says so where nothing is known", () => {
		const history = { startMs, stepMs: STEP_MS, values: new Float64Array(96).fill(Number.NaN) };
		assert.throws(() => naiveForecast(history, calendar, 4), { code: "models.too-little-data" });
	});
});

describe("a fitted model", () => {
	const good = { dayMae: 5, dayBaselineMae: 10 };
	it("takes over only where it beats the baselines, and isn't clearly worse than the active one", () => {
		assert.ok(mayTakeOver(good, undefined));
		assert.ok(mayTakeOver(good, { dayMae: 5.1, dayBaselineMae: 10 }));
		assert.ok(!mayTakeOver(good, { dayMae: 4, dayBaselineMae: 10 }));
		assert.ok(!mayTakeOver({ dayMae: 11, dayBaselineMae: 10 }, undefined));
		assert.ok(!mayTakeOver(undefined, undefined));
		// A harder month: twice the error, and twice that of the baseline.
		assert.ok(mayTakeOver({ dayMae: 10, dayBaselineMae: 20 }, good));
	});
});
