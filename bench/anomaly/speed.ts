// Speed beside scikit-learn and ml-isolation-forest, and what detection costs the event loop a reading.

import { Plant } from "../../lib/plant/plant.ts";
import type { Reading } from "../../lib/telemetry/reading.ts";
import { IsolationForest } from "../../models/anomaly/isolation-forest.ts";
import { LocalOutlierFactor } from "../../models/anomaly/local-outlier-factor.ts";
import { machineModelKind } from "../../models/anomaly/machine-model.ts";
import { columnsOf } from "../../models/anomaly/readings.ts";
import { MachineWatch } from "../../models/anomaly/watch.ts";
import type { Matrix } from "../../models/matrix.ts";
import { Random } from "../../models/random.ts";
import type { Figures } from "../run.ts";
import { askSklearn, mlIsolationForest } from "./peers.ts";

const ROWS = 20_000;
const COLUMNS = 8;

export function speedSection(): Figures {
	const x = normals(ROWS, COLUMNS);
	const few: Matrix = { data: x.data.subarray(0, 5_000 * COLUMNS), rows: 5_000, columns: COLUMNS };
	let forest = IsolationForest.fit(x, { seed: 1 });
	const forestFitMs = best(() => {
		forest = IsolationForest.fit(x, { seed: 1 });
	});
	const forestScoreMs = best(() => forest.score(x));
	const one: Matrix = { data: x.data.subarray(0, COLUMNS), rows: 1, columns: COLUMNS };
	let lof = new LocalOutlierFactor(few, 20);
	const lofFitMs = best(() => {
		lof = new LocalOutlierFactor(few, 20);
	});
	const lofScoreMs = best(() => lof.score(few));
	const sklearn = askSklearn({ speed: true })?.speed;
	const ml = mlSpeed(x);
	return {
		rows: [
			line(
				"forest 20,000 × 8, 100 trees: fit + score, ms",
				forestFitMs + forestScoreMs,
				sklearn && sklearn.forestFitMs + sklearn.forestScoreMs,
				ml?.totalMs,
			),
			line("forest: one row, µs", 1e3 * best(() => forest.score(one), 200), sklearn?.forestOneRowUs, ml?.oneRowUs),
			line("LOF 5,000 × 8, k = 20: fit, ms", lofFitMs, sklearn?.lofFitMs, undefined),
			line("LOF 5,000 × 8, k = 20: score, ms", lofScoreMs, sklearn?.lofScoreMs, undefined),
		],
		...loopCost(),
	};
}

function line(what: string, ours: number, sklearn: number | undefined, ml: number | undefined): Figures {
	const times = (peer: number | undefined): number | null => (peer === undefined ? null : round(peer / ours));
	return {
		what,
		ours: round(ours),
		sklearn: sklearn === undefined ? null : round(sklearn),
		mlIsolationForest: ml === undefined ? null : round(ml),
		timesSklearn: times(sklearn),
		timesMl: times(ml),
	};
}

function mlSpeed(x: Matrix): { totalMs: number; oneRowUs: number } | undefined {
	const Forest = mlIsolationForest();
	if (!Forest) return undefined;
	const rows = Array.from({ length: x.rows }, (_, row) =>
		Array.from(x.data.subarray(row * x.columns, (row + 1) * x.columns)),
	);
	const begunMs = performance.now();
	const forest = new Forest({ nEstimators: 100 });
	forest.train(rows);
	forest.predict(rows);
	const totalMs = performance.now() - begunMs;
	return { totalMs, oneRowUs: 1e3 * best(() => forest.predict(rows.slice(0, 1)), 20) };
}

/** The whole ensemble on readings of a machine of the simulated plant, as the node calls it. */
function loopCost(): Figures {
	const plant = new Plant({ seed: 3 });
	const startMs = Date.UTC(2026, 9, 5);
	const readings: Reading[] = [];
	for (let minute = 0; minute < 16 * 1_440; minute++) {
		const sample = plant.advanceTo(startMs + minute * 60_000).find(({ reading }) => reading.machine === "mill-1");
		if (sample) readings.push(sample.reading);
	}
	const outcome = machineModelKind.fit(
		columnsOf(readings.slice(0, 14 * 1_440)),
		{ timeZone: "Asia/Seoul" },
		{ seed: 1, progress: () => undefined },
	);
	if (outcome instanceof Promise) throw new TypeError("fits at once");
	const live = readings.slice(14 * 1_440);
	const cost = (batch: number): number => {
		let least = Infinity;
		for (let round = 0; round < 5; round++) {
			const watch = new MachineWatch(320);
			watch.use(outcome.model, "bench");
			const begun = process.cpuUsage();
			for (let at = 0; at < live.length; at += batch) watch.add(live.slice(at, at + batch));
			const { user, system } = process.cpuUsage(begun);
			least = Math.min(least, (user + system) / live.length);
		}
		return round(least);
	};
	return {
		"one reading alone, µs": cost(1),
		"in batches of 100, µs a reading": cost(100),
		"in batches of 1,000, µs a reading": cost(1_000),
	};
}

function normals(rows: number, columns: number): Matrix {
	const random = new Random(1);
	const data = Float64Array.from(
		{ length: rows * columns },
		() => Math.sqrt(-2 * Math.log(1 - random.unit())) * Math.cos(2 * Math.PI * random.unit()),
	);
	return { data, rows, columns };
}

function best(work: () => unknown, rounds = 3): number {
	let least = Infinity;
	for (let i = 0; i < rounds; i++) {
		const begunMs = performance.now();
		work();
		least = Math.min(least, performance.now() - begunMs);
	}
	return least;
}

const round = (value: number): number => Math.round(value * 100) / 100;
