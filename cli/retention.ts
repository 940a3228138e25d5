import type { Store } from "../lib/store/store.ts";
import { reasonOf } from "./say.ts";

const DAY_MS = 86_400_000;

/**
 * Drops raw readings that are older than the retention, now and once a day; quarter-hours and roll-ups stay. Counted from
 * the newest reading where the clock is ahead of it: one that starts in a wrong year (an empty battery) drops nothing.
 */
export function keepRetention(store: Pick<Store, "stats" | "dropReadingsBefore">, days: number): void {
	const drop = async (): Promise<void> => {
		try {
			const { newestMs } = await store.stats();
			if (newestMs !== null) await store.dropReadingsBefore(Math.min(Date.now(), newestMs) - days * DAY_MS);
		} catch (error) {
			console.error(reasonOf(error));
		}
	};
	void drop();
	setInterval(() => void drop(), DAY_MS).unref();
}
