/** One value that a change moved; undefined: there was, or is, none. */
export interface Moved {
	path: string;
	before: string | undefined;
	after: string | undefined;
}

/** As many lines as a person reads; an imported flow may have thousands. */
const MOST_LINES = 200;
/** Levels that are taken apart; what lies deeper is shown as it is. */
const DEEPEST = 6;

/** What differs between two values, part by part, in the order in which they stand. */
export function diffOf(before: unknown, after: unknown): Moved[] {
	const [was, is] = [leavesOf(before), leavesOf(after)];
	const paths = [...new Set([...was.keys(), ...is.keys()])];
	return (
		paths
			.filter((path) => was.get(path) !== is.get(path))
			// That something was empty is said by what came into it.
			.filter((path) => !isEmpty(was.get(path) ?? is.get(path)) || !paths.some((other) => other.startsWith(`${path}.`)))
			.slice(0, MOST_LINES)
			.map((path) => ({ path, before: was.get(path), after: is.get(path) }))
	);
}

const isEmpty = (text: string | undefined): boolean => text === "{}" || text === "[]";

/** What was asked for, line by line. */
export const linesOf = (value: unknown): [path: string, text: string][] => [...leavesOf(value)].slice(0, MOST_LINES);

function leavesOf(value: unknown): Map<string, string> {
	const leaves = new Map<string, string>();
	const walk = (one: unknown, path: string, depth: number): void => {
		if (one === undefined || (one === null && path === "")) return;
		const parts = typeof one === "object" && one !== null ? Object.entries(one) : [];
		if (parts.length === 0 || depth === DEEPEST) {
			leaves.set(path, typeof one === "string" ? one : JSON.stringify(one));
			return;
		}
		for (const [key, part] of parts) walk(part, path === "" ? key : `${path}.${key}`, depth + 1);
	};
	walk(value, "", 0);
	return leaves;
}
