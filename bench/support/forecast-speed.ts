import { availableParallelism, loadavg } from "node:os";
import { siteHolidays } from "../../lib/calendar/holidays.ts";
import { type FloatMatrix, floatRows } from "../../models/float-matrix.ts";
import { pathAnswers } from "../../models/forecast/path-learners.ts";
import { PathLstm } from "../../models/forecast/path-lstm.ts";
import { CalendarGrid } from "../../models/forecast/series.ts";
import { answerOf, fitTrees, pointLearners } from "../../models/forecast/tree-learners.ts";
import { fitBoosting } from "../../models/forecast/trees/boosting.ts";
import { fitForest } from "../../models/forecast/trees/forest.ts";
import type { TreeEnsemble } from "../../models/forecast/trees/tree-ensemble.ts";
import { treesToOnnx } from "../../models/onnx/export.ts";
import { onnxAvailable, onnxSession } from "../../models/onnx/runtime.ts";
import { Random } from "../../models/random.ts";
import type { Figures } from "../run.ts";
import { measure, round } from "./forecast-measures.ts";
import { askPeers, type PeerName, peerBins } from "./forecast-peers.ts";

interface Rows {
	x: FloatMatrix;
	y: Float64Array;
}

/** As many columns as the published fit times were measured with. */
const COLUMNS = 19;
const xgboostLike = { trees: 300, maxDepth: 6, learningRate: 0.1, lambda: 1, minChildWeight: 1, seed: 1 };

/** Rows of the published fit times. */
const ROWS = 26_496;
const sections = ["boosting", "forest", "lstm", "serving"] as const;

/**
 * Fit time and error of each learner beside its peer on the same rows, seconds on the wall and of processor time: on a
 * busy machine only the latter compare.
 *
 * @param wanted sections, separated by commas; all where empty
 */
export async function speed({ train, test }: { train: Rows; test: Rows }, wanted = ""): Promise<Figures> {
	const asked = wanted ? wanted.split(",") : sections;
	const rows: Rows = {
		x: firstColumns(floatRows(train.x, 0, Math.min(ROWS, train.x.rows))),
		y: train.y.slice(0, ROWS),
	};
	const of: Rows = { x: firstColumns(test.x), y: test.y };
	const threads = availableParallelism();
	const figures: Figures = {
		rows: rows.y.length,
		columns: COLUMNS,
		threads,
		load: loadavg().map((one) => round(one, 1)),
	};
	for (const section of asked) {
		if (section === "boosting") figures.boosting = await boostings(rows, of, threads);
		else if (section === "forest") figures.forest = await forests(rows, of, threads);
		else if (section === "lstm") figures.lstm = lstmYear();
		else if (section === "serving") figures.serving = await serving(train);
		else throw new Error(`--speed takes ${sections.join(", ")}`);
	}
	return figures;
}

interface Timed {
	model: TreeEnsemble;
	fitSeconds: number;
	cpuSeconds: number;
}

/** The best of some runs. */
async function timed(learn: () => TreeEnsemble | Promise<TreeEnsemble>, runs: number): Promise<Timed> {
	let best: Timed | undefined;
	for (let run = 0; run < runs; run++) {
		const started = performance.now();
		const before = process.cpuUsage();
		const model = await learn();
		const cpu = process.cpuUsage(before);
		const fitSeconds = (performance.now() - started) / 1_000;
		if (!best || fitSeconds < best.fitSeconds) best = { model, fitSeconds, cpuSeconds: (cpu.user + cpu.system) / 1e6 };
	}
	return best as Timed;
}

const seconds = ({ fitSeconds, cpuSeconds }: { fitSeconds: number; cpuSeconds: number }): Figures => ({
	...{ fitSeconds: round(fitSeconds, 2), cpuSeconds: round(cpuSeconds, 2) },
});

async function boostings(rows: Rows, test: Rows, threads: number): Promise<Figures> {
	const figures: Figures[] = [];
	const squared: number[] = [];
	for (const bins of peerBins) {
		const options = { ...xgboostLike, bins: bins - 1, loss: { kind: "squared" } as const };
		const one = await timed(() => fitBoosting(rows.x, rows.y, options), squared.length === 0 ? 3 : 1);
		const measured = measure(one.model.predict(test.x), test.y);
		squared.push(measured.rmse);
		figures.push({ what: `boosting, squared, ${bins} bins`, ...seconds(one), ...measured });
	}
	const huber = { ...xgboostLike, loss: { kind: "pseudo-huber", delta: 1 } as const };
	const one = await timed(() => fitBoosting(rows.x, rows.y, huber), 2);
	figures.push({ what: "boosting, pseudo-Huber", ...seconds(one), ...measure(one.model.predict(test.x), test.y) });
	const names: PeerName[] = [
		...peerBins.map((bins) => `XGBoost squared, ${bins} bins` as const),
		"XGBoost pseudo-Huber",
	];
	const theirs: number[] = [];
	for (const peer of askPeers(names, rows, test.x, threads)) {
		const measured = measure(peer.forecast, test.y);
		if (peer.name.includes("bins")) theirs.push(measured.rmse);
		figures.push({ what: peer.name, ...seconds(peer), ...measured });
	}
	const mean = (all: number[]): number => all.reduce((sum, one) => sum + one, 0) / all.length;
	return {
		...(theirs.length > 0 && { rmseRatioSquared: round(mean(squared) / mean(theirs), 4) }),
		fits: figures,
	};
}

