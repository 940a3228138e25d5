import type { Json, Metrics, ModelDescription, ModelState } from "../model.ts";

/** What the training thread is told to do. */
export interface TrainingOrder {
	id: number;
	kind: string;
	data: unknown;
	options: Json;
	seed: number;
	/** Name in messages. */
	model: string;
	/** Its first element turns 1 when the training is no longer wanted. */
	cancel: Int32Array;
}

export type TrainingAnswer =
	| { id: number; part: "progress"; share: number }
	| {
			id: number;
			part: "fitted";
			state: ModelState;
			metrics: Metrics;
			description: ModelDescription;
			durationMs: number;
	  }
	| { id: number; part: "failed"; code: string; details: { [name: string]: Json } };

/** Memory of typed arrays in plain objects and lists: what can be handed over instead of copied. */
export function buffersOf(value: unknown): ArrayBuffer[] {
	const found = new Set<ArrayBuffer>();
	const walk = (part: unknown): void => {
		if (ArrayBuffer.isView(part)) {
			if (part.buffer instanceof ArrayBuffer) found.add(part.buffer);
		} else if (Array.isArray(part)) {
			if (typeof part[0] === "object") for (const one of part) walk(one);
		} else if (part && typeof part === "object") for (const one of Object.values(part)) walk(one);
	};
	walk(value);
	return [...found];
}
