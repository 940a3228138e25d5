import { EnergyError } from "../../lib/errors.ts";
import { machineStates } from "../../lib/telemetry/reading.ts";
import type { FitOutcome, Json, Model, ModelDescription, ModelKind, ModelState } from "../model.ts";
import { nested, part } from "../state.ts";
import { defaultTraining, type TrainingSettings } from "../training/settings.ts";
import { DriftProfile } from "./drift.ts";
import { AnomalyEnsemble, type Memory } from "./ensemble.ts";
import {
	type FeatureMemory,
	type FeatureName,
	Featurizer,
	featureNames,
	freshMemory,
	meanColumns,
	rowColumns,
} from "./features.ts";
import { type MemberName, memberNames } from "./members.ts";
import { pickReadings, type ReadingColumns } from "./readings.ts";

/** Options of a fit, as JSON. */
export type MachineModelOptions = {
	/** IANA name. */
	timeZone: string;
	/** How long the model will be used, in multiples of its training span; default 0.25. */
	horizon?: number;
	/** How fast what is usual may move, see EnsembleOptions; default 1. */
	follow?: number;
} & Partial<TrainingSettings>;

/** Running means and last reading of one machine. */
export interface MachineMemory {
	features: FeatureMemory;
	ensemble: Memory;
}

/** A feature's part in a score; of `powerGap` and the means the value and what is usual in its context are powers in kW. */
export interface FeatureContribution {
	feature: FeatureName;
	value: number;
	usual: number;
	/** How far from usual in usual spreads; negative is below. */
	deviations: number;
	over: "row" | "steady" | "slow";
}

export interface MachineScores {
	/** 0…1, NaN where too many channels are missing. */
	score: Float64Array;
	/** The view that found it least usual. */
	leader(row: number): MemberName;
	contributions(row: number, count?: number): FeatureContribution[];
	/** Power above what is usual, kW; see Features. */
	excessKw: Float64Array;
	/** Channels that the model knows and a reading lacks. */
	missing(row: number): FeatureName[];
	/** Features and scores, for a drift watch. */
	watched: { data: Float64Array; rows: number; columns: number };
	/** Time since the reading before in cadences of the training; NaN where it follows on none. */
	steps: Float64Array;
}

export interface MachineInput {
	readings: ReadingColumns;
	memory: MachineMemory;
}

/** Readings that a model of a machine needs at least: a day of minutes. */
const MIN_READINGS = 1_440;
/** Retrained nightly. */
const HORIZON = 0.25;
/** Weather and wear of sensors are followed at the speed they had in training; what wears out in days is faster. */
const FOLLOW = 1;
const FAULT = machineStates.indexOf("fault");

/** What is usual for one machine, learnt from its own history. */
export class MachineModel implements Model<MachineInput, MachineScores> {
	readonly kind = "anomaly-machine";
	readonly seed: number;
	readonly featurizer: Featurizer;
	readonly ensemble: AnomalyEnsemble;
	/** Distribution of the features and, last, of the score, when it was fitted. */
	readonly profile: DriftProfile;
	readonly #rows: number;

	constructor(parts: {
		seed: number;
		rows: number;
		featurizer: Featurizer;
		ensemble: AnomalyEnsemble;
		profile: DriftProfile;
	}) {
		this.seed = parts.seed;
		this.#rows = parts.rows;
		this.featurizer = parts.featurizer;
		this.ensemble = parts.ensemble;
		this.profile = parts.profile;
	}

	memory(): MachineMemory {
		return { features: freshMemory(), ensemble: this.ensemble.memory() };
	}

	/** Scores readings, oldest first, going on from the memory. */
	predict({ readings, memory }: MachineInput): MachineScores {
		const { x, steps, usualKw, means, excessKw } = this.featurizer.apply(readings, memory.features);
		const scores = this.ensemble.score(x, memory.ensemble, steps);
		return {
			...{ score: scores.score, excessKw, steps },
			leader: (row) => memberNames[scores.leader[row] as number] as MemberName,
			contributions: (row, count) =>
				this.ensemble.contributions(x, scores, row, count).map(({ column, ...rest }) => {
					const feature = featureNames[column] as FeatureName;
					// A person thinks of power in kW, not in spreads of its context.
					const window = means[meanColumns.indexOf(column)];
					if (window) {
						// And of what is usual in this weather, where that matters.
						const weatherKw = window.weatherKw[row] as number;
						const [meanKw, habitKw] = [window.meanKw[row] as number, window.usualKw[row] as number];
						return { feature, ...rest, value: meanKw + weatherKw, usual: habitKw + weatherKw };
					}
					if (feature !== "powerGap") return { feature, ...rest };
					return { feature, ...rest, value: x.data[row * x.columns] as number, usual: usualKw[row] as number };
				}),
			missing: (row) =>
				(scores.missing[row] as number) === 0
					? []
					: Array.from(this.ensemble.scaling.used)
							.filter((column) => !Number.isFinite(x.data[row * x.columns + column] as number))
							.map((column) => featureNames[column] as FeatureName),
			get watched() {
				const columns = x.columns + 1;
				const data = new Float64Array(x.rows * columns);
				for (let row = 0; row < x.rows; row++) {
					data.set(x.data.subarray(row * x.columns, (row + 1) * x.columns), row * columns);
					data[row * columns + x.columns] = scores.score[row] as number;
				}
				return { data, rows: x.rows, columns };
			},
		};
	}

