import assert from "node:assert/strict";
import fc from "fast-check";
import { siteHolidays } from "../../../lib/calendar/holidays.ts";
import { Blocks, strideOf } from "../../../models/forecast/blocks.ts";
import type { Horizon } from "../../../models/forecast/horizon.ts";
import {
	type FittedPath,
	fitPaths,
	type LoadView,
	pathAnswers,
	pathLearners,
} from "../../../models/forecast/path-learners.ts";
import { PathLstm } from "../../../models/forecast/path-lstm.ts";
import { PathRidge } from "../../../models/forecast/path-ridge.ts";
import { learnsFrom, RollingIntervals } from "../../../models/forecast/rolling-intervals.ts";
import { CalendarGrid } from "../../../models/forecast/series.ts";
import { Random } from "../../../models/random.ts";
import { scaleOf } from "../../../models/training/scale.ts";
import { scalingMethods } from "../../../models/training/settings.ts";

const HOUR_MS = 3_600_000;
const DAYS = 50;
const LENGTH = DAYS * 24;
const startMs = Date.parse("2026-03-02T00:00:00+09:00");
const grid = new CalendarGrid(startMs, HOUR_MS, LENGTH, { timeZone: "Asia/Seoul", holidays: siteHolidays() });
const day: Horizon = { name: "day", fromLead: 1, toLead: 24, issueEvery: 3 };
const near: Horizon = { name: "hour", fromLead: 1, toLead: 2, issueEvery: 1 };

function load(): Float64Array {
	const random = new Random(2);
	return Float64Array.from({ length: LENGTH }, (_, i) => {
		const works = Math.floor(i / 24) % 7 < 5 && i % 24 >= 7 && i % 24 < 19;
		return (works ? 60 : 8) + 4 * random.unit();
	});
}

function lastDays(view: LoadView, learner: FittedPath): number {
	const origins: number[] = [];
	const targets: number[] = [];
	for (let origin = LENGTH - 7 * 24; origin + 24 <= LENGTH; origin += 24) {
		for (let lead = 0; lead < 24; lead++) {
			origins.push(origin);
			targets.push(origin + lead);
		}
	}
	const pairs = { origins: Int32Array.from(origins), targets: Int32Array.from(targets) };
	const said = pathAnswers(learner, view, pairs);
	return said.reduce((sum, value, i) => sum + Math.abs(value - (view.values[targets[i] as number] as number)), 0) / 168;
}

describe("learners of a path", function () {
	this.timeout(120_000);
	const view = { grid, values: load() };
	const options = { seed: 1, from: 0, to: LENGTH - 7 * 24 };
	const fitted = fitPaths(pathLearners, view, day, options);
	const fittedNear = fitPaths(pathLearners, view, near, { ...options, sequences: 300 });

	it("learn the rhythm of a plant better than yesterday tells it", () => {
		assert.deepEqual(
			fitted.map(({ id }) => id),
			["ridge", "lstm"],
		);
		for (const learner of fitted) assert.ok(lastDays(view, learner) < 8, `${learner.id}: ${lastDays(view, learner)}`);
	});

	it("never read what lies at or after an issue", () => {
		const origin = fc.integer({ min: 20 * 24, max: LENGTH - 30 });
		fc.assert(
			fc.property(origin, fc.double({ min: -1e3, max: 1e6, noNaN: true }), fc.boolean(), (at, by, unknown) => {
				const changed = { grid, values: view.values.slice() };
				changed.values.fill(unknown ? Number.NaN : by, at);
				const targets = Int32Array.from({ length: 24 }, (_, i) => at + i);
				const pairs = { origins: new Int32Array(24).fill(at), targets };
				for (const learner of [...fitted, ...fittedNear]) {
					assert.deepEqual(pathAnswers(learner, changed, pairs), pathAnswers(learner, view, pairs));
				}
			}),
			{ numRuns: 40 },
		);
	});

	it("see the load by the scale that the configuration names; a ridge answers alike by any", () => {
		const short = { ...options, sequences: 100 };
		const pairs = {
			origins: new Int32Array(2).fill(LENGTH - 24),
			targets: Int32Array.from({ length: 2 }, (_, i) => LENGTH - 24 + i),
		};
		const said = scalingMethods.map((scaling) => {
			const [ridge, lstm] = fitPaths(pathLearners, view, near, { ...short, scaling });
			assert.ok(ridge && lstm instanceof PathLstm);
			assert.deepEqual(lstm.scale, scaleOf(view.values.subarray(short.from, short.to), scaling));
			const answers = pathAnswers(lstm, view, pairs);
			assert.ok(answers.every(Number.isFinite));
			return { ridge: pathAnswers(ridge, view, pairs), lstm: answers };
		});
		for (const one of said.slice(1)) {
			assert.deepEqual(one.ridge, said[0]?.ridge);
			assert.notDeepEqual(one.lstm, said[0]?.lstm);
		}
		const unset = fitPaths(["lstm"], view, near, short);
		assert.deepEqual(pathAnswers(unset[0] as FittedPath, view, pairs), said[0]?.lstm);
	});

	it("choose a ridge's penalty by what comes after the share that is fitted on", () => {
		// What is learnt of the first half holds only there.
		const values = Float64Array.from({ length: LENGTH }, (_, i) => 30 + 20 * Math.sin(i < LENGTH / 2 ? i / 4 : i * i));
		const weights = [0.4, 0.9].map((trainRatio) => {
			const [ridge] = fitPaths(["ridge"], { grid, values }, day, { ...options, trainRatio });
			return ridge instanceof PathRidge ? ridge.ridge.weights : undefined;
		});
		assert.ok(weights[0] && weights[1]);
		assert.notDeepEqual(weights[0], weights[1]);
	});

	it("are not there beyond their reach or without history, instead of guessing", () => {
		const week: Horizon = { name: "week", fromLead: 49, toLead: 168, issueEvery: 24 };
		const names = fitPaths(["lstm"], view, week, options).map(({ id }) => id);
		assert.deepEqual(names, []);
		const unknown = { grid, values: new Float64Array(LENGTH).fill(Number.NaN) };
		assert.deepEqual(fitPaths(pathLearners, unknown, day, options), []);
		assert.deepEqual(fitPaths(pathLearners, view, day, { ...options, to: 60 }), []);
	});

	it("answer over a gap from the week before it, and nothing where there is none", () => {
		const gap = { grid, values: view.values.slice() };
		const at = LENGTH - 48;
		gap.values.fill(Number.NaN, at - 10, at);
		const pairs = { origins: Int32Array.of(at), targets: Int32Array.of(at + 5) };
		for (const learner of fitted) {
			assert.ok(Number.isFinite(pathAnswers(learner, gap, pairs)[0]));
			assert.ok(
				Number.isNaN(
					pathAnswers(learner, view, { origins: Int32Array.of(5), targets: Int32Array.of(6) })[0] ?? Number.NaN,
				),
			);
		}
	});
});

