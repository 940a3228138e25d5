import type { CardState, Picture } from "../picture.ts";
import { TOTAL } from "../picture.ts";
import { nearest } from "./chart/path.ts";

/** What the cards ask of a picture. */

/** After this long without a reading the site's values are no longer "now". */
const STALE_MS = 30_000;

/** How long the newest reading of the site is ago; null where there is none. */
export function ageMs(picture: Picture, nowMs: number): number | null {
	return picture.flow.lastReadingTime ? Math.max(0, nowMs - Date.parse(picture.flow.lastReadingTime)) : null;
}

export function isStale(picture: Picture, nowMs: number): boolean {
	const age = ageMs(picture, nowMs);
	return age === null || age > STALE_MS || nowMs - Date.parse(picture.time) > STALE_MS;
}

/** Place of each machine in its site, by id; a main meter has none, for it is the total's line. */
export function places(picture: Picture | null): Map<string, number> {
	const subs = (picture?.machines ?? []).filter(({ role }) => role === "sub");
	return new Map(subs.map(({ machine }, place) => [machine, place]));
}

/** How the site's power moved over a span; null where one of its ends is not known. */
export function change({ load, picture }: CardState, spanMs: number): number | null {
	const total = load?.lines.find(({ machine }) => machine === TOTAL);
	const nowKw = picture?.totalKw;
	if (!total || !picture || nowKw === null || nowKw === undefined) return null;
	const thenMs = Date.parse(picture.time) - spanMs;
	const i = nearest(total.times, thenMs);
	const near = Math.abs((total.times[i] ?? Number.NEGATIVE_INFINITY) - thenMs) <= spanMs / 3;
	const thenKw = near ? total.values[i] : null;
	return thenKw === null || thenKw === undefined ? null : nowKw - thenKw;
}
