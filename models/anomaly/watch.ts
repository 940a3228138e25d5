import type { Reading } from "../../lib/telemetry/reading.ts";
import { DRIFT_LIMIT, type DriftWatch, weightOf } from "./drift.ts";
import { featureNames } from "./features.ts";
import { type Level, type LevelOptions, LevelTracker } from "./level.ts";
import type { FeatureContribution, MachineMemory, MachineModel, MachineScores } from "./machine-model.ts";
import { columnsOf } from "./readings.ts";
import { powerThresholdOf, type RuleOptions, type RuleVerdict, ruleScore } from "./rules.ts";

export interface WatchOptions extends RuleOptions, LevelOptions {
	/** Readings, at the model's cadence, between two looks at the drift; default 10,080, a week of minutes. */
	driftReadings?: number;
}

/** Why rules judge and not a model. */
export type RulesReason = "no-model" | "model-unusable" | "channels-missing" | "reading-bad" | "reading-late";

/** What is said of a reading; stands beside its quantities. */
export interface Anomaly {
	/** 0…1; absent where nothing can be said (a reading of bad quality). */
	score?: number;
	level: Level;
	/** `ensemble`: the machine's model; `rules`: thresholds. */
	method: "ensemble" | "rules";
	/** The view of the ensemble, or the rule, that found it least usual. */
	by?: string;
	/** Id of the model, where one judged. */
	model?: string;
	/** Why rules judged. */
	fallback?: RulesReason;
	/** Channels farthest from usual, farthest first; empty for a reading that is clearly usual. */
	contributions: Part[];
	/**
	 * Mean power of the last half-hour above what that usually is (of this reading where that alone is far out yet), or
	 * power above its limit where rules judge, kW; null where it is not above.
	 */
	excessKw: number | null;
}

export type Part =
	| FeatureContribution
	/** A rule: the value and its limit. */
	| { feature: "powerKw" | "state"; value: number | string; limit: number | null };

export type ScoredReading = Reading & Anomaly;

/** A change of a machine's level. */
export interface AnomalyAlert extends Anomaly {
	site: string;
	machine: string;
	timeMs: number;
	score: number;
	previous: Level;
	powerKw: number | null;
}

export interface WatchOutcome {
	scored: ScoredReading[];
	alerts: AnomalyAlert[];
	/** Features whose distribution moved since the training (population stability above 0.25), where it was time to look. */
	drifted: { feature: string; index: number }[];
}

const DRIFT_READINGS = 10_080;

/**
 * Watches one machine: its model where it has one, its rules beside it and without it, and the level that comes of
 * both. Holds what has to be remembered between batches.
 */
export class MachineWatch {
	readonly #limitKw: number;
	readonly #levels: LevelTracker;
	readonly #interestingFrom: number;
	readonly #driftReadings: number;
	#model: MachineModel | undefined;
	#modelId: string | undefined;
	#memory: MachineMemory | undefined;
	#drift: DriftWatch | undefined;
	#reason: RulesReason = "no-model";
	#judged = false;
	#newestMs = Number.NEGATIVE_INFINITY;

	constructor(ratedKw: number | undefined, options: WatchOptions = {}) {
		this.#limitKw = powerThresholdOf(ratedKw, options);
		this.#levels = new LevelTracker(options);
		this.#interestingFrom = (options.warning ?? 0.7) / 2;
		this.#driftReadings = options.driftReadings ?? DRIFT_READINGS;
	}

	get level(): Level {
		return this.#levels.level;
	}

	/** Id of the model that judges. */
	get modelId(): string | undefined {
		return this.#modelId;
	}

	/** From now on this model judges; the level stays. */
	use(model: MachineModel, id: string): void {
		this.#model = model;
		this.#modelId = id;
		this.#memory = model.memory();
		this.#drift = model.profile.watch();
	}

	/** Usual time between readings that its model knows, ms; undefined without one. */
	get cadenceMs(): number | undefined {
		return this.#model?.featurizer.cadenceMs;
	}

