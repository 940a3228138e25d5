import assert from "node:assert/strict";
import { EnergyError } from "../../../lib/errors.ts";
import { explain } from "../../../lib/messages.ts";
import { calculateCost } from "../../../lib/tariff/calculate-cost.ts";

const line = (cost: ReturnType<typeof calculateCost>, id: string): number | undefined =>
	cost.lines.find((each) => each.id === id)?.amountKrw;
const codes = (cost: ReturnType<typeof calculateCost>): string[] => cost.warnings.map(({ code }) => code);

describe("calculate-cost: worked cases nobody here calculated", () => {
	it("July 2023, 일반용(을) 고압A I with the hours of the 2026 reform", () => {
		const cost = calculateCost({
			tariff: "kepco/general-b/high-a/I",
			version: "2026-06-01",
			month: "2023-07",
			contractKw: 500,
			load: { uniformKw: 400 },
		});
		assert.deepEqual(cost.energyKwh, { offPeak: 152_000, midPeak: 95_200, onPeak: 50_400 });
		assert.equal(cost.energyKrw, 39_457_360);
		assert.equal(cost.demandKrw, 2_888_000);
	});

	it("December 2023, the same contract", () => {
		const cost = calculateCost({
			tariff: "kepco/general-b/high-a/I",
			version: "2026-06-01",
			month: "2023-12",
			contractKw: 500,
			load: { uniformKw: 400 },
		});
		assert.deepEqual(cost.energyKwh, { offPeak: 157_600, midPeak: 92_000, onPeak: 48_000 });
		assert.equal(cost.energyKrw, 38_914_480);
	});

	it("the twelve-month ratchet", () => {
		const peaks = [112, 300, 102, 120, 132, 113, 87, 68, 80, 90, 113, 118];
		const months = peaks.map((_, i) => `${i < 4 ? 2025 : 2026}-${String(((i + 8) % 12) + 1).padStart(2, "0")}`);
		const previousPeaksKw = Object.fromEntries(months.map((month, i) => [month, peaks[i]]));
		const billed = (month: string): number =>
			calculateCost({
				tariff: "kepco/industrial-b/high-a/II",
				month,
				contractKw: 300,
				load: { uniformKw: previousPeaksKw[month] },
				previousPeaksKw,
			}).billingDemandKw;
		assert.equal(billed("2025-10"), 300);
		assert.equal(billed("2025-11"), 112);
		assert.equal(billed("2026-08"), 132);
	});
});

