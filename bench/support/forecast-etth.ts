import { readFileSync } from "node:fs";
import { join } from "node:path";
import { WindowRidge } from "../../models/forecast/linear.ts";
import type { Figures } from "../run.ts";
import { round } from "./forecast-measures.ts";

const MONTH = 30 * 24;
const TRAIN = 12 * MONTH;
const VALIDATION = 4 * MONTH;
const TEST = 4 * MONTH;
/** Whole weeks, from one to four. */
const windows = [168, 336, 504, 672];
const lambdas = [1_000, 3_000, 10_000, 30_000, 100_000, 300_000];
/** Ends of what the two backtests before the test part learn from; each is tried on the four months after. */
const origins = [TRAIN - VALIDATION, TRAIN];
/** Windows whose backtests err by at most this share more than the best one's are averaged. */
const ALIKE = 0.02;

/**
 * ETTh1 as it is usually measured: 12/4/4 months, z-scores of the training part, all seven channels, every window.
 *
 * What is chosen is chosen by two backtests, fitted on months 1–8 and 1–12 and tried on 9–12 and on the validation
 * part: each window's penalty, then the windows, whose mean answers where they err alike. Errors count relative to the
 * best of their backtest, for months differ in how hard they are. The model is fitted on the training part alone, and
 * the test part is looked at once.
 */
export async function etth(folder: string): Promise<Figures> {
	const channels = standardised(join(folder, "ETTh1.csv"));
	const rows: Figures[] = [];
	for (const horizon of [96, 720]) {
		const started = performance.now();
		const candidates = candidatesOf(channels, horizon);
		const byWindow = windows.map((window) => lowest(candidates.filter((one) => one.window === window)));
		const best = lowest(byWindow);
		const chosen = byWindow.filter(({ error }) => error <= (1 + ALIKE) * best.error);
		const model = WindowRidge.mean(chosen.map((one) => one.model));
		const seconds = (performance.now() - started) / 1_000;
		const { mse, mae } = errorsOf(model, channels, TRAIN + VALIDATION, TRAIN + VALIDATION + TEST, 1);
		rows.push({
			horizon,
			learner: "ridge on last-value-normalised windows",
			chosen: chosen.map(({ window, lambda }) => `${window} h, λ ${lambda}`).join("; "),
			backtests: byWindow.map(({ window, error }) => `${window} h ${error.toFixed(4)}`).join("; "),
			validationMse: round(errorsOf(model, channels, TRAIN, TRAIN + VALIDATION, 24).mse, 4),
			mse: round(mse, 4),
			mae: round(mae, 4),
			searchSeconds: round(seconds, 1),
		});
	}
	return {
		published: "H=96 NLinear .374/.394, PatchTST/64 .370/.400; H=720 NLinear .440/.453, PatchTST/64 .447/.468",
		rows,
	};
}

interface Candidate {
	window: number;
	lambda: number;
	/** Fitted on the whole training part. */
	model: WindowRidge;
	/** Mean over the backtests of its squared error in multiples of the best candidate's. */
	error: number;
}

function candidatesOf(channels: readonly Float64Array[], horizon: number): Candidate[] {
	const fitted = origins.map((origin) =>
		windows.flatMap((window) => {
			const past = channels.map((channel) => channel.subarray(0, origin));
			return WindowRidge.fit(past, { window, horizon, lambdas });
		}),
	);
	// Every twenty-fourth window is enough to choose by.
	const errors = fitted.map((models, k) => {
		const origin = origins[k] as number;
		return models.map((model) => errorsOf(model, channels, origin, origin + VALIDATION, 24).mse);
	});
	return (fitted.at(-1) as WindowRidge[]).map((model, at) => ({
		window: model.window,
		lambda: lambdas[at % lambdas.length] as number,
		model,
		error: errors.reduce((sum, own) => sum + (own[at] as number) / Math.min(...own), 0) / errors.length,
	}));
}

function lowest(candidates: readonly Candidate[]): Candidate {
	return candidates.reduce((best, one) => (one.error < best.error ? one : best));
}

/** Channels of the file by z-scores of its training part. */
function standardised(path: string): Float64Array[] {
	const lines = readFileSync(path, "utf8").trim().split(/\r?\n/).slice(1);
	return [1, 2, 3, 4, 5, 6, 7].map((column) => {
		const values = Float64Array.from(lines, (line) => Number(line.split(",")[column]));
		const train = values.subarray(0, TRAIN);
		const mean = train.reduce((sum, value) => sum + value, 0) / TRAIN;
		const deviation = Math.sqrt(train.reduce((sum, value) => sum + (value - mean) ** 2, 0) / TRAIN);
		return values.map((value) => (value - mean) / deviation);
	});
}

/** Errors over every window whose path lies in [from, to); its past may reach back before. */
function errorsOf(model: WindowRidge, channels: readonly Float64Array[], from: number, to: number, every: number) {
	let squared = 0;
	let absolute = 0;
	let count = 0;
	for (const channel of channels) {
		for (let end = from; end + model.horizon <= to; end += every) {
			const path = model.predict(channel, end);
			for (let h = 0; h < model.horizon; h++) {
				const error = (path[h] as number) - (channel[end + h] as number);
				squared += error * error;
				absolute += Math.abs(error);
			}
			count += model.horizon;
		}
	}
	return { mse: squared / count, mae: absolute / count };
}
