import type { Site } from "../telemetry/site.ts";

/** The meters that make up the site: its main meters, or the sub-meters where it has none. */
export function metersOf({ machines }: Site): { meters: string[]; main: boolean } {
	const mains = machines.filter(({ role }) => role === "main");
	const chosen = mains.length > 0 ? mains : machines;
	return { meters: chosen.map(({ id }) => id), main: mains.length > 0 };
}
