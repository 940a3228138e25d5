import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { EnergyError } from "../errors.ts";
import { packageRoot } from "../package-root.cjs";
import type { AdviceResult, AdviceTask } from "./advice.ts";

export type ThreadAnswer =
	| { result: AdviceResult; code?: undefined }
	| { code: string; details: Readonly<Record<string, unknown>> };

/** A year's bills a dozen times over take a second or two; past this something hangs. */
const DEADLINE_MS = 60_000;

let last: Promise<unknown> = Promise.resolve();

/**
 * Works advice out in a thread of its own, so that the event loop stays free; stopped at its deadline. Questions wait
 * for each other: however many are asked, one core is busy with them.
 *
 * @throws EnergyError those of `recommend`, `tariff.advice-failed`
 */
export function adviseInThread(task: AdviceTask, deadlineMs = DEADLINE_MS): Promise<AdviceResult> {
	const turn = last.then(() => inThread(task, deadlineMs));
	last = turn.catch(() => undefined);
	return turn;
}

function inThread(task: AdviceTask, deadlineMs: number): Promise<AdviceResult> {
	return new Promise((resolve, reject) => {
		const worker = new Worker(join(packageRoot, "dist/lib/cost/worker.js"), { workerData: task });
		const fail = (reason: string): void => reject(new EnergyError("tariff.advice-failed", { reason }));
		const deadline = setTimeout(() => {
			fail(`more than ${deadlineMs / 1000} s`);
			void worker.terminate();
		}, deadlineMs);
		worker.once("message", (answer: ThreadAnswer) => {
			if (answer.code === undefined) resolve(answer.result);
			else reject(new EnergyError(answer.code, answer.details));
		});
		worker.once("error", (error) => fail(error instanceof Error ? error.message : String(error)));
		worker.once("exit", (code) => {
			clearTimeout(deadline);
			fail(`exit ${code}`);
		});
	});
}
