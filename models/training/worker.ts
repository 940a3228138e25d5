import { setPriority } from "node:os";
import { parentPort } from "node:worker_threads";
import { EnergyError } from "../../lib/errors.ts";
import "../all-kinds.ts";
import { kindOf } from "../kinds.ts";
import type { FitContext, FitOutcome, Json, Model } from "../model.ts";
import { buffersOf, type TrainingAnswer, type TrainingOrder } from "./protocol.ts";

/** Half of the way to the least of all. */
const NICE = 10;

// On Linux a priority is that of the thread that asks: a training gives way to the loop, the store and the forecasts.
// Elsewhere it would be the whole program's, which nothing here may slow down.
if (process.platform === "linux") {
	try {
		setPriority(0, NICE);
	} catch {
		// A container may forbid it: the training then takes its turn as others do.
	}
}

// The thread that trains: one order at a time. A fit looks at the cancel flag whenever it says how far it is.
const answer = (message: TrainingAnswer, transfer: ArrayBuffer[] = []): void =>
	parentPort?.postMessage(message, transfer);

parentPort?.on("message", async (order: TrainingOrder) => {
	const begunMs = performance.now();
	try {
		const kind = kindOf(order.kind);
		const context: FitContext = {
			seed: order.seed,
			progress: (share) => {
				if (Atomics.load(order.cancel, 0) !== 0) throw new EnergyError("models.cancelled", { model: order.model });
				answer({ id: order.id, part: "progress", share });
			},
		};
		const fit = kind.fit as (data: unknown, options: Json, context: FitContext) => unknown;
		const { model, metrics } = (await fit.call(kind, order.data, order.options, context)) as FitOutcome<
			Model<never, unknown>
		>;
		const state = model.serialise();
		const durationMs = performance.now() - begunMs;
		answer(
			{ id: order.id, part: "fitted", state, metrics, description: model.describe(), durationMs },
			buffersOf(state.arrays),
		);
	} catch (error) {
		const details =
			error instanceof EnergyError
				? (JSON.parse(JSON.stringify({ model: order.model, ...error.details })) as { [name: string]: Json })
				: { model: order.model, reason: error instanceof Error ? error.message : String(error) };
		const code = error instanceof EnergyError ? error.code : "models.training-failed";
		answer({ id: order.id, part: "failed", code, details });
	}
});
