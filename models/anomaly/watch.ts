import type { Reading } from "../../lib/telemetry/reading.ts";
import { type ChannelName, type ChannelVerdict, ChannelWatch, tellsPower } from "./channels.ts";
import { type DriftWatch, weightOf } from "./drift.ts";
import { featureNames } from "./features.ts";
import { type Level, type LevelOptions, LevelTracker } from "./level.ts";
import type { FeatureContribution, MachineMemory, MachineModel, MachineScores } from "./machine-model.ts";
import { columnsOf } from "./readings.ts";
import { powerThresholdOf, type RuleOptions, type RuleVerdict, ruleScore } from "./rules.ts";

export interface WatchOptions extends RuleOptions, LevelOptions {
	/** Readings, at the model's cadence, between two looks at the drift; default 10,080, a week of minutes. */
	driftReadings?: number;
}

/** What becomes of a reading: the model is asked, what it said last holds, or why it is not judged at all. */
type Turn = "asked" | "between" | "reading-bad" | "reading-late";

/** What is said of a reading, and what that counts for with the level: 0 where it was counted already. */
interface Verdict {
	anomaly: Anomaly;
	weight: number;
}

/** Why rules judge and not a model. */
export type RulesReason = "no-model" | "model-unusable" | "channels-missing" | "reading-bad" | "reading-late";

/** What is said of a reading; stands beside its quantities. */
export interface Anomaly {
	/** 0…1; absent where nothing can be said (a reading of bad quality). */
	score?: number;
	level: Level;
	/** `ensemble`: the machine's model; `stream`: its own past, for a sensor that tells no power; `rules`: thresholds. */
	method: "ensemble" | "stream" | "rules";
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
	/** Of a stream. */
	| { feature: ChannelName; value: number; usual: number }
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
	/** Features whose distribution moved since the training (population stability above 0.25 and above that of any week of it), where it was time to look. */
	drifted: { feature: string; index: number }[];
}

const DRIFT_READINGS = 10_080;

/**
 * Watches one machine: its model where it has one, its rules beside it and without it, and the level that comes of
 * both. Holds what has to be remembered between batches.
 *
 * Where readings come faster than the cadence that the model learnt at, it is asked once a cadence, as its history was
 * thinned out: of what is between two readings it knows nothing (seconds in which a machine starts), sixty looks a
 * minute find sixty times as many chances, and seconds beside each other are no independent evidence. Rules judge every
 * reading.
 */
export class MachineWatch {
	readonly #limitKw: number;
	readonly #levels: LevelTracker;
	readonly #warning: number;
	readonly #interestingFrom: number;
	readonly #driftReadings: number;
	#model: MachineModel | undefined;
	#modelId: string | undefined;
	#memory: MachineMemory | undefined;
	#drift: DriftWatch | undefined;
	#reason: RulesReason = "no-model";
	#judged = false;
	#newestMs = Number.NEGATIVE_INFINITY;
	/** What its model said last: it holds for the readings until it is asked again. */
	#said: Anomaly | undefined;
	/** It told power once; so it is no sensor, although not each of its messages may. */
	#powerful = false;
	/** Of a sensor that tells no power. */
	#channels: ChannelWatch | undefined;
	/** Nothing was said yet by the model that judges now. */
	#asksNext = true;

	constructor(ratedKw: number | undefined, options: WatchOptions = {}) {
		this.#limitKw = powerThresholdOf(ratedKw, options);
		this.#levels = new LevelTracker(options);
		this.#warning = options.warning ?? 0.7;
		this.#interestingFrom = this.#warning / 2;
		this.#driftReadings = options.driftReadings ?? DRIFT_READINGS;
	}

	get level(): Level {
		return this.#levels.level;
	}

	/** Whether it is a sensor that tells no power: there is nothing to train. */
	get streams(): boolean {
		return this.#channels !== undefined && this.#model === undefined;
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
		this.#said = undefined;
		this.#asksNext = true;
	}

	/** Usual time between readings that its model knows, ms; undefined without one. */
	get cadenceMs(): number | undefined {
		return this.#model?.featurizer.cadenceMs;
	}

