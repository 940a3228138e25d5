import assert from "node:assert/strict";
import fc from "fast-check";
import { dayNumberOf } from "../../../lib/calendar/civil.ts";
import { koreanHolidays, siteHolidays } from "../../../lib/calendar/holidays.ts";
import { FeatureBuilder, featureNames, operatingLevelOf } from "../../../models/forecast/features.ts";
import { pairsOf } from "../../../models/forecast/horizon.ts";
import { CalendarGrid } from "../../../models/forecast/series.ts";
import { Random } from "../../../models/random.ts";

const QUARTER_HOUR_MS = 900_000;
const startMs = Date.parse("2026-08-03T00:00:00+09:00");
const seoul = { timeZone: "Asia/Seoul", holidays: koreanHolidays() };
const days = 40;
const grid = new CalendarGrid(startMs, QUARTER_HOUR_MS, days * 96, seoul);
const spec = { operatingLevel: 20, known: [] };
const names = featureNames(spec);

/** Works from 8 to 18 on weekdays, 50 kWh a quarter-hour; 3 otherwise. */
function factory(): Float64Array {
	return Float64Array.from(grid.day, (day, i) => {
		const hour = (grid.slot[i] as number) / 4;
		return (grid.weekday[day + 1] as number) <= 5 && hour >= 6 && hour < 20 ? 50 : 3;
	});
}

const rowAt = (values: Float64Array, origin: number, target: number): Record<string, number> => {
	const { data } = new FeatureBuilder(grid, values, spec).matrix([origin], [target]);
	return Object.fromEntries(names.map((name, i) => [name, data[i] as number]));
};

describe("features of a load", () => {
	it("never change with the future, whatever it is", () => {
		const random = new Random(11);
		const values = Float64Array.from({ length: grid.length }, () => 100 * random.unit());
		const length = grid.length;
		fc.assert(
			fc.property(
				fc.integer({ min: 0, max: length - 1 }),
				fc.integer({ min: 1, max: 700 }),
				fc.integer({ min: 0, max: 1_000 }),
				fc.constantFrom(0, 1e6, Number.NaN, -5),
				(origin, lead, shift, other) => {
					const target = Math.min(origin + lead - 1, length - 1);
					const changed = Float64Array.from(values);
					const from = Math.min(origin + shift, length);
					changed.fill(other, from);
					const before = new FeatureBuilder(grid, values, spec).matrix([origin], [target]);
					const after = new FeatureBuilder(grid, changed, spec).matrix([origin], [target]);
					assert.deepEqual(after.data, before.data);
					// Nor with where the history is cut off.
					const cut = new FeatureBuilder(grid, values.subarray(0, Math.max(origin, 0)), spec).matrix(
						[origin],
						[target],
					);
					assert.deepEqual(cut.data, before.data);
				},
			),
			{ numRuns: 300 },
		);
	});

	it("know the calendar: weekday, holidays and the days beside them", () => {
		// 15 August 2026 is a Saturday: the Monday after it is its substitute.
		const monday = 14 * 96;
		const row = rowAt(factory(), monday, monday + 40);
		assert.equal(row.weekday, 1);
		assert.equal(row.dayKind, 3);
		assert.equal(row.kindOfDayBefore, 2);
		assert.equal(row.kindOfDayAfter, 0);
		assert.equal(row.slot, 40);
		assert.equal(row.lead, 41);
	});

	it("look back to the same wall-clock time of the newest day and week that are known", () => {
		const values = Float64Array.from({ length: grid.length }, (_, i) => i);
		const row = rowAt(values, 30 * 96, 31 * 96 + 10);
		assert.equal(row.sameSlotDay1, 29 * 96 + 10);
		assert.equal(row.sameSlotWeek1, 24 * 96 + 10);
		assert.equal(row.last1, 30 * 96 - 1);
	});

	it("tell days that ran from days that stood still", () => {
		const row = rowAt(factory(), 28 * 96, 28 * 96 + 40);
		assert.equal(row.operatedDay1, 0);
		assert.equal(row.idleFor, 2);
		assert.equal(row.operatedDays7, 5);
		assert.equal(row.operatedSameWeekday4, 1);
		assert.equal(row.sameSlotOperatingDays, 50);
		assert.equal(row.sameSlotIdleDays, 3);
	});

	it("count a plant that stood for weeks as idle, and say unknown where they know nothing", () => {
		const values = factory();
		values.fill(3, 10 * 96, 35 * 96);
		const still = rowAt(values, 35 * 96, 35 * 96 + 40);
		assert.equal(still.operatedDays7, 0);
		assert.equal(still.idleFor, 21);
		values.fill(Number.NaN, 10 * 96, 35 * 96);
		const unknown = rowAt(values, 35 * 96, 35 * 96 + 40);
		assert.ok(Number.isNaN(unknown.sameSlotDay1));
		assert.ok(Number.isNaN(unknown.operatedDay1));
		assert.ok(Number.isNaN(unknown.mean96));
	});

	it("keep the wall clock over a change of clocks", () => {
		// 25 October 2026 has 100 quarter-hours in Berlin; the Monday after looks back to the same local time.
		const berlin = { timeZone: "Europe/Berlin", holidays: siteHolidays() };
		const from = Date.parse("2026-10-20T00:00:00+02:00");
		const local = new CalendarGrid(from, QUARTER_HOUR_MS, 10 * 96, berlin);
		assert.equal((local.dayStart[6] as number) - (local.dayStart[5] as number), 100);
		const monday = (local.dayStart[6] as number) + 40;
		for (const back of [1, 2, 5]) assert.equal(local.slot[local.back(monday, back)], 40);
		assert.equal(local.firstDay, dayNumberOf(2026, 10, 20));
	});

	it("know a level between idle and running days only where there are both", () => {
		assert.equal(operatingLevelOf([3, 4, 50, 52, 48, 3]), 26);
		assert.ok(operatingLevelOf([50, 52, 48, 51]) < 48);
		assert.ok(operatingLevelOf([]) < 0);
	});
});

describe("pairs of issue and target", () => {
	it("stay within what may be learned from", () => {
		const horizon = { name: "day", fromLead: 1, toLead: 96, issueEvery: 96 };
		const { origins, targets } = pairsOf(grid, horizon, 96, 10 * 96);
		assert.equal(targets.length, 9 * 96);
		for (const [i, target] of targets.entries()) {
			assert.ok(target >= (origins[i] as number) && target < 10 * 96);
			assert.equal(grid.slot[origins[i] as number], 0);
		}
	});
});
