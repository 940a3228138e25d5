import type { Store } from "../lib/store/store.ts";
import { reasonOf } from "./say.ts";

const DAY_MS = 86_400_000;

/** Drops raw readings older than the retention, now and once a day; quarter-hours and roll-ups stay. */
export function keepRetention(store: Store, days: number): void {
	const drop = (): void => {
		store.dropReadingsBefore(Date.now() - days * DAY_MS).catch((error: unknown) => console.error(reasonOf(error)));
	};
	drop();
	setInterval(drop, DAY_MS).unref();
}
