import type { InferenceSession, Tensor } from "onnxruntime-node";
import { EnergyError } from "../../lib/errors.ts";

/** Where models run: `cpu` everywhere, `cuda`, `dml`, `coreml` where onnxruntime-node was installed with them. */
export type ExecutionProvider = "cpu" | "cuda" | "dml" | "coreml";

/** Numbers in rows: what goes into a model and comes out of it. */
export interface OnnxRows {
	data: Float32Array;
	shape: readonly number[];
}

type Runtime = typeof import("onnxruntime-node");

let loaded: Promise<Runtime | undefined> | undefined;

/** The optional package, loaded on first use; undefined where it is not installed (models then run in TypeScript). */
function runtime(): Promise<Runtime | undefined> {
	loaded ??= import("onnxruntime-node").catch(() => undefined);
	return loaded;
}

/** Whether ONNX models can be run here. */
export async function onnxAvailable(): Promise<boolean> {
	return (await runtime()) !== undefined;
}

/** Models kept loaded; the least used of late goes first. */
const CACHED = 512;

const sessions = new Map<string, Promise<OnnxSession>>();

/**
 * The session of a model file, loaded once.
 *
 * @param key unique for the file's content, e.g. id and version of the model
 * @param file the file, or how to make it
 * @throws EnergyError `models.onnx-missing` without onnxruntime-node, `models.onnx-corrupt` for a file it can't read or
 * an execution provider it hasn't
 */
export function onnxSession(
	key: string,
	file: Uint8Array | (() => Uint8Array),
	provider: ExecutionProvider = "cpu",
): Promise<OnnxSession> {
	const name = `${key} ${provider}`;
	const known = sessions.get(name);
	sessions.delete(name);
	const session = known ?? open(key, typeof file === "function" ? file() : file, provider);
	sessions.set(name, session);
	session.catch(() => sessions.delete(name));
	for (const [oldest, held] of sessions) {
		if (sessions.size <= CACHED) break;
		sessions.delete(oldest);
		held.then(
			(one) => one.release(),
			() => undefined,
		);
	}
	return session;
}

/** Lets a session go that nobody will ask for again. */
export async function dropSession(key: string, provider: ExecutionProvider = "cpu"): Promise<void> {
	const name = `${key} ${provider}`;
	const held = sessions.get(name);
	sessions.delete(name);
	await held?.then(
		(session) => session.release(),
		() => undefined,
	);
}

/** How many are held. */
export const sessionsHeld = (): number => sessions.size;

async function open(key: string, file: Uint8Array, provider: ExecutionProvider): Promise<OnnxSession> {
	const ort = await runtime();
	if (!ort) throw new EnergyError("models.onnx-missing", { model: key });
	try {
		const options = { executionProviders: [provider], logSeverityLevel: 3 as const, intraOpNumThreads: 1 };
		return new OnnxSession(ort, await ort.InferenceSession.create(file, options), provider);
	} catch (cause) {
		const reason = cause instanceof Error ? cause.message : String(cause);
		throw new EnergyError("models.onnx-corrupt", { model: key, provider, reason: reason.slice(0, 300) }, { cause });
	}
}

/** A loaded model. */
export class OnnxSession {
	readonly provider: ExecutionProvider;
	readonly #ort: Runtime;
	readonly #session: InferenceSession;

	constructor(ort: Runtime, session: InferenceSession, provider: ExecutionProvider) {
		this.#ort = ort;
		this.#session = session;
		this.provider = provider;
	}

	get inputs(): readonly string[] {
		return this.#session.inputNames;
	}

	get outputs(): readonly string[] {
		return this.#session.outputNames;
	}

	/** Sizes of an input's dimensions, a name where one is free; undefined for an input it hasn't. */
	shapeOf(input: string): readonly (number | string)[] | undefined {
		const found = this.#session.inputMetadata.find(({ name }) => name === input);
		return found?.isTensor ? found.shape : undefined;
	}

	/**
	 * @param output default the first
	 * @throws EnergyError `models.onnx-run`
	 */
	async run(feeds: Readonly<Record<string, OnnxRows>>, output = this.outputs[0] as string): Promise<OnnxRows> {
		const tensors: Record<string, Tensor> = {};
		for (const [name, { data, shape }] of Object.entries(feeds)) {
			tensors[name] = new this.#ort.Tensor("float32", data, [...shape]);
		}
		try {
			const answers = await this.#session.run(tensors, [output]);
			const answer = answers[output] as Tensor;
			return { data: Float32Array.from(answer.data as Float32Array), shape: answer.dims };
		} catch (cause) {
			const reason = cause instanceof Error ? cause.message : String(cause);
			throw new EnergyError("models.onnx-run", { reason: reason.slice(0, 300) }, { cause });
		}
	}

	async release(): Promise<void> {
		await this.#session.release();
	}
}
