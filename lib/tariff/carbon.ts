import { civilOf } from "../calendar/civil.ts";
import { clockOf } from "../calendar/zone-clock.ts";
import { readData } from "../data.ts";
import { EnergyError } from "../errors.ts";
import { QUARTER_HOUR_MS } from "../telemetry/interval.ts";
import { type Warning, warning } from "./warning.ts";

/** Emission factor of a grid in a year, location-based. */
export interface GridFactor {
	year: number;
	/** tCO2eq per MWh, which is kgCO2e per kWh. */
	factor: number;
	published?: string;
}

/** Factors by grid, e.g. `KR`; what ships, or the site's own. */
export type GridFactors = Readonly<Record<string, readonly GridFactor[]>>;

let shipped: GridFactors | undefined;

function shippedGridFactors(): GridFactors {
	shipped ??= readData<{ grids: GridFactors }>("lib/tariff/data/grid-factors.json").grids;
	return shipped;
}

/**
 * The factor for a year: its own, else the newest before it (factors are published about two years late).
 * @throws EnergyError `tariff.carbon` for an unknown grid or a year before the first factor
 */
export function gridFactor(grid: string, year: number, factors: GridFactors = shippedGridFactors()): GridFactor {
	const known = (Object.hasOwn(factors, grid) && factors[grid]) || [];
	const found = known.filter((each) => each.year <= year).sort((a, b) => b.year - a.year)[0];
	if (!found) {
		const list = Object.entries(factors).map(
			([name, each]) => `${name} ${each.map((factor) => factor.year).join("/")}`,
		);
		throw new EnergyError("tariff.carbon", { grid, year, known: list.join(", ") });
	}
	return found;
}

export interface Emissions {
	/** kgCO2e of each quarter-hour. */
	kgByInterval: Float64Array;
	kg: number;
	/** Years whose factors were used. */
	factors: GridFactor[];
	warnings: Warning[];
}

/**
 * Location-based emissions of a load (GHG Protocol scope 2).
 *
 * @param fromMs start of the first quarter-hour
 * @param kwh energy of each; gaps (NaN) and export emit nothing
 */
export function emissionsOf(
	fromMs: number,
	kwh: ArrayLike<number>,
	{ grid = "KR", timeZone = "Asia/Seoul", factors = shippedGridFactors() } = {},
): Emissions {
	const clock = clockOf(timeZone);
	const kgByInterval = new Float64Array(kwh.length);
	const used = new Map<number, GridFactor>();
	let kg = 0;
	let untilMs = Number.NEGATIVE_INFINITY;
	let factor = 0;
	for (let i = 0; i < kwh.length; i++) {
		const atMs = fromMs + i * QUARTER_HOUR_MS;
		if (atMs >= untilMs) {
			const day = clock.dayAt(atMs);
			const { year } = civilOf(day);
			const inForce = used.get(year) ?? gridFactor(grid, year, factors);
			used.set(year, inForce);
			factor = inForce.factor;
			untilMs = clock.startOfDay(day + 1);
		}
		const energy = kwh[i] ?? 0;
		if (!(energy > 0)) continue;
		kgByInterval[i] = energy * factor;
		kg += energy * factor;
	}
	const warnings = [...used]
		.filter(([year, each]) => each.year !== year)
		.map(([year, each]) => warning("tariff.carbon-provisional", { year, used: each.year }));
	return { kgByInterval, kg, factors: [...new Set(used.values())], warnings };
}
