import assert from "node:assert/strict";
import fc from "fast-check";
import { siteHolidays } from "../../../lib/calendar/holidays.ts";
import type { EnergyError } from "../../../lib/errors.ts";
import { billMonth } from "../../../lib/tariff/bill.ts";
import { intervalLoad } from "../../../lib/tariff/load.ts";
import { tariffsOf } from "../../../lib/tariff/registry.ts";
import { importUrdb } from "../../../lib/tariff/urdb.ts";

// A US bill once more, by asking Intl for the wall clock of each quarter-hour and adding up in whole numbers.

const afternoon = Array.from({ length: 24 }, (_, hour) => (hour >= 12 && hour < 18 ? 1 : 0));
const night = Array.from({ length: 24 }, () => 0);
const isSummer = (month: number): boolean => month >= 6 && month <= 9;
const months = Array.from({ length: 12 }, (_, index) => index + 1);

interface Scene {
	timeZone: string;
	month: string;
	seed: number;
	windowMinutes: 15 | 30 | 60;
	lookback: { percent: number; months: number[] } | undefined;
	past: Readonly<Record<string, number>>;
}

function rateOf({ windowMinutes, lookback }: Scene): object {
	return {
		label: "naive",
		startdate: 1_577_836_800,
		energyratestructure: [[{ rate: 0.061, max: 20_000, unit: "kWh" }, { rate: 0.047 }], [{ rate: 0.125 }]],
		energyweekdayschedule: months.map((month) => (isSummer(month) ? afternoon : night)),
		energyweekendschedule: months.map(() => night),
		flatdemandstructure: [[{ rate: 8, max: 100 }, { rate: 10 }], [{ rate: 5 }]],
		flatdemandmonths: months.map((month) => (isSummer(month) ? 0 : 1)),
		demandratestructure: [[{ rate: 0 }], [{ rate: 12 }]],
		demandweekdayschedule: months.map(() => afternoon),
		demandweekendschedule: months.map(() => night),
		demandwindow: windowMinutes,
		fixedchargefirstmeter: 250,
		...(lookback && {
			lookbackpercent: lookback.percent / 100,
			lookbackmonths: months.map((month) => (lookback.months.includes(month) ? 1 : 0)),
		}),
	};
}

interface WallTime {
	hour: number;
	minute: number;
	weekend: boolean;
}
const walls = new Map<string, WallTime[]>();

/** Wall clock of the quarter-hours of a month. */
function wall(timeZone: string, month: string): WallTime[] {
	const key = `${timeZone} ${month}`;
	const known = walls.get(key) ?? readWall(timeZone, month);
	walls.set(key, known);
	return known;
}

function readWall(timeZone: string, month: string): WallTime[] {
	const format = new Intl.DateTimeFormat("en-US", {
		...{ timeZone, hourCycle: "h23", year: "numeric", month: "2-digit", weekday: "short" },
		...{ hour: "2-digit", minute: "2-digit" },
	});
	const found: WallTime[] = [];
	const around = Date.parse(`${month}-01T00:00:00Z`);
	for (let at = around - 86_400_000; at < around + 33 * 86_400_000; at += 900_000) {
		const parts = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, value]));
		if (`${parts.year}-${parts.month}` !== month) continue;
		const weekend = parts.weekday === "Sat" || parts.weekday === "Sun";
		found.push({ hour: Number(parts.hour), minute: Number(parts.minute), weekend });
	}
	return found;
}

/** Cents of a product of whole numbers that stand for hundred-thousands of a dollar, the nearest. */
const cents = (amount: bigint, unit: bigint): bigint => (2n * amount + unit) / (2n * unit);

