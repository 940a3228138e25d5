import { EnergyError } from "../../lib/errors.ts";
import { checkSite, given, timeMs, wholeNumber } from "../../lib/store/query.ts";
import { QUARTER_HOUR_MS } from "../../lib/telemetry/interval.ts";
import type { Site } from "../../lib/telemetry/site.ts";
import { addressOf } from "../records.ts";
import type { LoadHistory } from "./load-model.ts";
import { MAX_LEAD, TOTAL } from "./site-forecast.ts";

type Loose = Readonly<Record<string, unknown>>;

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const STEP_MS = QUARTER_HOUR_MS;
/** A month of quarter-hours: what one answer holds. */
const MAX_DAYS = 31;
const MAX_QUANTILES = 20;
/** Eight weeks: more than any model looks back on. */
const MAX_RECENT = 5_376;

/** @throws EnergyError `models.bad-input` */
function fail(field: string, value: unknown, rule: string): never {
	throw new EnergyError("models.bad-input", { field, value: value ?? "–", rule });
}

const nameIn = (field: string, value: unknown): string =>
	typeof value === "string" && value.length <= 400 ? value : fail(field, value, "a name");

/** What had been forecast for some time. */
export interface PastQuery {
	machine: string;
	fromMs: number;
	toMs: number;
	leadMs: number;
	/** Only what was issued by then. */
	asOfMs?: number;
}

/**
 * `{machine, from, to, leadMinutes, asOf}`; without times the two days from now on, as the newest forecast has them.
 *
 * @throws EnergyError `models.bad-input`, `store.bad-query`
 */
export function pastQuery(site: Site, asked: Loose, nowMs: number): PastQuery {
	checkSite(site, asked);
	const machine = given(asked.machine) ? nameIn("machine", asked.machine) : TOTAL;
	const fromMs = given(asked.from) ? timeMs("from", asked.from) : Math.floor(nowMs / STEP_MS) * STEP_MS;
	const toMs = given(asked.to) ? timeMs("to", asked.to) : fromMs + 2 * DAY_MS;
	if (toMs <= fromMs) fail("to", asked.to, "after from");
	if (toMs - fromMs > MAX_DAYS * DAY_MS) fail("to", asked.to, `at most ${MAX_DAYS} days after from`);
	const leadMs = given(asked.leadMinutes)
		? wholeNumber("leadMinutes", asked.leadMinutes, 0, MAX_LEAD * 15) * MINUTE_MS
		: 0;
	return { machine, fromMs, toMs, leadMs, ...(given(asked.asOf) && { asOfMs: timeMs("asOf", asked.asOf) }) };
}

/** A forecast that is asked for, not issued. */
export interface PredictOrder {
	machine: string;
	toLead: number;
	model?: string;
	recent?: LoadHistory;
	quantiles: number[];
}

/**
 * `{machine | model, horizonMinutes, quantiles, recent: {start, energyKwh}}`.
 *
 * @throws EnergyError `models.bad-input`, `models.horizon`, `models.unknown`, `store.bad-query`
 */
export function predictOrder(site: Site, asked: Loose): PredictOrder {
	checkSite(site, asked);
	const model = given(asked.model) ? nameIn("model", asked.model) : undefined;
	if (model !== undefined && addressOf(model).site !== site.id) throw new EnergyError("models.unknown", { model });
	const machine = given(asked.machine)
		? nameIn("machine", asked.machine)
		: model !== undefined
			? addressOf(model).machine
			: TOTAL;
	const minutes = given(asked.horizonMinutes) ? Number(asked.horizonMinutes) : 1_440;
	if (!(minutes >= 15 && minutes <= MAX_LEAD * 15 && minutes % 15 === 0)) {
		throw new EnergyError("models.horizon", { value: String(asked.horizonMinutes), rule: "15…10080 in steps of 15" });
	}
	return {
		...{ machine, toLead: minutes / 15, quantiles: quantilesOf(asked.quantiles) },
		...(model !== undefined && { model }),
		...(given(asked.recent) && { recent: recentOf(asked.recent) }),
	};
}

function quantilesOf(value: unknown): number[] {
	if (!given(value)) return [];
	if (!Array.isArray(value) || value.length > MAX_QUANTILES) {
		return fail("quantiles", value, `a list of at most ${MAX_QUANTILES} numbers between 0 and 1`);
	}
	return value.map((level: unknown) =>
		typeof level === "number" && level > 0 && level < 1 ? level : fail("quantiles", level, "between 0 and 1"),
	);
}

function recentOf(value: unknown): LoadHistory {
	const { start, energyKwh } = (typeof value === "object" ? value : {}) as Loose;
	const startMs = timeMs("recent.start", start);
	if (startMs % STEP_MS !== 0) fail("recent.start", start, "the start of a quarter-hour");
	if (!Array.isArray(energyKwh) || energyKwh.length === 0 || energyKwh.length > MAX_RECENT) {
		return fail("recent.energyKwh", energyKwh, `a list of 1…${MAX_RECENT} values, null where unknown`);
	}
	const values = Float64Array.from(energyKwh, (one: unknown, i) => {
		if (one === null) return Number.NaN;
		return typeof one === "number" && Math.abs(one) < 1e9 ? one : fail(`recent.energyKwh.${i}`, one, "kWh, or null");
	});
	return { startMs, stepMs: STEP_MS, values };
}