	describe(): ModelDescription {
		const { featurizer, ensemble } = this;
		return {
			inputs: Array.from(ensemble.scaling.used, (column) => featureNames[column] as FeatureName),
			facts: {
				rows: this.#rows,
				cadenceMs: featurizer.cadenceMs,
				rangeKw: featurizer.rangeKw,
				timeZone: featurizer.timeZone,
			},
			notes: ensemble.leftOut.map(
				({ column, why }) => `${featureNames[column]}: left out, ${why} in the training data`,
			),
		};
	}

	serialise(): ModelState {
		return nested(
			{ seed: this.seed, rows: this.#rows },
			{ featurizer: this.featurizer.state, ensemble: this.ensemble.state, profile: this.profile.state },
		);
	}
}

/** The ensemble over the features of one machine. */
export const machineModelKind: ModelKind<
	ReadingColumns,
	MachineModelOptions & Json,
	MachineInput,
	MachineScores,
	MachineModel
> = {
	kind: "anomaly-machine",
	task: "anomaly",
	version: 2,

	fit(readings, options, { seed, progress }): FitOutcome<MachineModel> {
		const { timeZone, horizon = HORIZON, follow = FOLLOW } = options;
		const { trainRatio = defaultTraining.trainRatio, scaling = defaultTraining.scaling } = options;
		// A machine that says itself that it has a fault is no example of what is usual.
		const healthy = Array.from({ length: readings.rows }, (_, row) => row).filter(
			(row) => readings.state[row] !== FAULT,
		);
		if (healthy.length < MIN_READINGS) {
			throw new EnergyError("models.too-little-data", { rows: healthy.length, needed: MIN_READINGS });
		}
		const usual = pickReadings(readings, healthy);
		const powers = usual.powerKw.filter(
			(kw, row) => Number.isFinite(kw) || Number.isFinite(usual.energyKwh[row] as number),
		).length;
		if (powers < MIN_READINGS) throw new EnergyError("models.too-little-data", { rows: powers, needed: MIN_READINGS });
		const { featurizer, features } = Featurizer.learn(usual, timeZone);
		const { x, steps } = features;
		progress(0.1);
		const views = {
			...{ horizon, follow, trainRatio, scaling, seed },
			...{ floors: featurizer.floors, means: meanColumns, rowOnly: rowColumns },
		};
		const ensemble = AnomalyEnsemble.fit(x, views, (share) => progress(0.1 + 0.7 * share), steps);
		const { score } = ensemble.score(x, ensemble.memory("start"), steps);
		const columns = x.columns + 1;
		const watched = new Float64Array(x.rows * columns);
		for (let row = 0; row < x.rows; row++) {
			watched.set(x.data.subarray(row * x.columns, (row + 1) * x.columns), row * columns);
			watched[row * columns + x.columns] = score[row] as number;
		}
		const profile = DriftProfile.fit({ data: watched, rows: x.rows, columns }, usual.timeMs);
		const share = (limit: number): number => score.filter((value) => value >= limit).length / score.length;
		progress(1);
		return {
			model: new MachineModel({ seed, rows: x.rows, featurizer, ensemble, profile }),
			metrics: { rows: x.rows, warningShare: share(0.7), criticalShare: share(0.9) },
		};
	},

	deserialise(state): MachineModel {
		const { seed, rows } = state.facts as { seed: number; rows: number };
		return new MachineModel({
			seed,
			rows,
			featurizer: Featurizer.fromState(part(state, "featurizer")),
			ensemble: AnomalyEnsemble.fromState(part(state, "ensemble")),
			profile: DriftProfile.fromState(part(state, "profile")),
		});
	},
};
