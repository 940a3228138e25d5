import type { QuarantineEntry, Store, WriteOutcome } from "../../store/store.ts";
import type { Interval } from "../interval.ts";

/** Intervals of one transaction. */
const BATCH = 5000;

/**
 * Writes what an import made of a file; the same file again changes nothing, and files no row a second time.
 *
 * @param tell of the progress, 0…1
 */
export async function writeImport(
	store: Store,
	intervals: readonly Interval[],
	rejected: readonly QuarantineEntry[],
	tell: (share: number) => void,
	signal?: AbortSignal,
): Promise<WriteOutcome & { quarantined: number }> {
	const total: WriteOutcome = { inserted: 0, duplicates: 0, replaced: 0 };
	for (let at = 0; at < intervals.length; at += BATCH) {
		signal?.throwIfAborted();
		const outcome = await store.writeIntervals(intervals.slice(at, at + BATCH));
		total.inserted += outcome.inserted;
		total.duplicates += outcome.duplicates;
		total.replaced += outcome.replaced;
		tell(Math.min(1, (at + BATCH) / intervals.length));
	}
	const fresh = await notYetQuarantined(store, rejected);
	if (fresh.length > 0) await store.quarantine(fresh);
	return { ...total, quarantined: rejected.length };
}

/** Those rows that an earlier run of the same file did not file already. */
async function notYetQuarantined(store: Store, rejected: readonly QuarantineEntry[]): Promise<QuarantineEntry[]> {
	const [first] = rejected;
	if (!first) return [];
	const known = new Set<string>();
	const { site, machine } = first;
	for (let cursor: string | undefined; ; ) {
		const page = await store.quarantined({ site, machine, limit: 10_000, ...(cursor !== undefined && { cursor }) });
		for (const { source, payload } of page.items) known.add(`${source} ${payload}`);
		cursor = page.nextCursor;
		if (cursor === undefined) break;
	}
	return rejected.filter(({ source, payload }) => !known.has(`${source} ${payload}`));
}
