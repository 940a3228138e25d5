import type { Json, ModelState, NumberArray } from "./model.ts";

/** Puts the states of parts into one: their facts and arrays go by the name of the part and a slash. */
export function nested(
	facts: { readonly [name: string]: Json },
	parts: { readonly [name: string]: ModelState | undefined },
): ModelState {
	const allFacts: Record<string, Json> = { ...facts };
	const arrays: Record<string, NumberArray> = {};
	for (const [name, state] of Object.entries(parts)) {
		if (!state) continue;
		for (const [key, value] of Object.entries(state.facts)) allFacts[`${name}/${key}`] = value;
		for (const [key, value] of Object.entries(state.arrays)) arrays[`${name}/${key}`] = value;
	}
	return { facts: allFacts, arrays };
}

/** One part out of a nested state. */
export function part(state: ModelState, name: string): ModelState {
	const prefix = `${name}/`;
	const within = <T>(all: { readonly [name: string]: T }): Record<string, T> =>
		Object.fromEntries(
			Object.entries(all)
				.filter(([key]) => key.startsWith(prefix))
				.map(([key, value]) => [key.slice(prefix.length), value]),
		);
	return { facts: within(state.facts), arrays: within(state.arrays) };
}
