import assert from "node:assert/strict";
import fc from "fast-check";
import { EnergyError } from "../../../lib/errors.ts";
import { type Cost, calculateCost } from "../../../lib/tariff/calculate-cost.ts";
import { daysOf, type NaiveBill, type NaiveCase, NO_VERSION, naiveBill } from "./naive-bill.ts";

const options = {
	"industrial-b": ["a", "b", "c"].flatMap((voltage) => ["I", "II", "III"].map((option) => `high-${voltage}/${option}`)),
	"industrial-a2": ["a", "b"].flatMap((voltage) => ["I", "II"].map((option) => `high-${voltage}/${option}`)),
	"general-b": ["a", "b"].flatMap((voltage) => ["I", "II", "III"].map((option) => `high-${voltage}/${option}`)),
};

/** A load as plants have them: a base, shifts, noise and a few peaks; thousandths of a kWh. */
function loadOf(days: number, scaleKw: number, seed: number): number[] {
	let state = seed;
	const random = (): number => {
		state = (state * 48_271) % 2_147_483_647;
		return state / 2_147_483_647;
	};
	const shift = random() < 0.5 ? [7, 19] : [0, 24];
	return Array.from({ length: days * 96 }, (_, i) => {
		const hour = Math.floor((i % 96) / 4);
		const works = hour >= (shift[0] ?? 0) && hour < (shift[1] ?? 24);
		const kw = scaleKw * (works ? 0.5 + 0.4 * random() : 0.1 * random()) * (random() < 0.002 ? 1.6 : 1);
		return Math.round(kw * 250);
	});
}

const month = fc
	.tuple(fc.integer({ min: 2023, max: 2027 }), fc.integer({ min: 1, max: 12 }))
	.map(([year, number]) => `${year}-${String(number).padStart(2, "0")}`)
	// Holidays are written down up to 2027, and a billing month may reach into the next one.
	.filter((text) => text !== "2027-12");
/** The months of the reform and of the law's other dates come up more often than chance would have them. */
const anyMonth = fc.oneof(
	month,
	fc.constantFrom(
		"2026-03",
		"2026-04",
		"2026-05",
		"2026-06",
		"2026-09",
		"2025-01",
		"2024-10",
		"2023-11",
		"2024-02",
		"2023-05",
	),
);
const kind = fc.constantFrom("industrial-b", "industrial-a2", "general-b" as const);
const optional = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined });

const scene = kind.chain((of) =>
	fc.record({
		kind: fc.constant(of),
		option: fc.constantFrom(...(options[of as keyof typeof options] ?? [])),
		contractKw: fc.integer({ min: 60, max: 900 }),
		month: anyMonth,
		billingDay: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 31 })),
		scaleKw: fc.integer({ min: 20, max: 1200 }),
		seed: fc.integer({ min: 1, max: 2_000_000_000 }),
		putOff: fc.boolean(),
		peaks: fc.dictionary(month, fc.integer({ min: 0, max: 1500 }), { maxKeys: 8 }),
		lagging: optional(fc.integer({ min: 5000, max: 10_000 })),
		leading: optional(fc.integer({ min: 5000, max: 10_000 })),
		noticed: fc.boolean(),
		fuel: optional(fc.integer({ min: -50, max: 50 })),
		change: optional(
			fc.record({
				day: fc.nat(30),
				contractKw: optional(fc.integer({ min: 60, max: 900 })),
				option: optional(fc.constantFrom(...(options[of as keyof typeof options] ?? []))),
			}),
		),
	}),
);

function caseOf({
	scaleKw,
	seed,
	putOff,
	change,
	...rest
}: typeof scene extends fc.Arbitrary<infer S> ? S : never): NaiveCase {
	const days = daysOf(rest.month, rest.billingDay);
	const { lagging, leading, fuel, ...given } = rest;
	const peaks = Object.fromEntries(Object.entries(rest.peaks).filter(([text]) => text < rest.month));
	const { day = 0, contractKw, option } = change ?? {};
	const changed = {
		from: days[day] ?? "",
		...(contractKw === undefined ? {} : { contractKw }),
		...(option === undefined ? {} : { option }),
	};
	return {
		...{ ...given, peaks, load: loadOf(days.length, scaleKw, seed) },
		...(lagging === undefined ? {} : { lagging }),
		...(leading === undefined ? {} : { leading }),
		...(fuel === undefined ? {} : { fuel }),
		...(putOff && rest.kind === "industrial-b" ? { reformFrom: "2026-08-20" } : {}),
		...(change && changed.from ? { change: changed } : {}),
	};
}

function engine(given: NaiveCase): Cost {
	const idOf = (option: string): string => `kepco/${given.kind}/${option}`;
	const { change, lagging, leading } = given;
	return calculateCost({
		...{ tariff: idOf(given.option), month: given.month, contractKw: given.contractKw, billingDay: given.billingDay },
		load: { intervals: given.load.map((milli) => milli / 1000) },
		...{ previousPeaksKw: given.peaks, priorNotices: given.noticed ? 1 : 0 },
		...(given.reformFrom ? { deferrals: { "2026-04-16": given.reformFrom } } : {}),
		powerFactor: {
			...(lagging === undefined ? {} : { laggingDay: lagging / 100 }),
			...(leading === undefined ? {} : { leadingNight: leading / 100 }),
		},
		...(given.fuel === undefined ? {} : { fuelAdjustmentKrwPerKwh: given.fuel / 10 }),
		contractChanges: change
			? [
					{
						from: change.from,
						contractKw: change.contractKw ?? undefined,
						...(change.option ? { tariff: idOf(change.option) } : {}),
					},
				]
			: [],
	});
}

/** The engine's bill in the words of the other. */
function asNaive({ lines, totalKrw, billingDemandKw }: Cost): NaiveBill {
	const sum = (id: string): bigint =>
		lines.filter((line) => line.id === id).reduce((total, { amountKrw }) => total + BigInt(amountKrw), 0n);
	return {
		...{ energy: sum("energy"), demand: sum("demand"), overContract: sum("over-contract") },
		...{
			powerFactor: sum("power-factor"),
			climate: sum("climate"),
			fuel: sum("fuel"),
			vat: sum("vat"),
			fund: sum("fund"),
		},
		total: BigInt(totalKrw),
		billingMilliKw: Math.round(billingDemandKw * 1000),
	};
}

describe("a bill beside one that is worked out as plainly as possible", () => {
	it("is the same to the won, line by line, for any contract, load and month", () => {
		let billed = 0;
		fc.assert(
			fc.property(scene, (chosen) => {
				const given = caseOf(chosen);
				let expected: NaiveBill | undefined;
				try {
					expected = naiveBill(given);
				} catch (error) {
					assert.equal((error as Error).message, NO_VERSION);
				}
				if (!expected) {
					assert.throws(
						() => engine(given),
						(error) => error instanceof EnergyError && error.code === "tariff.no-version",
					);
					return;
				}
				billed++;
				assert.deepEqual(asNaive(engine(given)), expected);
			}),
			{ numRuns: Number(process.env.BILL_RUNS ?? 40) },
		);
		assert(billed > 0);
	});
});