	/**
	 * Takes readings that were judged before a restart or by the model before: running means and windows go on from them,
	 * the level too where nothing was judged since; a sensor's past is learnt from. Nothing is said about them.
	 */
	recall(readings: readonly Reading[]): void {
		if (!this.#model) for (const one of readings) this.#judgeStream(one, ruleScore(one, this.#limitKw));
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
		this.#said = undefined;
		this.#reason = reason;
	}

	/** @param readings of this machine, oldest first: all of them in one call of the model */
	add(readings: readonly Reading[]): WatchOutcome {
		const turns = this.#turns(readings);
		const judged = readings.filter((_, place) => turns[place] === "asked");
		const scores =
			this.#model && this.#memory && judged.length > 0
				? this.#model.predict({ readings: columnsOf(judged), memory: this.#memory })
				: undefined;
		const outcome: WatchOutcome = { scored: [], alerts: [], drifted: [] };
		if (judged.length > 0) this.#judged = true;
		let row = 0;
		for (const [place, reading] of readings.entries()) {
			const turn = turns[place] as Turn;
			const { anomaly, weight } =
				turn === "asked"
					? this.#judge(reading, scores, row)
					: turn === "between"
						? this.#between(reading)
						: { anomaly: unjudged(turn), weight: 0 };
			if (turn === "asked") row++;
			const previous = this.#levels.level;
			const { score } = anomaly;
			const changed = score !== undefined && weight > 0 && this.#levels.add(score, weight);
			anomaly.level = this.#levels.level;
			outcome.scored.push({ ...reading, ...anomaly });
			if (score === undefined || !changed) continue;
			const { site, machine, timeMs, powerKw = null } = reading;
			outcome.alerts.push({ ...anomaly, score, site, machine, timeMs, previous, powerKw });
		}
		if (scores) this.#watchDrift(scores, outcome);
		return outcome;
	}

	/** Which readings the model is asked about; moves the newest time on. */
	#turns(readings: readonly Reading[]): Turn[] {
		const cadenceMs = this.cadenceMs ?? 0;
		return readings.map((reading): Turn => {
			const { timeMs } = reading;
			const unfit = this.#unfit(reading);
			if (unfit) return unfit;
			const beforeMs = this.#newestMs;
			this.#newestMs = timeMs;
			// By the same marks as a history is thinned out; what comes about as slowly as the cadence is always asked about.
			const isNext = Math.floor(timeMs / cadenceMs) > Math.floor(beforeMs / cadenceMs);
			const isSlow = timeMs - beforeMs >= cadenceMs / 2;
			const isAsked = cadenceMs === 0 || this.#asksNext || isNext || isSlow;
			this.#asksNext = false;
			return isAsked ? "asked" : "between";
		});
	}

	/** What its model said last, unless a rule says more. */
	#between(reading: Reading): Verdict {
		const said = this.#said;
		const rule = ruleScore(reading, this.#limitKw);
		if (!said) return this.#byRule(reading, rule, "channels-missing");
		if (isBroken(rule, said.score)) return this.#byRule(reading, rule);
		return { anomaly: { ...said }, weight: 0 };
	}

	/** What came before the readings of earlier batches is history: it would tear the running means apart. */
	#unfit({ quality, timeMs }: Reading): "reading-bad" | "reading-late" | undefined {
		if (quality === "bad") return "reading-bad";
		return timeMs < this.#newestMs ? "reading-late" : undefined;
	}

	#judge(reading: Reading, scores: MachineScores | undefined, row: number): Verdict {
		const rule = ruleScore(reading, this.#limitKw);
		if (!scores) return this.#judgeStream(reading, rule) ?? this.#byRule(reading, rule, this.#reason);
		this.#said = this.#saidOf(scores, row);
		if (!this.#said) return this.#byRule(reading, rule, "channels-missing");
		if (isBroken(rule, this.#said.score)) return this.#byRule(reading, rule);
		// A model knows its readings at its own cadence.
		return { anomaly: { ...this.#said }, weight: weightOf(scores.steps[row] as number) };
	}

	/** What a sensor without power says; undefined for what tells power, and where a rule says more. */
	#judgeStream(reading: Reading, rule: RuleVerdict): Verdict | undefined {
		this.#powerful ||= tellsPower(reading);
		if (this.#powerful) {
			this.#channels = undefined;
			return undefined;
		}
		this.#channels ??= new ChannelWatch();
		const found = this.#channels.add(reading);
		if (found) this.#said = ofStream(found, this.#interestingFrom);
		const said = this.#said;
		if (!said || isBroken(rule, said.score)) return undefined;
		if (!found) return { anomaly: { ...said }, weight: 0 };
		// It says once what it finds, and is right at once or not at all.
		return { anomaly: { ...said }, weight: found.score >= this.#warning ? Number.POSITIVE_INFINITY : 1 };
	}

	#saidOf(scores: MachineScores, row: number): Anomaly | undefined {
		const score = scores.score[row] as number;
		if (Number.isNaN(score)) return undefined;
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

	#byRule({ powerKw, state }: Reading, { score, rule, limitKw }: RuleVerdict, fallback?: RulesReason): Verdict {
		const part: Part =
			rule === "state"
				? { feature: "state", value: state ?? "", limit: null }
				: { feature: "powerKw", value: powerKw ?? 0, limit: round(limitKw) };
		const anomaly: Anomaly = {
			score: round(score),
			level: "normal",
			method: "rules",
			by: rule,
			...(fallback && { fallback }),
			contributions: score < this.#interestingFrom ? [] : [part],
			excessKw: excess(powerKw, limitKw),
		};
		// A threshold is passed by one reading as by another.
		return { anomaly, weight: 1 };
	}

	#watchDrift(scores: MachineScores, outcome: WatchOutcome): void {
		const drift = this.#drift;
		if (!drift || !this.#model) return;
		const { limits } = this.#model.profile;
		drift.add(scores.watched, scores.steps);
		if (drift.rows < this.#driftReadings) return;
		const index = drift.index();
		drift.reset();
		for (const [column, value] of index.entries()) {
			if (value > (limits[column] as number))
				outcome.drifted.push({ feature: featureNames[column] ?? "score", index: round(value) });
		}
	}
}

/** A threshold that is passed is passed, whatever the machine has got used to. */
function isBroken({ score }: RuleVerdict, than = 0): boolean {
	return score >= 0.7 && score > than;
}

function ofStream({ score, channel, value, usual }: ChannelVerdict, interestingFrom: number): Anomaly {
	const part: Part = { feature: channel, value: round(value), usual: round(usual) };
	const contributions = score < interestingFrom || Number.isNaN(usual) ? [] : [part];
	return { score: round(score), level: "normal", method: "stream", by: channel, contributions, excessKw: null };
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
