import assert from "node:assert/strict";
import { koreanHolidays } from "../../../lib/calendar/holidays.ts";
import { emissionsOf, gridFactor } from "../../../lib/tariff/carbon.ts";
import { adviseContract, compareTariffs, siblingsOf } from "../../../lib/tariff/compare.ts";
import { shippedTariffs } from "../../../lib/tariff/registry.ts";
import { billYear } from "../../../lib/tariff/year.ts";

const registry = shippedTariffs();
const tariff = registry.get("kepco/industrial-b/high-a/I");
const holidays = koreanHolidays();
const flat = { tariff, firstMonth: "2026-05", holidays, load: { uniformKw: 400 } } as const;

describe("a year of bills", () => {
	it("hands each month's peak to those after it", () => {
		const kwh = new Float64Array(35_040).fill(25);
		kwh[64 * 96 + 64] = 100; // Saturday 4 July 2026, 16:00: 400 kW that count
		const year = billYear({ ...flat, contract: { contractKw: 400 }, load: { kwh } });
		assert.deepEqual(
			year.bills.map(({ billingDemand: { kw } }) => kw.toNumber()),
			[120, 120, 400, 400, 400, 400, 400, 400, 400, 400, 400, 400],
		);
		assert.equal(year.bills.at(-1)?.billingDemand.setBy, "history");
	});
	it("may follow a year like itself", () => {
		const year = billYear({ ...flat, contract: { contractKw: 400 }, history: "typical-year" });
		assert.ok(year.bills.every(({ warnings }) => warnings.every(({ code }) => code !== "tariff.history-missing")));
		assert.equal(year.demand, 12 * 400 * 7220);
	});
	it("needs the whole of its months", () =>
		assert.throws(() => billYear({ ...flat, contract: { contractKw: 400 }, load: { kwh: new Float64Array(35_000) } }), {
			code: "tariff.advice",
		}));
});

describe("versions, options and contract demands side by side", () => {
	it("are billed for the same load, cheapest first", () => {
		const rows = compareTariffs({
			...flat,
			contract: { contractKw: 500 },
			tariffs: siblingsOf(tariff, registry),
			versions: ["2024-10-24", "2026-04-16"],
			contractKws: [450, 500],
			history: "typical-year",
		});
		assert.equal(rows.length, 12);
		assert.equal(rows[0]?.tariff, "kepco/industrial-b/high-a/III", "a flat load uses its peak 730 hours a month");
		assert.equal(rows[0]?.above, 0);
		assert.ok(rows.every((row, i) => row.total >= (rows[i - 1]?.total ?? 0)));
		assert.equal(rows[0]?.version, "2026-04-16", "the reform is kind to a flat load");
	});
});

describe("advice on the contract", () => {
	it("names the option and the contract demand that pay, alone and together, with the saving a year", () => {
		const advice = adviseContract({ ...flat, registry, contract: { contractKw: 2000 } });
		assert.deepEqual(
			advice.map(({ kind, to }) => [kind, to.tariff.split("/").at(-1), to.contractKw]),
			[
				["both", "III", 420],
				["contract-demand", "I", 420],
				["option", "II", 2000],
			],
		);
		// The floor of 600 kW against a peak of 400: 200 kW × 7,220 won × 12 months, with 12.7 % of levies.
		const contract = advice[1];
		assert.ok(Math.abs((contract?.savingPerYear ?? 0) - 200 * 7220 * 12 * 1.127) < 200);
		assert.match(contract?.reason.ko ?? "", /420 kW면 충분/);
	});
	it("raises a contract that is exceeded, but keeps to the contract's own sizes", () => {
		const third = registry.get("kepco/industrial-b/high-a/III");
		const [raise] = adviseContract({ ...flat, tariff: third, registry, contract: { contractKw: 350 } });
		assert.deepEqual([raise?.kind, raise?.from.contractKw, raise?.to.contractKw], ["contract-demand", 350, 420]);
		const small = adviseContract({ ...flat, registry, load: { uniformKw: 100 }, contract: { contractKw: 1000 } });
		assert.equal(small.find(({ kind }) => kind === "contract-demand")?.to.contractKw, 300);
	});
	it("is silent where nothing pays", () => {
		const best = registry.get("kepco/industrial-b/high-a/III");
		assert.deepEqual(adviseContract({ ...flat, tariff: best, registry, contract: { contractKw: 420 } }), []);
	});
});

describe("carbon", () => {
	it("is energy by the grid's factor of its year", () => {
		const { kg, kgByInterval } = emissionsOf(Date.parse("2022-12-31T23:45:00+09:00"), [100, 100, Number.NaN, -5]);
		assert.deepEqual(
			[...kgByInterval].map((each) => Number(each.toFixed(6))),
			[43.12, 41.73, 0, 0],
		);
		assert.ok(Math.abs(kg - 84.85) < 1e-9);
	});
	it("takes the newest published factor for later years and says so", () => {
		const { factors, warnings } = emissionsOf(Date.parse("2026-05-01T00:00:00+09:00"), [1]);
		assert.equal(factors[0]?.year, 2023);
		assert.deepEqual(
			warnings.map(({ code }) => code),
			["tariff.carbon-provisional"],
		);
	});
	it("knows no factor for other grids or earlier years", () => {
		assert.throws(() => gridFactor("FR", 2023), { code: "tariff.carbon" });
		assert.throws(() => gridFactor("KR", 2019), { code: "tariff.carbon" });
	});
});