async function forests(rows: Rows, test: Rows, threads: number): Promise<Figures> {
	const figures: Figures[] = [];
	const grown = [
		["random forest of 200", {}],
		["random forest of 200, grown out, all columns", { minRows: 1, columnShare: 1 }],
	] as const;
	for (const [what, options] of grown) {
		const one = await timed(() => fitForest(rows.x, rows.y, { seed: 1, threads, ...options }), 2);
		figures.push({ what, ...seconds(one), ...measure(one.model.predict(test.x), test.y) });
	}
	const names: PeerName[] = [
		"scikit-learn RandomForest, leaves of 5, a third of the columns",
		"scikit-learn RandomForest",
	];
	for (const peer of askPeers(names, rows, test.x, threads)) {
		figures.push({ what: peer.name, ...seconds(peer), ...measure(peer.forecast, test.y) });
	}
	return { fits: figures };
}

/** A year of hours with the rhythms of a plant: weeks, days, and a level that wanders. */
function lstmYear(): Figures {
	const random = new Random(1);
	const length = 8_760;
	const grid = new CalendarGrid(Date.UTC(2026, 0, 1), 3_600_000, length + 24, {
		timeZone: "UTC",
		holidays: siteHolidays(),
	});
	let level = 1;
	const values = Float64Array.from({ length }, (_, i) => {
		level = 0.99 * level + 0.01 + 0.05 * (random.unit() - 0.5);
		const works =
			grid.kind[(grid.day[i] as number) + 1] === 0 && (grid.slot[i] as number) > 6 && (grid.slot[i] as number) < 20;
		return level * (works ? 50 : 5) + random.unit();
	});
	const started = performance.now();
	const cpu = process.cpuUsage();
	const horizon = { name: "day", fromLead: 1, toLead: 24, issueEvery: 1 };
	const to = length - 24;
	const model = PathLstm.fit({ grid, values }, horizon, { seed: 1, from: 0, to });
	const seconds = (performance.now() - started) / 1_000;
	const cpuSeconds = process.cpuUsage(cpu).user / 1e6;
	const targets = Int32Array.from({ length: 24 }, (_, i) => to + i);
	const pairs = { origins: new Int32Array(24).fill(to), targets };
	const path = model && pathAnswers(model, { grid, values: values.subarray(0, to) }, pairs);
	const actual = values.subarray(to);
	return {
		hours: length,
		fitSeconds: round(seconds, 1),
		cpuSeconds: round(cpuSeconds, 1),
		...(path && { lastDayMae: measure(path, actual).mae }),
	};
}

/** 100 machines, the next day by quarter-hours each: 9,600 rows through all learners of an ensemble. */
async function serving({ x, y }: Rows): Promise<Figures> {
	const anchor = new Float64Array(x.rows);
	const fitted = await fitTrees(pointLearners, x, y, anchor, { seed: 1, backtest: true });
	const asked = floatRows(x, 0, Math.min(9_600, x.rows));
	const distances = { data: new Float32Array(asked.rows), shape: [asked.rows, 1] };
	const figures: Figures = { rows: asked.rows, learners: fitted.length };
	const best = async (run: () => unknown): Promise<number> => {
		let ms = Infinity;
		for (let i = 0; i < 5; i++) {
			const started = performance.now();
			await run();
			ms = Math.min(ms, performance.now() - started);
		}
		return round(ms, 0);
	};
	figures.typescriptMs = await best(() => fitted.map((learner) => answerOf(learner, asked, anchor)));
	if (!(await onnxAvailable())) return figures;
	const sessions = await Promise.all(fitted.map(({ id, trees }) => onnxSession(`bench ${id}`, treesToOnnx(trees))));
	figures.onnxMs = await best(async () => {
		for (const session of sessions) {
			await session.run({ features: { data: asked.data, shape: [asked.rows, asked.columns] }, anchor: distances });
		}
	});
	return figures;
}

function firstColumns({ data, rows, columns }: FloatMatrix): FloatMatrix {
	const kept = Math.min(COLUMNS, columns);
	const out = new Float32Array(rows * kept);
	for (let row = 0; row < rows; row++) out.set(data.subarray(row * columns, row * columns + kept), row * kept);
	return { data: out, rows, columns: kept };
}