describe("calculate-cost: what is on the bill", () => {
	const base = { tariff: "kepco/industrial-b/high-a/II", month: "2026-01", contractKw: 500, load: { uniformKw: 400 } };

	it("adds climate, fuel, VAT and fund and cuts the total to ten won", () => {
		const cost = calculateCost(base);
		assert.equal(line(cost, "climate"), 297_600 * 9);
		assert.equal(line(cost, "fuel"), 297_600 * 5);
		const before = cost.demandKrw + cost.energyKrw + 297_600 * 14;
		assert.equal(cost.subtotalKrw, before);
		assert.equal(line(cost, "vat"), Math.round(before / 10));
		assert.equal(line(cost, "fund"), Math.floor((before * 27) / 10_000) * 10);
		assert.equal(cost.totalKrw % 10, 0);
	});

	it("counts an unknown fuel adjustment as nothing and says so", () => {
		const cost = calculateCost({ ...base, month: "2026-08" });
		assert.equal(line(cost, "fuel"), undefined);
		assert.ok(codes(cost).includes("tariff.fuel-unknown"));
		const given = calculateCost({ ...base, month: "2026-08", fuelAdjustmentKrwPerKwh: -1.5 });
		assert.equal(line(given, "fuel"), -297_600 * 1.5);
		assert.ok(!codes(given).includes("tariff.fuel-unknown"));
	});

	it("names the month's own rules for climate and fund when a version is named", () => {
		const cost = calculateCost({ ...base, month: "2022-03", version: "2026-04-16" });
		assert.equal(cost.lines.find(({ id }) => id === "climate")?.rateKrw, 5.3);
		assert.equal(cost.lines.find(({ id }) => id === "fund")?.rateKrw, 0.037);
		assert.ok(
			cost.lines.some(({ discount }) => discount === "spring-autumn-weekend"),
			"discounts follow the version",
		);
	});

	it("prices a month the same whether its version is named or not", () => {
		for (const month of ["2026-05", "2031-04"]) {
			assert.equal(
				calculateCost({ ...base, month, version: "2026-04-16" }).totalKrw,
				calculateCost({ ...base, month }).totalKrw,
				month,
			);
		}
	});

	it("has the spring and autumn discount on weekends and holidays, 11–14 h", () => {
		const cost = calculateCost({ ...base, month: "2026-05" });
		const discounted = cost.lines.filter(({ discount }) => discount);
		// May 2026: 5 Saturdays (mid-peak), 5 Sundays and 5 and 25 May (off-peak): 24 is a Sunday already.
		assert.deepEqual(
			discounted.map(({ band, quantity, rateKrw, amountKrw }) => [band, quantity, rateKrw, amountKrw]),
			[
				["off-peak", 7 * 1200, 58, 487_200],
				["mid-peak", 5 * 1200, 66.7, 400_200],
			],
		);
	});

	it("ends the discount with 2030", () => {
		const cost = calculateCost({ ...base, month: "2031-04" });
		assert.ok(!cost.lines.some(({ discount }) => discount));
		assert.ok(codes(cost).includes("tariff.provisional-holidays"));
	});
});

describe("calculate-cost: power factor", () => {
	const at = (month: string, powerFactor: object, priorNotices?: unknown): ReturnType<typeof calculateCost> =>
		calculateCost({
			tariff: "kepco/industrial-b/high-a/II",
			month,
			version: "2026-04-16",
			contractKw: 500,
			load: { uniformKw: 400 },
			powerFactor,
			...(priorNotices === undefined ? {} : { priorNotices }),
		});

	it("has no line where none is given", () => assert.equal(line(at("2026-01", {}), "power-factor"), undefined));
	it("pays back 0.2 % a point above 92 %, to 97 %", () => {
		assert.equal(line(at("2026-01", { laggingDay: 95 }), "power-factor"), -(3_328_000 * 0.6) / 100);
		assert.equal(line(at("2026-01", { laggingDay: 99.5 }), "power-factor"), -(3_328_000 * 1) / 100);
		assert.equal(line(at("2026-01", { laggingDay: 0.95 }), "power-factor"), -19_968, "a fraction is a percentage too");
	});
	it("adds 0.2 % a point below, after a first notice", () => {
		const first = at("2026-01", { laggingDay: 88 });
		assert.equal(line(first, "power-factor"), undefined);
		assert.ok(codes(first).includes("tariff.notice-power-factor"));
		assert.equal(line(at("2026-01", { laggingDay: 88 }, 1), "power-factor"), 26_624);
		assert.equal(line(at("2026-01", { laggingDay: 40 }, 1), "power-factor"), 3_328_000 * 0.064);
	});
	it("compares leading by night with 95 % and never pays back", () => {
		assert.equal(line(at("2026-01", { leadingNight: 90 }, 1), "power-factor"), 33_280);
		assert.equal(line(at("2026-01", { leadingNight: 100 }, 1), "power-factor"), 0);
	});
	it("knew 90 % and 95 % before February 2025", () => {
		assert.equal(line(at("2025-01", { laggingDay: 97 }), "power-factor"), -33_280);
		assert.equal(line(at("2025-02", { laggingDay: 97 }), "power-factor"), -33_280);
		assert.equal(line(at("2025-01", { laggingDay: 91 }), "power-factor"), -6_656);
		assert.equal(line(at("2025-02", { laggingDay: 91 }, 1), "power-factor"), 6_656);
	});
});

