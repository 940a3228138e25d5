import { QUARTER_HOUR_MS } from "../../lib/telemetry/interval.ts";
import { fingerprintOf } from "../registry.ts";
import type { Task, TrainingSubject } from "../tasks.ts";
import { defaultTraining } from "../training/settings.ts";
import type { TrainingData } from "../training/trainer.ts";
import { holidaysBetween, readLoad, TOTAL } from "./load-history.ts";
import { type LoadHistory, type LoadModelOptions, loadModelKind, mayTakeOver } from "./load-model.ts";

const DAY_MS = 86_400_000;
const STEP_MS = QUARTER_HOUR_MS;
const HISTORY_DAYS = 365;
const SHARE = 0.9;
/** Brought models that have a say beside the model in use are active in this task. */
export const MEMBER_TASK = "forecast-member";

export interface LoadTraining extends ReturnType<Task["training"]> {
	options: LoadModelOptions;
	read: () => Promise<TrainingData & { data: LoadHistory }>;
}

/**
 * A model of a load, learnt from its quarter-hours up to now.
 *
 * @param share of values that an interval is to hold
 */
export function loadTraining(
	{ site, store, machine, historyDays = HISTORY_DAYS, settings = defaultTraining }: TrainingSubject,
	share = SHARE,
	nowMs = Date.now(),
): LoadTraining {
	const toMs = Math.floor(nowMs / STEP_MS) * STEP_MS;
	const fromMs = toMs - historyDays * DAY_MS;
	const { timeZone } = site;
	return {
		options: { timeZone, share, holidays: holidaysBetween(timeZone, fromMs, toMs), ...settings },
		read: async () => {
			const whole = await readLoad(await store(), site, machine, fromMs, toMs);
			const first = Math.max(0, whole.values.findIndex(Number.isFinite));
			const data = { startMs: whole.startMs + first * STEP_MS, stepMs: STEP_MS, values: whole.values.slice(first) };
			return {
				...{ data, rows: data.values.length, trainingWindow: { fromMs: data.startMs, toMs } },
				dataFingerprint: fingerprintOf({ values: data.values }),
			};
		},
		accept: (fitted, active) => mayTakeOver(fitted.metrics, active?.metrics),
	};
}

/** Forecasts of machines and of the site as a whole. */
export const forecastTask: Task = {
	task: loadModelKind.task,
	kinds: [loadModelKind.kind],
	others: [TOTAL],
	training: (subject) => loadTraining(subject),
};