function naive(scene: Scene, milli: readonly number[]): bigint {
	const clock = wall(scene.timeZone, scene.month);
	const month = Number(scene.month.slice(5));
	const year = Number(scene.month.slice(0, 4));
	const kwh = [0, 0];
	let flat = 0;
	let peak = 0;
	const quarters = scene.windowMinutes / 15;
	for (const [i, { hour, minute, weekend }] of clock.entries()) {
		const period = !weekend && isSummer(month) && hour >= 12 && hour < 18 ? 1 : 0;
		kwh[period] = (kwh[period] ?? 0) + (milli[i] ?? 0);
		if (minute % scene.windowMinutes !== 0) continue;
		// Thousandths of a kW times the quarters of a window: divided last.
		const demand = milli.slice(i, i + quarters).reduce((sum, each) => sum + each, 0) * 4;
		flat = Math.max(flat, demand);
		if (!weekend && hour >= 12 && hour < 18) peak = Math.max(peak, demand);
	}
	const kept = Object.entries(scene.past).flatMap(([text, kw]) => {
		const back = (year - Number(text.slice(0, 4))) * 12 + month - Number(text.slice(5));
		const counts = scene.lookback?.months.includes(Number(text.slice(5))) && back > 0 && back < 12;
		return counts ? [kw * 10 * (scene.lookback?.percent ?? 0) * quarters] : [];
	});
	const tier = BigInt(Math.min(kwh[0] ?? 0, 20_000_000));
	const flatKw = BigInt(Math.max(flat, ...kept));
	const peakKw = BigInt(Math.max(peak, ...kept));
	const perCent = 10n * BigInt(quarters);
	const first = flatKw < 100_000n * BigInt(quarters) ? flatKw : 100_000n * BigInt(quarters);
	const demand = isSummer(month)
		? [cents(first * 8n, perCent), cents((flatKw - first) * 10n, perCent)]
		: [cents(flatKw * 5n, perCent)];
	const lines = [
		cents(tier * 61n, 10_000n),
		cents((BigInt(kwh[0] ?? 0) - tier) * 47n, 10_000n),
		cents(BigInt(kwh[1] ?? 0) * 125n, 10_000n),
		...demand,
		cents(peakKw * 12n, perCent),
		25_000n,
	];
	return lines.reduce((sum, each) => sum + each, 0n);
}

const scene: fc.Arbitrary<Scene> = fc.record({
	timeZone: fc.constantFrom(
		"America/New_York",
		"America/Denver",
		"America/Los_Angeles",
		"America/Phoenix",
		"Asia/Tokyo",
	),
	// With the months in which clocks change, and a leap day.
	month: fc.constantFrom("2026-03", "2026-11", "2026-07", "2026-01", "2024-02", "2025-09"),
	seed: fc.integer({ min: 1, max: 2_000_000_000 }),
	windowMinutes: fc.constantFrom<15 | 30 | 60>(15, 30, 60),
	lookback: fc.option(
		fc.record({ percent: fc.integer({ min: 50, max: 100 }), months: fc.subarray(months, { minLength: 1 }) }),
		{ nil: undefined },
	),
	past: fc.dictionary(
		fc.constantFrom("2025-12", "2025-08", "2026-02", "2024-01", "2025-01"),
		fc.integer({ max: 900, min: 0 }),
	),
});

describe("a bill of an OpenEI rate beside one that is worked out as plainly as possible", () => {
	it("is the same to the cent: tiers, seasons, time-of-use demand, windows, look-back, days of 92 and 100 quarter-hours", () => {
		fc.assert(
			fc.property(scene, (given) => {
				const [tariff] = tariffsOf(importUrdb(rateOf(given), { timeZone: given.timeZone }));
				assert(tariff);
				let state = given.seed;
				const milli = wall(given.timeZone, given.month).map(() => {
					state = (state * 48_271) % 2_147_483_647;
					return state % 60_000;
				});
				const past = Object.entries(given.past).map(([text, kw]) => {
					const [year = 0, month = 1] = text.split("-").map(Number);
					return [year * 12 + month - 1, { kw }] as const;
				});
				const { total } = billMonth({
					...{ tariff, month: given.month, contract: { contractKw: 1000 }, holidays: siteHolidays() },
					load: (calendar) =>
						intervalLoad(
							milli.map((each) => each / 1000),
							calendar,
						),
					history: new Map(past),
				});
				assert.equal(BigInt(Math.round(total * 100)), naive(given, milli), JSON.stringify(given));
			}),
			{ numRuns: Number(process.env.BILL_RUNS ?? 15) },
		);
	});

	it("is not made from a rate that charges what is not billed here", () => {
		const rate = rateOf({
			timeZone: "UTC",
			month: "2026-01",
			seed: 1,
			windowMinutes: 15,
			lookback: undefined,
			past: {},
		});
		for (const [more, path] of [
			[{ flatdemandunit: "kVA" }, "flatdemandunit"],
			[{ demandrateunit: "kW daily" }, "demandrateunit"],
			[{ demandwindow: 5 }, "demandwindow"],
			[{ fueladjustmentsmonthly: months.map(() => 0.004) }, "fueladjustmentsmonthly"],
			[{ demandreactivepowercharge: 0.25 }, "demandreactivepowercharge"],
		] as const) {
			assert.throws(
				() => importUrdb({ ...rate, ...more }, { timeZone: "UTC" }),
				(error: EnergyError) => error.code === "tariff.urdb" && String(error.details.list).includes(path),
			);
		}
	});
});
