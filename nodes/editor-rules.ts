// For the editor halves: what the editor does and its published types do not say.

/** A text of a node's catalogue; works in validators too, where the node may not be on a canvas yet. */
export function sayer(type: string): (key: string, values?: Record<string, string | number>) => string {
	return (key, values = {}) => RED._(`@smartfactory/node-red-energy/${type}:${key}`, values);
}

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

/** A whole or decimal number in a range; `${ENV}` is resolved at run time and so let through. */
export function isNumberIn(value: unknown, min: number, max: number): boolean {
	if (typeof value === "string" && /^\$\{\w+\}$/.test(value)) return true;
	if (value === "" || value === null || value === undefined) return false;
	const number = Number(value);
	return Number.isFinite(number) && number >= min && number <= max;
}
