/** Arrays of numbers that a model is made of or learns from: stored as they are, and handed to a thread without a copy. */
export type NumberArray =
	| Float64Array
	| Float32Array
	| Int32Array
	| Uint32Array
	| Int16Array
	| Uint16Array
	| Uint8Array;

/** What survives `JSON.stringify` and structured cloning alike. */
export type Json = string | number | boolean | null | Json[] | { [name: string]: Json };

/** A model taken apart: small facts as JSON, the bulk in typed arrays by name. */
export interface ModelState {
	readonly facts: { readonly [name: string]: Json };
	readonly arrays: { readonly [name: string]: NumberArray };
}

/** What a model tells a person about itself. */
export interface ModelDescription {
	/** Names of its inputs, in order. */
	readonly inputs: readonly string[];
	/** What it was fitted on and how: rows, parts, parameters, thresholds. */
	readonly facts: { readonly [name: string]: Json };
	/** Defined behaviour that somebody should know of: columns left out, parts that were not fitted, and why. */
	readonly notes: readonly string[];
}

/** A fitted model: immutable, and the same for the same data, options and seed. */
export interface Model<Input, Output> {
	/** Name of its kind, e.g. `anomaly-ensemble`. */
	readonly kind: string;
	/** Seed that it was fitted with. */
	readonly seed: number;
	/** Anomaly scores, a forecast: for all that is asked in one call, on typed arrays where there is much of it. */
	predict(input: Input): Output;
	describe(): ModelDescription;
	serialise(): ModelState;
}

/** What a fit is told beside its data. */
export interface FitContext {
	readonly seed: number;
	/**
	 * Says how far the fit is, 0…1. Call it between steps of some 100 ms: it is also where a fit that is no longer
	 * wanted stops.
	 *
	 * @throws EnergyError `models.cancelled`
	 */
	readonly progress: (share: number) => void;
}

/** Quality of a fitted model by name, e.g. `{ mae: 9.1, falseAlarmRate: 0.004 }`; finite numbers only. */
export type Metrics = Readonly<Record<string, number>>;

/**
 * One kind of model: how it is fitted and read back. It is all that registry, training thread and nodes know of a
 * model; a new one is a folder with such an object and one line in `models/kinds.ts`.
 */
export interface ModelKind<Data, Options extends Json, Input, Output, Fitted extends Model<Input, Output>> {
	/** Unique: letters, digits and `-`. */
	readonly kind: string;
	/** What it is for; models of one task stand in for each other: `anomaly`, `forecast`. */
	readonly task: string;
	/** Version of what `serialise` gives; a file of another version is refused, and the model is trained anew. */
	readonly version: number;
	/**
	 * Learns from data. Runs in the training thread: data reaches it by structured cloning, options as JSON.
	 *
	 * @throws EnergyError `models.too-little-data`, `models.cancelled` (by `context.progress`)
	 */
	fit(data: Data, options: Options, context: FitContext): FitOutcome<Fitted> | Promise<FitOutcome<Fitted>>;
	/** The inverse of the model's `serialise`. */
	deserialise(state: ModelState): Fitted;
}

export interface FitOutcome<Fitted> {
	readonly model: Fitted;
	/** On data that it was not fitted on, where there is enough. */
	readonly metrics: Metrics;
}
