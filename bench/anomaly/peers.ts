// Peers in the same run: scikit-learn by the system's Python, ml-isolation-forest where it is installed.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";

export interface SklearnAnswer {
	version: string;
	auc?: { forest: number; lof: number }[];
	skab?: { f1: number; far: number; mar: number };
	speed?: Record<"forestFitMs" | "forestScoreMs" | "forestOneRowUs" | "lofFitMs" | "lofScoreMs", number>;
}

const PYTHON = "/usr/bin/python3";
const SCRIPT = new URL("../peers/anomaly/sklearn_peer.py", import.meta.url).pathname;

/** @returns undefined where there is no Python with scikit-learn */
export function askSklearn(order: object): SklearnAnswer | undefined {
	if (!existsSync(PYTHON)) return undefined;
	const { status, stdout } = spawnSync(PYTHON, [SCRIPT], {
		input: JSON.stringify(order),
		encoding: "utf8",
		maxBuffer: 1e8,
	});
	return status === 0 ? (JSON.parse(stdout) as SklearnAnswer) : undefined;
}

interface MlForest {
	train(rows: number[][]): void;
	predict(rows: number[][]): number[];
}

/** The npm package, a peer only: no dependency of ours. */
export function mlIsolationForest(): (new (options: { nEstimators: number }) => MlForest) | undefined {
	try {
		const { IsolationForest } = createRequire(import.meta.url)("ml-isolation-forest") as {
			IsolationForest: new (options: { nEstimators: number }) => MlForest;
		};
		return IsolationForest;
	} catch {
		return undefined;
	}
}
