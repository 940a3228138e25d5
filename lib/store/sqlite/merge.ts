import type { Row } from "./database.ts";

/** A row that has a time and belongs to a machine. */
export type KeyedRow = Row & { machine: number; time: number };

/**
 * Merges the rows of several machines, each in the order of time, into one run ordered by time, then machine.
 * Rows are drawn one at a time, so a page costs its own length however long the span.
 */
export function* mergeByTime(sources: Iterable<Row>[], order: "asc" | "desc"): Generator<KeyedRow> {
	const [only] = sources;
	if (only && sources.length === 1) {
		yield* only as Iterable<KeyedRow>;
		return;
	}
	const sign = order === "asc" ? 1 : -1;
	const heads: { iterator: Iterator<Row>; row: KeyedRow }[] = [];
	const isBefore = (a: KeyedRow, b: KeyedRow): boolean =>
		a.time === b.time ? (a.machine - b.machine) * sign < 0 : (a.time - b.time) * sign < 0;
	/** Restores the heap below its root. */
	const sink = (from: number): void => {
		for (let at = from; ; ) {
			let first = at;
			for (const child of [2 * at + 1, 2 * at + 2]) {
				const [a, b] = [heads[child], heads[first]];
				if (a && b && isBefore(a.row, b.row)) first = child;
			}
			if (first === at) return;
			const [a, b] = [heads[at], heads[first]];
			if (a && b) [heads[at], heads[first]] = [b, a];
			at = first;
		}
	};
	for (const source of sources) {
		const iterator = source[Symbol.iterator]();
		const { value, done } = iterator.next();
		if (!done) heads.push({ iterator, row: value as KeyedRow });
	}
	for (let at = heads.length >> 1; at >= 0; at--) sink(at);
	try {
		while (heads[0]) {
			const head = heads[0];
			yield head.row;
			const { value, done } = head.iterator.next();
			if (done) {
				const last = heads.pop();
				if (last && heads.length > 0) heads[0] = last;
			} else head.row = value as KeyedRow;
			sink(0);
		}
	} finally {
		// An iterator left half-way keeps its statement, and with it the snapshot, open.
		for (const { iterator } of heads) iterator.return?.();
	}
}
