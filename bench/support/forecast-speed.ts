import { availableParallelism } from "node:os";
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
import { askPeers } from "./forecast-peers.ts";

interface Rows {
	x: FloatMatrix;
	y: Float64Array;
}

/** As many columns as the published fit times were measured with. */
const COLUMNS = 19;
const xgboostLike = { trees: 300, maxDepth: 6, learningRate: 0.1, lambda: 1, minChildWeight: 1, seed: 1 };

/** Fit time and error of each learner beside its peer, on the same rows; the best of three runs of ours. */
export async function speed({ train, test }: { train: Rows; test: Rows }): Promise<Figures> {
	const all: Rows = { x: firstColumns(train.x), y: train.y };
	const asked = firstColumns(test.x);
	const threads = availableParallelism();
	const rows: Figures[] = [];
	const ours = async (what: string, learn: () => TreeEnsemble | Promise<TreeEnsemble>): Promise<void> => {
		let best = Infinity;
		let model: TreeEnsemble | undefined;
		for (let run = 0; run < 3; run++) {
			const started = performance.now();
			model = await learn();
			best = Math.min(best, (performance.now() - started) / 1_000);
		}
		if (model) rows.push({ what, fitSeconds: round(best), ...measure(model.predict(asked), test.y) });
	};
	await ours("boosting, squared", () => fitBoosting(all.x, all.y, { ...xgboostLike, loss: { kind: "squared" } }));
	await ours("boosting, pseudo-Huber", () =>
		fitBoosting(all.x, all.y, { ...xgboostLike, loss: { kind: "pseudo-huber", delta: 1 } }),
	);
	await ours("random forest, 200 trees", () => fitForest(all.x, all.y, { seed: 1, threads }));
	const peers = askPeers(
		[
			"XGBoost squared",
			"XGBoost pseudo-Huber",
			"scikit-learn RandomForest",
			"scikit-learn RandomForest, leaves of 5, a third of the columns",
		],
		all,
		asked,
		threads,
	);
	for (const { name, forecast, fitSeconds } of peers) {
		rows.push({ what: name, fitSeconds: round(fitSeconds), ...measure(forecast, test.y) });
	}
	return { rows: all.y.length, columns: COLUMNS, threads, fits: rows, lstm: lstmYear(), serving: await serving(train) };
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
