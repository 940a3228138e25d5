import { EnergyError } from "../lib/errors.ts";
import type { Store } from "../lib/store/store.ts";
import type { Site } from "../lib/telemetry/site.ts";
import type { TrainingSettings } from "./training/settings.ts";
import type { TrainingRequest } from "./training/trainer.ts";

/** What a model is to be trained of. */
export interface TrainingSubject {
	site: Site;
	/** Opened when the training's turn comes. */
	store: () => Promise<Store>;
	/** A machine of the site, or one of the task's `others`. */
	machine: string;
	/** One of the task's kinds. */
	kind: string;
	/** Days of history to learn from; absent means the task's own default. */
	historyDays?: number;
	/** Cadence of readings to learn at, ms; absent means the task's own, and a task of intervals has no use for it. */
	cadenceMs?: number;
	/** What the configuration says of trainings; absent means `defaultTraining`. */
	settings?: TrainingSettings;
}

/** How the models of one task come to their data: all that the API and `energy-model` know of a task. */
export interface Task {
	/** `anomaly`, `forecast`. */
	readonly task: string;
	/** Registered kinds of model that can do it; the first one unless told. */
	readonly kinds: readonly string[];
	/** What there are models of beside machines, e.g. the site's total. */
	readonly others?: readonly string[];
	/** Options of the fit, where its data comes from, and which models are good enough to become active. */
	training(subject: TrainingSubject): Pick<TrainingRequest, "options" | "read" | "accept" | "brief">;
}

const tasks = new Map<string, Task>();

/** Makes a task known; once more for the same name changes nothing. */
export function registerTask(task: Task): void {
	if (!tasks.has(task.task)) tasks.set(task.task, task);
}

/** @throws EnergyError `models.task-unknown` */
export function taskOf(name: string): Task {
	const task = tasks.get(name);
	if (!task) throw new EnergyError("models.task-unknown", { task: name, known: [...tasks.keys()].join(", ") });
	return task;
}