describe("calculate-cost: over the contract", () => {
	const at = (contractKw: number, priorNotices?: unknown): ReturnType<typeof calculateCost> =>
		calculateCost({
			tariff: "kepco/industrial-b/high-a/II",
			month: "2026-05",
			contractKw,
			load: { uniformKw: 400 },
			priorNotices,
		});

	it("is a notice the first time", () => {
		assert.equal(line(at(380), "over-contract"), undefined);
		assert.ok(codes(at(380)).includes("tariff.notice-over-contract"));
	});
	it("pays 150 % to 400 % of the demand rate by how far it goes", () => {
		assert.equal(line(at(380, 1), "over-contract"), 20 * 8320 * 1.5);
		assert.equal(line(at(320, 1), "over-contract"), 80 * 8320 * 2);
		assert.equal(line(at(300, { overContract: 1 }), "over-contract"), 100 * 8320 * 2.5);
		assert.equal(line(at(200, true), "over-contract"), 200 * 8320 * 4);
		assert.equal(line(at(400, 1), "over-contract"), undefined);
	});
});

describe("calculate-cost: what changes within a month", () => {
	const base = { tariff: "kepco/industrial-b/high-a/II", contractKw: 1000, load: { uniformKw: 100 } };

	it("prices each day by the version in force", () => {
		const cost = calculateCost({ ...base, month: "2026-04" });
		assert.deepEqual(cost.versions, ["2024-10-24", "2026-04-16"]);
		assert.equal(cost.version, "2026-04-16");
		assert.equal(cost.lines.filter(({ id }) => id === "demand").length, 1, "the demand rate didn't change");
	});
	it("lets a customer put the reform off, to the end of September at most", () => {
		const late = { ...base, deferrals: { "2026-04-16": "2026-10-01" } };
		assert.deepEqual(calculateCost({ ...late, month: "2026-05" }).versions, ["2024-10-24"]);
		assert.deepEqual(calculateCost({ ...late, month: "2026-10" }).versions, ["2026-04-16"]);
		assert.throws(() => calculateCost({ ...base, month: "2026-05", deferrals: { "2026-04-16": "2026-11-01" } }), {
			code: "tariff.deferral",
		});
	});
	it("prorates a change of the contract demand by days", () => {
		const cost = calculateCost({
			...base,
			month: "2026-06",
			contractChanges: [{ from: "2026-06-16", contractKw: 600 }],
		});
		const charges = cost.lines.filter(({ id }) => id === "demand");
		assert.deepEqual(
			charges.map(({ quantity, amountKrw, days }) => [quantity, amountKrw, days?.days]),
			[
				[300, 1_248_000, 15],
				[180, 748_800, 15],
			],
		);
		assert.equal(cost.billingDemandKw, 180);
	});
	it("prorates a change of option, with the energy of each part at its rates", () => {
		const cost = calculateCost({
			...base,
			contractKw: 300,
			month: "2026-06",
			contractChanges: [{ from: "2026-06-11", tariff: "kepco/industrial-b/high-a/III" }],
		});
		const charges = cost.lines.filter(({ id }) => id === "demand");
		assert.deepEqual(
			charges.map(({ rateKrw, amountKrw }) => [rateKrw, amountKrw]),
			[
				[8320, 277_333],
				[9810, 654_000],
			],
		);
		assert.equal(cost.importKwh, 72_000);
	});
	it("begins the month on the contract's billing day", () => {
		const cost = calculateCost({ ...base, month: "2026-05", billingDay: 16 });
		assert.equal(cost.importKwh, 31 * 2400);
		assert.ok(
			cost.lines.some(({ season }) => season === "summer") &&
				cost.lines.some(({ season }) => season === "spring-autumn"),
		);
	});
});

