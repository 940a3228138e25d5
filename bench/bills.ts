// `npm run bench -- bills [--cases FILE] [--json]`
// With --cases: runs a list of bills against their expected results (docs/bills-bench.md).
// Without: a year's bill and a price lookup, each beside a plain peer that asks Temporal and the rules per interval.
import { readFileSync } from "node:fs";
import { Temporal } from "temporal-polyfill";
import { parseDate } from "../lib/calendar/civil.ts";
import { koreanHolidays } from "../lib/calendar/holidays.ts";
import { EnergyError } from "../lib/errors.ts";
import { explain } from "../lib/messages.ts";
import { runBillCases } from "../lib/tariff/bill-cases.ts";
import { Pricer } from "../lib/tariff/pricer.ts";
import { shippedTariffs } from "../lib/tariff/registry.ts";
import { billYear } from "../lib/tariff/year.ts";
import type { Figures } from "./run.ts";

export default async function bills(args: readonly string[]): Promise<Figures> {
	const at = args.indexOf("--cases");
	if (at < 0) return speed();
	const file = args[at + 1];
	if (!file) throw new Error("--cases needs a file");
	try {
		return { ...runBillCases(JSON.parse(readFileSync(file, "utf8"))) };
	} catch (error) {
		// A file that isn't there, isn't JSON or holds no list: one line, not a trace of the file.
		const reason =
			error instanceof EnergyError ? explain(error, "en-US") : error instanceof Error ? error.message : error;
		console.error(`${file}: ${reason}`);
		process.exit(2);
	}
}

const tariff = shippedTariffs().get("kepco/industrial-b/high-a/II");
const holidays = koreanHolidays();
const startMs = Date.parse("2025-05-01T00:00:00+09:00");
const quarterMs = 900_000;
const count = 35_040;

function speed(): Figures {
	const kwh = Float64Array.from({ length: count }, (_, i) => 25 + 10 * Math.sin(i / 15) + (i % 96) / 10);
	const year = (): number =>
		billYear({ tariff, firstMonth: "2025-05", contract: { contractKw: 500 }, holidays, load: { kwh } }).total;
	const cold = timed(year, 1);
	const warm = timed(year, 30);
	const peerYear = timed(() => peerCost(kwh), 1);
	const pricer = new Pricer({ tariff, holidays });
	const lookups = 1_000_000;
	pricer.energyPrice(startMs);
	const walk = timed(() => {
		let sum = 0;
		for (let i = 0; i < lookups; i++) sum += pricer.energyPrice(startMs + ((i * 7919) % count) * quarterMs);
		return sum;
	}, 3);
	const peerLookups = 5_000;
	const peerWalk = timed(() => {
		let sum = 0;
		for (let i = 0; i < peerLookups; i++) sum += peerPrice(startMs + ((i * 7919) % count) * quarterMs);
		return sum;
	}, 1);
	const horizon = timed(() => pricer.horizon(startMs, count).energy[0] ?? 0, 10);
	return {
		intervals: count,
		rows: [
			{ what: "a year's bill, first run", ms: round(cold), peerMs: round(peerYear) },
			{ what: "a year's bill, median", ms: round(warm), peerMs: round(peerYear) },
			{ what: "a year's prices (35,040)", ms: round(horizon), peerMs: round((peerWalk / peerLookups) * count) },
			{
				what: "one price lookup, µs",
				ms: round((walk / lookups) * 1e3),
				peerMs: round((peerWalk / peerLookups) * 1e3),
			},
		],
		yearBillMs: round(warm),
		lookupUs: round((walk / lookups) * 1e3),
		goals: { yearBillMs: 20, lookupUs: 1 },
	};
}

const round = (value: number): number => Number(value.toPrecision(3));

/** Median time of a run, ms. */
function timed(run: () => number, times: number): number {
	const each = Array.from({ length: times }, () => {
		const from = performance.now();
		run();
		return performance.now() - from;
	});
	each.sort((a, b) => a - b);
	return each[each.length >> 1] ?? 0;
}

/** The peer: the obvious way, asking Temporal for the local time of every interval and going through the rules. */
function peerPrice(epochMs: number): number {
	const local = Temporal.Instant.fromEpochMilliseconds(epochMs).toZonedDateTimeISO("Asia/Seoul");
	const version = [...tariff.versions].reverse().find(({ effective }) => effective <= local.toPlainDate().toString());
	if (!version) return Number.NaN;
	const { schedule, rates } = version;
	const season = Object.keys(schedule.seasons).find((each) => schedule.seasons[each]?.includes(local.month)) ?? "";
	const minutes = local.hour * 60 + local.minute;
	const inside = (window: string): boolean => {
		const [from = 0, to = 0] = window.split("-").map((clock) => {
			const [hour = 0, minute = 0] = clock.split(":").map(Number);
			return hour * 60 + minute;
		});
		return from < to ? minutes >= from && minutes < to : minutes >= from || minutes < to;
	};
	const hours = schedule.periods.find(({ seasons }) => seasons.includes(season))?.hours ?? {};
	let band = Object.keys(hours).find((each) => hours[each]?.some(inside)) ?? "";
	const holiday = local.dayOfWeek === 7 || holidays.isHoliday(parseDate(local.toPlainDate().toString()));
	if (holiday) band = "off-peak";
	else if (local.dayOfWeek === 6 && band === "on-peak") band = "mid-peak";
	const rate = rates.energy[season]?.[band];
	const off = version.discounts.find(
		({ months, hours: windows }) =>
			months.includes(local.month) && windows.some(inside) && (holiday || local.dayOfWeek === 6),
	);
	return typeof rate === "number" ? rate * (1 - (off?.percent ?? 0) / 100) : Number.NaN;
}

function peerCost(kwh: Float64Array): number {
	let cost = 0;
	for (let i = 0; i < kwh.length; i++) cost += (kwh[i] ?? 0) * peerPrice(startMs + i * quarterMs);
	return cost;
}
