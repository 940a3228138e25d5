import { Ajv } from "ajv";
import { EnergyError } from "../../lib/errors.ts";
import type { FloatMatrix } from "../float-matrix.ts";
import { featureNames } from "../forecast/features.ts";
import { type ExecutionProvider, type OnnxSession, onnxSession } from "./runtime.ts";

/** What somebody says of a model that they bring: enough to feed it and to check that it is fed rightly. */
export interface ForeignManifest {
	manifestVersion: 1;
	name: string;
	/** Where it comes from, for people: author, training run, address. */
	source?: string;
	/** `ensemble`: it has a say beside our own model; `alone` (default): it stands in its place. */
	serves?: "alone" | "ensemble";
	/** Tensors of the file, single precision. With `features`, rows of them in and one value a row out. */
	input: string;
	output: string;
	/** Columns of the input by the names of our features, in order. */
	features?: string[];
	/** Instead of features: the newest quarter-hours in, oldest first, [rows, window]; all leads out, [rows, leads]. */
	window?: number;
	/** Leads it answers, in quarter-hours; 1 is the quarter-hour that begins at the issue. */
	horizon: { fromLead: number; toLead: number };
	/** (value − mean) ÷ scale of each column before it goes in, one pair for all of a window; left out: as they are. */
	inputScaling?: { mean: number[]; scale: number[] };
	/** Answer × scale + mean; left out: kWh as it is. */
	outputScaling?: { mean: number; scale: number };
	/** Put in where a value is missing; left out: NaN goes in. */
	missing?: number;
	/**
	 * Rows of the input before scaling and what the model answers to them, in kWh; with a window, all leads of the first
	 * row, then those of the next.
	 */
	sample: { rows: (number | null)[][]; expected: number[]; tolerance?: number };
}

/** Four weeks of quarter-hours: further back serving keeps none ready. */
const MAX_WINDOW = 2_688;

const numbers = { type: "array", items: { type: "number" } } as const;
const schema = {
	type: "object",
	required: ["manifestVersion", "name", "input", "output", "horizon", "sample"],
	additionalProperties: false,
	properties: {
		manifestVersion: { const: 1 },
		name: { type: "string", minLength: 1, maxLength: 100 },
		source: { type: "string", maxLength: 500 },
		serves: { enum: ["alone", "ensemble"] },
		input: { type: "string", minLength: 1, maxLength: 200 },
		output: { type: "string", minLength: 1, maxLength: 200 },
		features: {
			type: "array",
			items: { type: "string", maxLength: 100 },
			minItems: 1,
			maxItems: 200,
			uniqueItems: true,
		},
		window: { type: "integer", minimum: 1, maximum: MAX_WINDOW },
		horizon: {
			type: "object",
			required: ["fromLead", "toLead"],
			additionalProperties: false,
			properties: { fromLead: { type: "integer", minimum: 1 }, toLead: { type: "integer", minimum: 1, maximum: 672 } },
		},
		inputScaling: {
			type: "object",
			required: ["mean", "scale"],
			additionalProperties: false,
			properties: { mean: numbers, scale: numbers },
		},
		outputScaling: {
			type: "object",
			required: ["mean", "scale"],
			additionalProperties: false,
			properties: { mean: { type: "number" }, scale: { type: "number" } },
		},
		missing: { type: "number" },
		sample: {
			type: "object",
			required: ["rows", "expected"],
			additionalProperties: false,
			properties: {
				rows: {
					type: "array",
					minItems: 1,
					maxItems: 1000,
					items: { type: "array", items: { type: ["number", "null"] } },
				},
				expected: { type: "array", minItems: 1, items: { type: "number" } },
				tolerance: { type: "number", exclusiveMinimum: 0 },
			},
		},
	},
};

const validate = new Ajv({ allErrors: false }).compile<ForeignManifest>(schema);
const TOLERANCE = 1e-3;

/** @throws EnergyError `models.onnx-manifest` naming the field and the rule */
export function parseManifest(value: unknown): ForeignManifest {
	const fail = (field: string, rule: string): never => {
		throw new EnergyError("models.onnx-manifest", { field, rule });
	};
	if (!validate(value)) {
		const [error] = validate.errors ?? [];
		return fail(error?.instancePath.slice(1).replaceAll("/", ".") || "manifest", error?.message ?? "is not valid");
	}
	const { features, window, horizon, inputScaling, sample } = value;
	if ((features === undefined) === (window === undefined)) fail("features", "or window says what goes in: one of them");
	const known = featureNames({ operatingLevel: 0, known: [] });
	const unknown = features?.find((name) => !known.includes(name));
	if (unknown) fail("features", `“${unknown}” is none of ours: ${known.join(", ")}`);
	const columns = features?.length ?? window ?? 0;
	const what = features ? "one a feature" : "one a quarter-hour of the window";
	if (horizon.toLead < horizon.fromLead) fail("horizon.toLead", "is not before fromLead");
	const scales = features ? columns : 1;
	if (inputScaling && (inputScaling.mean.length !== scales || inputScaling.scale.length !== scales)) {
		fail("inputScaling", `has ${scales} means and ${scales} scales${features ? ", one a feature" : ""}`);
	}
	if (inputScaling?.scale.includes(0)) fail("inputScaling.scale", "holds no 0");
	if (value.outputScaling?.scale === 0) fail("outputScaling.scale", "is not 0");
	if (sample.rows.some((row) => row.length !== columns)) fail("sample.rows", `have ${columns} values, ${what}`);
	const answers = features ? 1 : leadsOf(value);
	if (sample.rows.length * answers !== sample.expected.length) {
		fail("sample.expected", `has ${answers === 1 ? "one value" : `${answers} values`} for each row`);
	}
	return value;
}