describe("calculate-cost: the load", () => {
	const base = { tariff: "kepco/industrial-b/high-a/II", month: "2026-06", contractKw: 500 };
	const flat = (): (number | null)[] => Array.from({ length: 2880 }, () => 25);

	it("may be intervals, a flat figure or CSV, with the same bill", () => {
		const cost = calculateCost({ ...base, load: { intervals: flat() } });
		assert.deepEqual(cost, calculateCost({ ...base, load: { uniformKw: 100 } }));
		const rows = flat().map((kwh, i) => `${new Date(Date.UTC(2026, 4, 31, 15) + i * 900_000).toISOString()},${kwh}`);
		assert.deepEqual(cost, calculateCost({ ...base, load: { csv: `time,kWh\n${rows.join("\n")}` } }));
	});
	for (const minutes of [30, 60] as const) {
		it(`may come by the ${minutes} minutes, even within, and says what that hides`, () => {
			const quarters = minutes / 15;
			const kwh = Array.from({ length: 2880 / quarters }, (_, i) => 20 + (i % 7));
			const expected = calculateCost({
				...base,
				load: { intervals: kwh.flatMap((each) => Array.from({ length: quarters }, () => each / quarters)) },
			});
			const rows = kwh.map(
				(each, i) => `${new Date(Date.UTC(2026, 4, 31, 15) + i * minutes * 60_000).toISOString()},${each}`,
			);
			for (const load of [{ intervals: kwh }, { csv: `time,kWh\n${rows.join("\n")}` }, { csv: kwh.join("\n") }]) {
				const cost = calculateCost({ ...base, load: { ...load, intervalMinutes: minutes } });
				assert.deepEqual([cost.totalKrw, cost.lines], [expected.totalKrw, expected.lines]);
				assert.ok(codes(cost).includes("tariff.load-coarse"));
			}
			const holes: (number | null)[] = kwh.map((each, i) => (i === 5 ? null : each));
			const gap = calculateCost({ ...base, load: { intervals: holes, intervalMinutes: minutes } });
			assert.equal(gap.warnings.find(({ code }) => code === "tariff.load-gaps")?.details.gaps, quarters);
		});
	}
	it("by the hour names the figure that is none, and refuses other steps", () => {
		const wrong = { intervals: [1, "2", 3], intervalMinutes: 60 };
		assert.throws(
			() => calculateCost({ ...base, load: wrong }),
			(error: EnergyError) => error.code === "tariff.load" && String(error.details.list).includes("load.intervals[1]"),
		);
		assert.throws(() => calculateCost({ ...base, load: { intervals: [1], intervalMinutes: 20 } }), {
			code: "tariff.input",
		});
	});
	it("fills gaps with estimates and says so", () => {
		const intervals = flat();
		intervals[100] = null;
		intervals.length = 2879;
		const cost = calculateCost({ ...base, load: { intervals } });
		assert.equal(cost.importKwh, 72_000);
		assert.equal(cost.estimatedKwh, 50);
		assert.deepEqual(cost.warnings.find(({ code }) => code === "tariff.load-gaps")?.details, {
			gaps: 2,
			estimatedKwh: 50,
		});
	});
	it("shows what went to the grid and doesn't set it off", () => {
		const intervals = flat();
		intervals[0] = -10;
		const cost = calculateCost({ ...base, load: { intervals } });
		assert.equal(cost.importKwh, 71_975);
		assert.equal(cost.exportKwh, 10);
		assert.equal(line(cost, "export"), 0);
		assert.ok(codes(cost).includes("tariff.export"));
	});
	it("of a month in progress ends where it ends", () => {
		const cost = calculateCost({ ...base, inProgress: true, load: { intervals: flat().slice(0, 96) } });
		assert.equal(cost.importKwh, 2400);
		assert.equal(cost.estimatedKwh, 0);
		assert.ok(codes(cost).includes("tariff.in-progress"));
	});
	it("names the quarter-hour that set the billing demand, and when it is forgotten", () => {
		const intervals = flat();
		intervals[60] = 60; // Monday, 1 June 2026, 15:00: on-peak
		intervals[8] = 90; // 02:00: off-peak, doesn't count
		const cost = calculateCost({ ...base, load: { intervals } });
		assert.equal(cost.billingDemandKw, 240);
		assert.equal(cost.demand.at, "2026-06-01T15:00:00+09:00");
		assert.equal(cost.demand.dropsOut, "2026-07");
		const kept = calculateCost({ ...base, load: { intervals }, previousPeaksKw: { "2026-02": 300 } });
		assert.deepEqual([kept.demand.setBy, kept.demand.month, kept.demand.dropsOut], ["history", "2026-02", "2027-02"]);
	});
});

