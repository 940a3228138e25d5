import assert from "node:assert/strict";
import { DAY_MS, parseDate } from "../../../lib/calendar/civil.ts";
import {
	type LoadHistory,
	type LoadModel,
	loadModelKind,
	mayTakeOver,
	naiveForecast,
} from "../../../models/forecast/load-model.ts";
import { decodeModel, encodeModel } from "../../../models/model-file.ts";
import { Random } from "../../../models/random.ts";

const STEP_MS = 900_000;
const startMs = Date.parse("2026-06-01T00:00:00+09:00");
const calendar = { timeZone: "Asia/Seoul", holidays: [parseDate("2026-06-19")] };

/** Weekdays from 8 to 18, at a level that no earlier day tells, else 3 kWh; holidays stand still. */
function factory(days: number): LoadHistory {
	const random = new Random(1);
	let level = 50;
	const values = Float64Array.from({ length: days * 96 }, (_, i) => {
		const day = Math.floor(i / 96);
		if (i % 96 === 0) level = 40 + 20 * random.unit();
		const works = day % 7 < 5 && day !== 18 && i % 96 >= 32 && i % 96 < 72;
		return (works ? level : 3) * (0.9 + 0.2 * random.unit());
	});
	return { startMs, stepMs: STEP_MS, values };
}

const context = { seed: 1, progress: () => {} };
const options = { ...calendar, toLead: 96 };

describe("forecast of a load", function () {
	this.timeout(300_000);
	let model: LoadModel;
	let metrics: Readonly<Record<string, number>>;
	const history = factory(28);

	before(async () => {
		({ model, metrics } = await loadModelKind.fit(history, options, context));
	});

	it("tells tomorrow's load, within bounds, by the ensemble", () => {
		const said = model.predict({ history, toLead: 96 });
		assert.equal(said.method, "ensemble");
		assert.equal(said.issuedMs, startMs + 28 * DAY_MS);
		for (let i = 0; i < 96; i++) {
			const expected = i >= 32 && i < 72 ? 50 : 3;
			assert.ok(Math.abs((said.forecast[i] as number) - expected) < 0.35 * expected, `${i}: ${said.forecast[i]}`);
			assert.ok((said.lower[i] as number) <= (said.forecast[i] as number));
			assert.ok((said.upper[i] as number) >= (said.forecast[i] as number));
		}
	});

	it("beats the baselines in its backtests, and says by how much", () => {
		assert.ok((metrics.hourMae as number) < (metrics.hourBaselineMae as number));
		assert.ok(metrics.hourLearnedCoverage as number);
	});

	it("is the same after it was stored", () => {
		const file = encodeModel(loadModelKind.kind, loadModelKind.version, model.serialise());
		const again = loadModelKind.deserialise(
			decodeModel(file, { kind: loadModelKind.kind, version: loadModelKind.version, path: "test" }),
		);
		assert.deepEqual(again.predict({ history, toLead: 96 }), model.predict({ history, toLead: 96 }));
		assert.deepEqual(again.describe(), model.describe());
	});

	it("is the same for the same seed", async () => {
		const short = { startMs, stepMs: STEP_MS, values: history.values.slice(0, 9 * 96) };
		const [a, b] = await Promise.all([1, 2].map(() => loadModelKind.fit(short, { ...options, toLead: 4 }, context)));
		assert.deepEqual(a?.model.serialise(), b?.model.serialise());
	});

	it("answers beyond what it learned, and says on which rung", () => {
		const said = model.predict({ history, toLead: 200 });
		assert.equal(said.methods.ensemble, 96);
		assert.equal(said.methods["last-value"], 104);
		assert.equal(said.method, "last-value");
		assert.ok(said.forecast.every(Number.isFinite));
	});

	it("never answers NaN: after a gap of weeks, a standstill of weeks, or unknown newest values", () => {
		const gap = factory(28);
		gap.values.fill(Number.NaN, 12 * 96, 27 * 96);
		const still = factory(28);
		still.values.fill(0, 14 * 96);
		const silent = factory(28);
		silent.values.fill(Number.NaN, 28 * 96 - 20);
		for (const one of [gap, still, silent]) {
			const said = model.predict({ history: one, toLead: 96 });
			for (const part of [said.forecast, said.lower, said.upper]) assert.ok(part.every(Number.isFinite));
		}
	});

	it("follows a machine that was off for weeks down to where it is", () => {
		const still = factory(28);
		still.values.fill(0, 14 * 96);
		const { forecast } = model.predict({ history: still, toLead: 4 });
		assert.ok(forecast.every((value) => Math.abs(value) < 5));
	});

	it("refuses to learn from too little, saying how much it needs", async () => {
		await assert.rejects(
			async () => loadModelKind.fit(factory(5), options, context),
			(error: { code: string; details: unknown }) => {
				assert.equal(error.code, "models.too-little-data");
				assert.deepEqual(error.details, { rows: 480, needed: 864 });
				return true;
			},
		);
	});

	it("stops when it is no longer wanted", async () => {
		const progress = (): void => {
			throw new Error("cancelled");
		};
		await assert.rejects(async () => loadModelKind.fit(factory(20), options, { seed: 1, progress }), /cancelled/);
	});
});

describe("forecast without a model", () => {
	it("is last week's, with the misses of the weeks known as its bounds", () => {
		const history = factory(21);
		const said = naiveForecast(history, calendar, 96);
		assert.equal(said.method, "seasonal-naive");
		for (let i = 0; i < 96; i++) assert.equal(said.forecast[i], history.values[14 * 96 + i]);
		assert.ok(said.lower.every((low, i) => low <= (said.forecast[i] as number)));
	});

	it("is the newest value where there is no week yet", () => {
		const history = factory(2);
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