describe("blocks of a load", () => {
	it("are means where half of a block is known, for every phase", () => {
		const values = Float64Array.from([1, 3, 5, Number.NaN, Number.NaN, Number.NaN, 7, 9]);
		const quarters = new CalendarGrid(startMs, HOUR_MS / 4, 8, { timeZone: "Asia/Seoul", holidays: siteHolidays() });
		const blocks = new Blocks({ grid: quarters, values }, 2);
		assert.deepEqual([...blocks.known(0)], [2, 5, Number.NaN, 8]);
		assert.deepEqual([...blocks.known(1)], [4, Number.NaN, 7]);
	});

	it("are drawn at strides that meet every time of the day", () => {
		for (const least of [1, 2, 3.5, 12, 24, 90]) {
			const stride = strideOf(least);
			const met = new Set(Array.from({ length: 96 }, (_, i) => (i * stride) % 96));
			assert.ok(stride >= least && met.size === 96, `${least}: ${stride}`);
		}
	});
});

describe("rolling intervals", () => {
	it("learn from some leads of each issue, and from all leads alike over many", () => {
		const horizons: Horizon[] = [
			{ name: "hour", fromLead: 1, toLead: 4, issueEvery: 1 },
			{ name: "day", fromLead: 5, toLead: 192, issueEvery: 12 },
			{ name: "week", fromLead: 193, toLead: 672, issueEvery: 96 },
		];
		for (const horizon of horizons) {
			const span = horizon.toLead - horizon.fromLead + 1;
			const wanted = Math.min(span, horizon.issueEvery);
			const seen = new Int32Array(span);
			for (let issue = 1_000; issue < 1_000 + 40 * span; issue++) {
				let own = 0;
				for (let lead = horizon.fromLead - 3; lead <= horizon.toLead + 3; lead++) {
					if (!learnsFrom(horizon, 96, issue, lead)) continue;
					own++;
					seen[lead - horizon.fromLead] = (seen[lead - horizon.fromLead] as number) + 1;
				}
				assert.equal(own, wanted);
			}
			const mean = seen.reduce((a, b) => a + b, 0) / span;
			for (const count of seen) assert.ok(Math.abs(count / mean - 1) < 0.2, `${horizon.name}: ${count} of ${mean}`);
		}
	});

	it("count what they held, and learn only when the time has come", () => {
		const rolling = new RollingIntervals(0.9, 1);
		for (let i = 0; i < 100; i++) rolling.issue(i * HOUR_MS, 0, 10);
		assert.equal(rolling.coverage, undefined);
		rolling.settle(50 * HOUR_MS, (ms) => ((ms / HOUR_MS) % 5 === 0 ? 30 : 5));
		assert.deepEqual(rolling.coverage, { share: 0.8, values: 50 });
		assert.ok(rolling.correction > 0);
		rolling.settle(100 * HOUR_MS, () => Number.NaN);
		assert.deepEqual(rolling.coverage, { share: 0.8, values: 50 });
	});
});