	/**
	 * Takes readings that were judged before a restart or by the model before: running means and windows go on from them,
	 * the level too where nothing was judged since. Nothing is said about them.
	 */
	recall(readings: readonly Reading[]): void {
		if (!this.#model || !this.#memory || readings.length === 0) return;
		const { score, steps } = this.#model.predict({ readings: columnsOf(readings), memory: this.#memory });
		if (this.#judged) return;
		for (const [row, one] of score.entries()) this.#levels.add(one, weightOf(steps[row] as number));
	}

	/** From now on rules judge. */
	useRules(reason: RulesReason): void {
		this.#model = undefined;
		this.#modelId = undefined;
		this.#memory = undefined;
		this.#drift = undefined;
		this.#reason = reason;
	}

	/** @param readings of this machine, oldest first: all of them in one call of the model */
	add(readings: readonly Reading[]): WatchOutcome {
		const judged = readings.filter((reading) => this.#unfit(reading) === undefined);
		const scores =
			this.#model && this.#memory && judged.length > 0
				? this.#model.predict({ readings: columnsOf(judged), memory: this.#memory })
				: undefined;
		const outcome: WatchOutcome = { scored: [], alerts: [], drifted: [] };
		if (judged.length > 0) this.#judged = true;
		let row = 0;
		for (const reading of readings) {
			const unfit = this.#unfit(reading);
			const anomaly = unfit ? unjudged(unfit) : this.#judge(reading, scores, row);
			// A threshold is passed by one reading as by another; a model knows its readings at its own cadence.
			const weight = anomaly.method === "ensemble" ? weightOf(scores?.steps[row] ?? 1) : 1;
			if (!unfit) row++;
			const previous = this.#levels.level;
			const { score } = anomaly;
			const changed = score !== undefined && this.#levels.add(score, weight);
			anomaly.level = this.#levels.level;
			outcome.scored.push({ ...reading, ...anomaly });
			if (score === undefined || !changed) continue;
			const { site, machine, timeMs, powerKw = null } = reading;
			outcome.alerts.push({ ...anomaly, score, site, machine, timeMs, previous, powerKw });
		}
		this.#newestMs = Math.max(this.#newestMs, judged.at(-1)?.timeMs ?? this.#newestMs);
		if (scores) this.#watchDrift(scores, outcome);
		return outcome;
	}

	/** What came before the readings of earlier batches is history: it would tear the running means apart. */
	#unfit({ quality, timeMs }: Reading): "reading-bad" | "reading-late" | undefined {
		if (quality === "bad") return "reading-bad";
		return timeMs < this.#newestMs ? "reading-late" : undefined;
	}

	#judge(reading: Reading, scores: MachineScores | undefined, row: number): Anomaly {
		const rule = ruleScore(reading, this.#limitKw);
		const score = scores ? (scores.score[row] as number) : Number.NaN;
		if (!scores || Number.isNaN(score)) return this.#byRule(reading, rule, scores ? "channels-missing" : this.#reason);
		// A threshold that is passed is passed, whatever the machine has got used to.
		if (rule.score >= 0.7 && rule.score > score) return this.#byRule(reading, rule);
		return {
			score: round(score),
			level: "normal",
			method: "ensemble",
			by: scores.leader(row),
			...(this.#modelId !== undefined && { model: this.#modelId }),
			contributions: score < this.#interestingFrom ? [] : scores.contributions(row).map(rounded),
			excessKw: Number.isNaN(scores.excessKw[row] as number) ? null : round(scores.excessKw[row] as number),
		};
	}

	#byRule({ powerKw, state }: Reading, { score, rule, limitKw }: RuleVerdict, fallback?: RulesReason): Anomaly {
		const part: Part =
			rule === "state"
				? { feature: "state", value: state ?? "", limit: null }
				: { feature: "powerKw", value: powerKw ?? 0, limit: round(limitKw) };
		return {
			score: round(score),
			level: "normal",
			method: "rules",
			by: rule,
			...(fallback && { fallback }),
			contributions: score < this.#interestingFrom ? [] : [part],
			excessKw: excess(powerKw, limitKw),
		};
	}

	#watchDrift(scores: MachineScores, outcome: WatchOutcome): void {
		const drift = this.#drift;
		if (!drift) return;
		drift.add(scores.watched, scores.steps);
		if (drift.rows < this.#driftReadings) return;
		const index = drift.index();
		drift.reset();
		for (const [column, value] of index.entries()) {
			if (value > DRIFT_LIMIT) outcome.drifted.push({ feature: featureNames[column] ?? "score", index: round(value) });
		}
	}
}

function excess(powerKw: number | undefined, usualKw: number): number | null {
	return powerKw !== undefined && powerKw > usualKw ? round(powerKw - usualKw) : null;
}

function unjudged(fallback: RulesReason): Anomaly {
	return { level: "normal", method: "rules", fallback, contributions: [], excessKw: null };
}

function rounded(part: FeatureContribution): FeatureContribution {
	return { ...part, value: round(part.value), usual: round(part.usual), deviations: round(part.deviations) };
}

/** Four digits after the point: what travels in messages. */
function round(value: number): number {
	return Math.round(value * 1e4) / 1e4;
}
