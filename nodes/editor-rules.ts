// Validators for the editor halves: what the editor does and its published types do not say.
import type { Say } from "./editor-parts.ts";

/**
 * A validator that says what is wrong. The editor shows a returned string as the reason when the function takes exactly
 * two arguments; its types know booleans only.
 *
 * @param problem undefined where the value is fine, else a sentence for the person
 */
export function rule<Instance>(
	problem: (this: Instance, value: unknown) => string | undefined,
): (this: Instance, value: string) => boolean {
	const validate = function (this: Instance, value: unknown, _options: unknown): true | string {
		return problem.call(this, value) ?? true;
	};
	return validate as unknown as (this: Instance, value: string) => boolean;
}

export const isEmpty = (value: unknown): boolean => value === "" || value === undefined || value === null;

/** `${ENV}` is resolved at run time, and so let through. */
const isVariable = (value: unknown): boolean => /^\$\{\w+\}$/.test(String(value));

/** A whole or decimal number in a range. */
export function isNumberIn(value: unknown, min: number, max: number): boolean {
	if (isVariable(value)) return true;
	if (isEmpty(value)) return false;
	const number = Number(value);
	return Number.isFinite(number) && number >= min && number <= max;
}

/** A number in a range; the catalogue's `errors.<key>` may name `__min__` and `__max__`. */
export function within<Instance>(say: Say, key: string, min: number, max: number) {
	return rule<Instance>((value) => (isNumberIn(value, min, max) ? undefined : say(`errors.${key}`, { min, max })));
}

/** A number in a range, or nothing. */
export function emptyOrWithin<Instance>(say: Say, key: string, min: number, max: number) {
	return rule<Instance>((value) =>
		isEmpty(value) || isNumberIn(value, min, max) ? undefined : say(`errors.${key}`, { min, max }),
	);
}

/** One of some words. */
export function oneOf<Instance>(say: Say, key: string, words: readonly string[]) {
	return rule<Instance>((value) => (words.includes(String(value)) ? undefined : say(`errors.${key}`)));
}

/** A text of a shape. */
export function shaped<Instance>(say: Say, key: string, shape: RegExp) {
	return rule<Instance>((value) => (shape.test(String(value)) ? undefined : say(`errors.${key}`)));
}

/** A text of a shape, an environment's variable, or nothing. */
export function emptyOrShaped<Instance>(say: Say, key: string, shape: RegExp) {
	return rule<Instance>((value) =>
		isEmpty(value) || shape.test(String(value)) || isVariable(value) ? undefined : say(`errors.${key}`),
	);
}

/** Where an MQTT broker is. */
export const brokerUrl = /^(mqtts?|wss?|tcp|tls|ssl):\/\/[^\s/]+/;

/** A field that may stay empty, and else is read as the runtime reads it. */
export function readable<Instance>(say: Say, key: string, read: (text: string) => unknown) {
	return rule<Instance>((value) => {
		try {
			if (!isEmpty(value)) read(String(value));
			return undefined;
		} catch {
			return say(`errors.${key}`);
		}
	});
}
