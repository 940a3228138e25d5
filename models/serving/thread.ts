import { EnergyError } from "../../lib/errors.ts";
import { BROUGHT_KIND } from "../onnx/brought-kind.ts";
import type { ForeignManifest } from "../onnx/foreign.ts";
import { buffersOf } from "../training/protocol.ts";
import { runsOnnx } from "./engine.ts";
import { ServingHost } from "./host.ts";
import type { EngineChoice, Failure, ServeAnswer, ServeQuestion } from "./protocol.ts";

const threadName = Symbol.for("smartfactory.energy.serving");
const globals = globalThis as { [threadName]?: ServingThread };

/** What forecasts off the event loop: one for the process, however often the package is loaded. */
export function servingThread(): ServingThread {
	globals[threadName] ??= new ServingThread();
	return globals[threadName];
}

/**
 * Forecasts in batches, off the event loop: our own models in a thread, large batches in two; ONNX files in a process of their own, which
 * onnxruntime may take down without anything else noticing. Either is started when it is first needed.
 */
export class ServingThread {
	readonly #threads = [new ServingHost("thread"), new ServingHost("thread")] as const;
	readonly #process = new ServingHost("process");
	/** Which of the threads forecasts a machine, where it isn't the first. */
	readonly #places = new Map<string, number>();

	/**
	 * Forecasts all loads of a batch, in their order. Where the process of ONNX files fails, the models behind them answer,
	 * and say why.
	 *
	 * @throws EnergyError `models.serving-failed`, `models.not-built`
	 */
	async serve(questions: ServeQuestion[], choice: EngineChoice): Promise<ServeAnswer[]> {
		const native = questions.filter((question) => needsOnnx(question, choice));
		const plain = questions.filter((question) => !native.includes(question));
		const [ours, theirs] = await Promise.all([this.#ours(plain, choice), this.#theirs(native, choice)]);
		const answers = new Map([...ours, ...theirs].map((answer) => [answer.machine, answer]));
		return questions.map(({ machine }) => answers.get(machine) as ServeAnswer);
	}

	/**
	 * Answers each question once for nothing, so that the first one who asks waits neither for a thread, nor for a file,
	 * nor for code that was never run. Questions that come meanwhile wait for one of these at most. What goes wrong is
	 * said to whoever asks.
	 */
	async warmUp(questions: ServeQuestion[], choice: EngineChoice): Promise<void> {
		this.#place(questions);
		const tell = async (question: ServeQuestion): Promise<unknown> => this.serve([question], choice).catch(() => []);
		const inTurn = async (which: number): Promise<void> => {
			for (const question of questions) if (this.#placeOf(question) === which) await tell(question);
		};
		await Promise.all([inTurn(0), inTurn(1)]);
	}

	async #ours(questions: ServeQuestion[], choice: EngineChoice): Promise<ServeAnswer[]> {
		if (questions.length === 0) return [];
		this.#place(questions);
		const half = (which: number): ServeQuestion[] => questions.filter((one) => this.#placeOf(one) === which);
		const answers = await Promise.all(this.#threads.map((host, which) => askThread(host, half(which), choice)));
		return answers.flat();
	}

	/** A large batch goes to both threads by name and stays there: a model is read by one of the two only. */
	#place(questions: readonly ServeQuestion[]): void {
		if (questions.length < LARGE) return;
		for (const { machine } of questions) this.#places.set(machine, hashOf(machine) % 2);
	}

	#placeOf({ machine }: ServeQuestion): number {
		return this.#places.get(machine) ?? 0;
	}

	async #theirs(questions: ServeQuestion[], choice: EngineChoice): Promise<ServeAnswer[]> {
		if (questions.length === 0) return [];
		try {
			const reply = await this.#process.ask({ what: "serve", choice, questions });
			return "answers" in reply ? reply.answers : [];
		} catch (error) {
			if (!(error instanceof EnergyError)) throw error;
			const failure = { code: error.code, details: error.details as Failure["details"] };
			const behind = await this.#ours(questions.map(withoutOnnx), { ...choice, engine: "typescript" });
			return behind.map((answer) => excused(answer, questions, failure));
		}
	}

	/**
	 * Asks a brought file its own sample.
	 *
	 * @throws EnergyError `models.onnx-missing`, `models.onnx-corrupt`, `models.onnx-manifest`, `models.onnx-sample`,
	 *   `models.onnx-run`, `models.serving-failed`
	 */
	async check(file: Uint8Array, manifest: ForeignManifest, choice: EngineChoice): Promise<void> {
		await this.#process.ask({ what: "check", choice, file, manifest });
	}

	async close(): Promise<void> {
		await Promise.all([...this.#threads, this.#process].map((host) => host.close()));
	}
}

/** From so many loads on a batch goes to two threads. */
const LARGE = 32;

async function askThread(host: ServingHost, questions: ServeQuestion[], choice: EngineChoice): Promise<ServeAnswer[]> {
	if (questions.length === 0) return [];
	const reply = await host.ask({ what: "serve", choice, questions }, buffersOf(questions));
	return "answers" in reply ? reply.answers : [];
}

const hashOf = (name: string): number => [...name].reduce((sum, letter) => sum + (letter.codePointAt(0) ?? 0), 0);

const isBrought = (file: ServeQuestion["model"]): boolean => file?.kind === BROUGHT_KIND;

function needsOnnx({ model, behind, member }: ServeQuestion, choice: EngineChoice): boolean {
	return [model, behind, member].some(isBrought) || (model !== undefined && runsOnnx(choice));
}

/** The same question for the models of our own that are left. */
function withoutOnnx({ model, behind, member: _member, ...question }: ServeQuestion): ServeQuestion {
	const own = isBrought(model) ? undefined : model;
	const rest = isBrought(behind) ? undefined : behind;
	return { ...question, ...(own && { model: own }), ...(rest && { behind: rest }) };
}

/** Says that the models in front could not answer. */
function excused(answer: ServeAnswer, questions: readonly ServeQuestion[], failure: Failure): ServeAnswer {
	if (!("served" in answer)) return answer;
	const asked = questions.find(({ machine }) => machine === answer.machine);
	const { served, machine } = answer;
	const { engine } = served;
	// Our own model still answers, only elsewhere; a brought one does not.
	if (!isBrought(asked?.model)) return { machine, served: { ...served, engine: { ...engine, failure } } };
	return { machine, served: { ...served, fallback: "model-unusable", failure } };
}
