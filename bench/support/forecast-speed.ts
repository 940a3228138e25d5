import { availableParallelism } from "node:os";
import type { FloatMatrix } from "../../models/float-matrix.ts";
import { fitBoosting } from "../../models/forecast/trees/boosting.ts";
import { fitForest } from "../../models/forecast/trees/forest.ts";
import type { TreeEnsemble } from "../../models/forecast/trees/tree-ensemble.ts";
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
	return { rows: all.y.length, columns: COLUMNS, threads, fits: rows };
}

function firstColumns({ data, rows, columns }: FloatMatrix): FloatMatrix {
	const kept = Math.min(COLUMNS, columns);
	const out = new Float32Array(rows * kept);
	for (let row = 0; row < rows; row++) out.set(data.subarray(row * columns, row * columns + kept), row * kept);
	return { data: out, rows, columns: kept };
}
