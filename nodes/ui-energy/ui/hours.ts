import type { Energy } from "../picture.ts";
import { dayStart } from "./zone.ts";

const HOUR_MS = 3_600_000;

/** One hour of today beside the same hour of yesterday; null is not known or not yet. */
export interface Hour {
	startMs: number;
	todayKwh: number | null;
	estimated: boolean;
	yesterdayKwh: number | null;
}

/** The hours of today in the site's zone, all of them (23 or 25 on days when the clock is set). */
export function byHour({ starts, kwh, estimatedKwh }: Energy, nowMs: number, zone: string): Hour[] {
	const today = dayStart(nowMs, zone);
	// 26 hours on is tomorrow on every calendar, 2 hours back is yesterday.
	const tomorrow = dayStart(today + 26 * HOUR_MS, zone);
	const yesterday = dayStart(today - 2 * HOUR_MS, zone);
	const at = new Map(starts.map((startMs, i) => [startMs, i]));
	const hours: Hour[] = [];
	for (let startMs = today; startMs < tomorrow; startMs += HOUR_MS) {
		const i = at.get(startMs);
		const before = at.get(yesterday + (startMs - today));
		hours.push({
			startMs,
			todayKwh: i === undefined ? null : (kwh[i] ?? null),
			estimated: i !== undefined && (estimatedKwh[i] ?? 0) > 0,
			yesterdayKwh: before === undefined ? null : (kwh[before] ?? null),
		});
	}
	return hours;
}

/** Yesterday's energy by the same time of day, its last hour in proportion; null where an hour is missing. */
export function untilNow(hours: readonly Hour[], nowMs: number): number | null {
	let sum = 0;
	for (const { startMs, yesterdayKwh } of hours) {
		if (startMs >= nowMs) break;
		if (yesterdayKwh === null) return null;
		sum += yesterdayKwh * Math.min(1, (nowMs - startMs) / HOUR_MS);
	}
	return sum;
}

/**
 * Today's energy: the live count, or the store's hours where they know more, as right after a start, when the live
 * count begins anew and has not heard of the day before it.
 */
export function soFar(hours: readonly Hour[], countedKwh: number | null): number | null {
	const stored = hours.filter(({ todayKwh }) => todayKwh !== null);
	if (stored.length === 0) return countedKwh;
	const storedKwh = stored.reduce((sum, { todayKwh }) => sum + (todayKwh ?? 0), 0);
	return countedKwh === null ? storedKwh : Math.max(countedKwh, storedKwh);
}