describe("calculate-cost: what it refuses", () => {
	const base = { tariff: "kepco/industrial-b/high-a/II", month: "2026-06", contractKw: 500, load: { uniformKw: 1 } };

	it("an unknown tariff or version, a month before the rates", () => {
		assert.throws(() => calculateCost({ ...base, tariff: "kepco/industrial-b/high-a/IV" }), { code: "tariff.unknown" });
		assert.throws(() => calculateCost({ ...base, version: "2026-04-17" }), { code: "tariff.unknown-version" });
		assert.throws(() => calculateCost({ ...base, month: "2023-04" }), { code: "tariff.no-version" });
		assert.throws(() => calculateCost({ ...base, month: "2017-04", version: "2026-04-16" }), { code: "calendar.year" });
	});
	it("names everything wrong with a request at once", () => {
		const problems = (input: unknown): string[] => {
			try {
				calculateCost(input);
			} catch (error) {
				assert.ok(error instanceof EnergyError);
				return (error.details.problems as { path: string }[]).map(({ path }) => path);
			}
			return [];
		};
		assert.deepEqual(problems({ tariff: 3, month: "2026-13", contractKw: -1, load: {} }), [
			"tariff",
			"month",
			"contractKw",
			"load",
		]);
		assert.deepEqual(problems({ ...base, extraHolidays: ["soon"], previousPeaksKw: { "2026-01": "a" } }), [
			"extraHolidays[0]",
			"previousPeaksKw.2026-01",
		]);
		assert.deepEqual(problems({ ...base, load: { intervals: [1, "x", 2, Number.POSITIVE_INFINITY] } }), [
			"load.intervals[1]",
			"load.intervals[3]",
		]);
	});
	it("a past peak beyond any plant's, before it becomes a bill without end", () => {
		const wrong = { ...base, previousPeaksKw: { "2026-01": 1e308 } };
		assert.throws(() => calculateCost(wrong), { code: "tariff.input" });
		assert.ok(calculateCost({ ...base, contractKw: 1e7 }).totalKrw > 0);
	});
	it("with path, value and rule in the reader's language", () => {
		try {
			calculateCost({ ...base, contractKw: -1, load: { csv: "" }, extraHolidays: [["2026-06-01"]] });
			assert.fail();
		} catch (error) {
			assert.equal(
				explain(error, "ko"),
				"요청을 계산할 수 없습니다: contractKw: 0.001부터 10000000까지의 숫자여야 합니다 (현재 -1); " +
					'load.csv: 빈칸이 아닌 문자열이어야 합니다 (현재 ""); ' +
					'extraHolidays[0]: 2026-04-16과 같은 날짜여야 합니다 (현재 ["2026-06-01"]).',
			);
			assert.match(explain(error, "en-US"), /contractKw: must be a number from 0\.001 to 10000000 \(is -1\)/);
		}
	});
	it("hourly figures in place of quarter-hours", () =>
		assert.throws(() => calculateCost({ ...base, load: { intervals: new Array(720).fill(1) } }), {
			code: "tariff.load-length",
		}));
	it("doesn't pass over a misspelt field in silence", () =>
		assert.deepEqual(
			calculateCost({ ...base, extraHoliday: [], priorNotices: { pf: 1 } }).warnings.find(
				({ code }) => code === "tariff.unknown-fields",
			)?.details,
			{ fields: "extraHoliday, priorNotices.pf" },
		));
});
