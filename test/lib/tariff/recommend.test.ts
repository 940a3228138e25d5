import assert from "node:assert/strict";
import { koreanHolidays } from "../../../lib/calendar/holidays.ts";
import { recommend } from "../../../lib/tariff/recommend.ts";
import { shippedTariffs } from "../../../lib/tariff/registry.ts";

const registry = shippedTariffs();
const tariff = registry.get("kepco/industrial-b/high-a/I");
/** 300 kW by day, 100 kW at night, and a 600 kW quarter-hour on Wednesday 8 July 2026, 16:00. */
const kwh = Float64Array.from({ length: 35_040 }, (_, i) => (i % 96 >= 32 && i % 96 < 88 ? 75 : 25));
kwh[68 * 96 + 64] = 150;
const base = {
	tariff,
	registry,
	firstMonth: "2026-05",
	holidays: koreanHolidays(),
	contract: { contractKw: 650 },
	kwh,
};

describe("recommendations", () => {
	const found = recommend({ ...base, powerFactor: { laggingDay: 90 } });
	const of = (kind: string): (typeof found)[number] | undefined => found.find((each) => each.kind === kind);

	it("are ranked by what they save a year, each with a reason in both languages", () => {
		assert.deepEqual(
			found.map(({ savingPerYear }) => savingPerYear),
			found.map(({ savingPerYear }) => savingPerYear).sort((a, b) => b - a),
		);
		for (const { savingPerYear, reason } of found) assert.ok(savingPerYear > 0 && reason.ko && reason["en-US"]);
	});
	it("see that one quarter-hour sets a whole year of demand charge", () => {
		const peak = of("peak");
		assert.deepEqual(peak?.details, { fromKw: 600, toKw: 300, intervalsPerMonth: 8 });
		// 300 kW less × 7,220 won × 12 months, the year before having been like this one, less the rebate lost.
		assert.ok(Math.abs((peak?.savingPerYear ?? 0) / (300 * 7220 * 12 * 1.127) - 1) < 0.02, String(peak?.savingPerYear));
	});
	it("move energy to the cheap hours of its day and raise the power factor", () => {
		assert.ok((of("shift")?.savingPerYear ?? 0) > 1_000_000);
		assert.equal(of("power-factor")?.details.laggingDay, 97);
	});
	it("leave out what saves nothing", () => {
		const flat = recommend({ ...base, kwh: new Float64Array(35_040).fill(25), contract: { contractKw: 300 } });
		assert.ok(flat.every(({ kind }) => kind !== "peak" && kind !== "power-factor"));
	});
});