/** Leads that a model answers. */
export function leadsOf({ horizon: { fromLead, toLead } }: Pick<ForeignManifest, "horizon">): number {
	return toLead - fromLead + 1;
}

const columnsOf = ({ features, window = 0 }: ForeignManifest): number => features?.length ?? window;

/** A model made elsewhere, checked against its own sample: answers like one of ours. */
export class ForeignModel {
	readonly manifest: ForeignManifest;
	readonly #session: OnnxSession;

	private constructor(manifest: ForeignManifest, session: OnnxSession) {
		this.manifest = manifest;
		this.#session = session;
	}

	/**
	 * Loads the file and asks it the manifest's sample: a model that answers otherwise than its maker says is fed wrongly.
	 *
	 * @param key unique for the content, for the cache of sessions
	 * @throws EnergyError `models.onnx-missing`, `models.onnx-corrupt`, `models.onnx-manifest`, `models.onnx-run`,
	 * `models.onnx-sample`
	 */
	static async open(
		key: string,
		file: Uint8Array,
		manifest: ForeignManifest,
		provider: ExecutionProvider = "cpu",
	): Promise<ForeignModel> {
		const session = await onnxSession(key, file, provider);
		if (!session.outputs.includes(manifest.output)) {
			throw new EnergyError("models.onnx-manifest", {
				field: "output",
				rule: `is one of ${session.outputs.join(", ")}`,
			});
		}
		const shape = session.shapeOf(manifest.input);
		if (!shape || session.inputs.length !== 1) {
			throw new EnergyError("models.onnx-manifest", {
				field: "input",
				rule: `is the only input of the file, which has ${session.inputs.join(", ")}`,
			});
		}
		const columns = shape[1];
		if (shape.length !== 2 || (typeof columns === "number" && columns > 0 && columns !== columnsOf(manifest))) {
			throw new EnergyError("models.onnx-manifest", {
				field: manifest.features ? "features" : "window",
				rule: `fits the input's shape [${shape.join(", ")}]`,
			});
		}
		const model = new ForeignModel(manifest, session);
		await model.#checkSample();
		return model;
	}

	get provider(): ExecutionProvider {
		return this.#session.provider;
	}

	async #checkSample(): Promise<void> {
		const { rows, expected, tolerance = TOLERANCE } = this.manifest.sample;
		const data = Float32Array.from(rows.flat(), (value) => value ?? Number.NaN);
		const columns = columnsOf(this.manifest);
		const said = await this.#answer({ data, rows: rows.length, columns });
		const size = Math.max(...expected.map(Math.abs), Number.MIN_VALUE);
		for (const [row, value] of expected.entries()) {
			const answer = said[row] as number;
			if (!(Math.abs(answer - value) <= tolerance * size)) {
				throw new EnergyError("models.onnx-sample", { row, expected: value, answered: answer, tolerance });
			}
		}
	}

	/**
	 * @param x rows with our columns
	 * @param names of those columns
	 * @returns one value a row, in the unit of the load
	 * @throws EnergyError `models.onnx-manifest` for a feature that these rows lack, `models.onnx-run`
	 */
	async predict(x: FloatMatrix, names: readonly string[]): Promise<Float64Array> {
		const { features = [] } = this.manifest;
		const columns = features.map((name) => names.indexOf(name));
		const missing = columns.indexOf(-1);
		if (missing >= 0) {
			throw new EnergyError("models.onnx-manifest", {
				field: "features",
				rule: `“${features[missing]}” is not known here`,
			});
		}
		const data = new Float32Array(x.rows * columns.length);
		for (let row = 0, at = 0; row < x.rows; row++) {
			for (const column of columns) data[at++] = x.data[row * x.columns + column] as number;
		}
		return this.#answer({ data, rows: x.rows, columns: columns.length });
	}

	/**
	 * @param values a load; what lies before its beginning counts as missing
	 * @param origins first interval not yet known of each issue
	 * @returns all leads of the first issue, then those of the next, in the unit of the load
	 * @throws EnergyError `models.onnx-run`
	 */
	async predictWindows(values: Float64Array, origins: readonly number[]): Promise<Float64Array> {
		const { window = 0 } = this.manifest;
		const data = new Float32Array(origins.length * window).fill(Number.NaN);
		for (const [row, origin] of origins.entries()) {
			const from = Math.max(0, origin - window);
			data.set(values.subarray(from, origin), (row + 1) * window - (origin - from));
		}
		return this.#answer({ data, rows: origins.length, columns: window });
	}

	async #answer({ data, rows, columns }: FloatMatrix): Promise<Float64Array> {
		const { inputScaling, outputScaling = { mean: 0, scale: 1 }, missing = Number.NaN, input, output } = this.manifest;
		for (let i = 0; i < data.length; i++) {
			const value = data[i] as number;
			if (Number.isNaN(value)) data[i] = missing;
			else if (inputScaling) {
				const column = inputScaling.mean.length === 1 ? 0 : i % columns;
				data[i] = (value - (inputScaling.mean[column] as number)) / (inputScaling.scale[column] as number);
			}
		}
		const said = await this.#session.run({ [input]: { data, shape: [rows, columns] } }, output);
		const wanted = rows * (this.manifest.features ? 1 : leadsOf(this.manifest));
		if (said.data.length !== wanted) {
			throw new EnergyError("models.onnx-run", { reason: `${said.data.length} values instead of ${wanted}` });
		}
		return Float64Array.from(said.data, (value) => value * outputScaling.scale + outputScaling.mean);
	}
}
