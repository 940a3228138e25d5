import assert from "node:assert/strict";
import fc from "fast-check";
import type { BillMessage, PriceMessage } from "../../../lib/tariff/messages-live.ts";
import type { CardName } from "../../../nodes/ui-energy/config.ts";
import { partOf } from "../../../nodes/ui-energy/part-of.ts";
import { type CardState, emptyState, take } from "../../../nodes/ui-energy/picture.ts";
import { partsOf } from "../../../nodes/ui-energy/ui/bill.ts";
import { bandLevel, shadesOf, stepsOf } from "../../../nodes/ui-energy/ui/steps.ts";

const words = (text: string) => ({ "en-US": text, ko: text });
const band = (id: string) => ({ band: id, name: words(id) });
const bands = [band("off-peak"), band("mid-peak"), band("on-peak")];
const step = (from: string, to: string, id: string, priceKrwPerKwh: number | null) => ({
	...{ from: `2026-11-22T${from}:00+09:00`, to: `2026-11-22T${to}:00+09:00`, band: id },
	...{ priceKrwPerKwh, countsForDemand: true },
});

function price(parts: Partial<PriceMessage> = {}): PriceMessage {
	return {
		...{ type: "price", site: "demo", time: "2026-11-22T12:00:00Z", tariff: "t", tariffName: words("t") },
		...{ currency: "KRW", bands, knownUntil: null, todayCostKrw: null, today: null, warnings: [] },
		now: {
			...{ priceKrwPerKwh: 123, marginalKrwPerKwh: 150, band: "off-peak", season: "winter", version: "2026-04-16" },
			...{ discount: null, countsForDemand: false, until: null, next: null },
		},
		horizon: [step("10:00", "12:00", "mid-peak", 164), step("12:00", "13:00", "on-peak", 204.6)],
		...parts,
	};
}

const line = (id: string, amountKrw: number, of?: string): BillMessage["lines"][number] => ({
	...{ id, label: words(id), quantity: 1, unit: "kWh", rateKrw: amountKrw, amountKrw },
	...(of === undefined ? {} : { band: of }),
});

function bill(month: string, final: boolean, totalKrw = 100): BillMessage {
	return {
		...{ type: "bill", site: "demo", month, from: `${month}-01T00:00:00+09:00`, to: "", final, asOf: "" },
		...{ tariff: "t", tariffName: words("t"), contractKw: 500, lines: [line("demand", totalKrw)] },
		energy: bands.map((each) => ({ ...each, energyKwh: 1 })),
		...{
			energyKwh: 3,
			estimatedKwh: 0,
			energyKrw: 0,
			demandKrw: totalKrw,
			powerFactor: null,
			subtotalKrw: totalKrw,
			totalKrw,
		},
		...{ demand: { billingDemandKw: 1, setBy: "month", peakKw: 1 }, projectedTotalKrw: null, warnings: [] },
	};
}

const quarter = {
	...{ site: "demo", time: "2026-11-22T12:00:00Z", windowStart: "2026-11-22T12:00:00Z" },
	...{ windowEnd: "2026-11-22T12:15:00Z", energySoFarKwh: 12, levels: [] },
};

function knowing(card: CardName, ...payloads: unknown[]): CardState {
	let state: CardState = emptyState;
	for (const payload of payloads) {
		const part = partOf(card, payload, state.picture);
		if (part) state = take(state, part);
	}
	return state;
}

describe("what a card of cost knows", () => {
	it("takes prices, bills and the quarter-hour where the card shows them", () => {
		assert.equal(knowing("price-now", price()).price?.now.priceKrwPerKwh, 123);
		assert.equal(knowing("load-24h", price()).price?.bands.length, 3);
		assert.equal(knowing("demand-gauge", quarter).demand?.energySoFarKwh, 12);
		assert.equal(partOf("price-now", quarter, null), null);
		assert.equal(partOf("machines", bill("2026-11", false), null), null);
	});

	it("does not know a message that only looks like one of them", () => {
		for (const payload of [{ type: "price" }, { type: "bill", month: "2026-11" }, { windowStart: "x" }]) {
			assert.equal(partOf("bill-month", payload, null), undefined);
		}
	});

	it("keeps the running bill and the newest ended one apart", () => {
		const state = knowing("bill-month", bill("2026-11", false), bill("2026-10", true), bill("2026-09", true));
		assert.equal(state.bill?.month, "2026-11");
		assert.equal(state.lastBill?.month, "2026-10");
	});

	it("lets a month that has ended take the place of its running bill", () => {
		const state = knowing("bill-month", bill("2026-10", false), bill("2026-10", true));
		assert.equal(state.bill, null);
		assert.equal(state.lastBill?.month, "2026-10");
	});
});

describe("a bill as steps to its total", () => {
	const of = (lines: BillMessage["lines"], totalKrw: number) => partsOf({ ...bill("2026-10", true), lines, totalKrw });

	it("puts energy by band first, then demand, power factor and what is added, whatever the bill's order", () => {
		const lines = [
			line("demand", 100),
			line("energy", 30, "on-peak"),
			line("energy", 10, "off-peak"),
			line("energy", 5, "off-peak"),
			line("power-factor", -4),
			line("climate", 7),
			line("vat", 12),
		];
		assert.deepEqual(
			of(lines, 160).map(({ id, band: which, amountKrw }) => [id, which, amountKrw]),
			[
				["energy", "off-peak", 15],
				["energy", "on-peak", 30],
				["demand", undefined, 100],
				["power-factor", undefined, -4],
				["climate", undefined, 7],
				["vat", undefined, 12],
			],
		);
	});

	it("shows what the total is cut by as a step of its own", () => {
		const parts = of([line("demand", 1234), line("vat", 5)], 1230);
		assert.deepEqual(parts.at(-1), { id: "rounding", lines: [], amountKrw: -9, fromKrw: 1239, toKrw: 1230 });
	});

	it("leaves out kinds that come to nothing", () => {
		assert.deepEqual(
			of([line("demand", 10), line("power-factor", 0)], 10).map(({ id }) => id),
			["demand"],
		);
	});

	it("climbs from nothing to the total without a gap", () => {
		const ids = fc.constantFrom("demand", "energy", "climate", "power-factor", "vat");
		const some = fc.array(fc.tuple(ids, fc.integer({ min: -1e9, max: 1e10 }), fc.constantFrom("off-peak", "on-peak")));
		fc.assert(
			fc.property(some, fc.integer({ min: 0, max: 9 }), (given, cut) => {
				const lines = given.map(([id, krw, which]) => line(id, krw, id === "energy" ? which : undefined));
				const totalKrw = lines.reduce((sum, { amountKrw }) => sum + amountKrw, 0) - cut;
				let at = 0;
				for (const { fromKrw, toKrw, amountKrw } of of(lines, totalKrw)) {
					assert.equal(fromKrw, at);
					assert.equal(toKrw, fromKrw + amountKrw);
					at = toKrw;
				}
				assert.equal(at, totalKrw);
			}),
		);
	});
});

describe("price bands as they are drawn", () => {
	it("greys a band by its place in the tariff, cheapest lightest", () => {
		assert.deepEqual(
			bands.map((each) => bandLevel(bands, each.band)),
			[0, 1, 2],
		);
		assert.equal(bandLevel(bands.slice(0, 1), "off-peak"), 0);
		assert.deepEqual(
			bands.slice(0, 2).map((each) => bandLevel(bands.slice(0, 2), each.band)),
			[0, 2],
		);
		assert.equal(bandLevel(bands, "unheard-of"), 0);
	});

	it("joins yesterday and today where nothing changes between them", () => {
		const steps = stepsOf(price({ past: [step("08:00", "10:00", "mid-peak", 164)] }));
		assert.deepEqual(
			steps.map(({ band: id, toMs, fromMs }) => [id, (toMs - fromMs) / 3_600_000]),
			[
				["mid-peak", 4],
				["on-peak", 1],
			],
		);
	});

	it("shades only what lies in the window, joined where only the price changes", () => {
		const past = [step("06:00", "08:00", "off-peak", 123), step("08:00", "10:00", "mid-peak", 82)];
		const shades = shadesOf(
			price({ past }),
			Date.parse("2026-11-22T08:00:00+09:00"),
			Date.parse("2026-11-22T12:00:00+09:00"),
			(id) => id,
		);
		assert.deepEqual(
			shades.map(({ label, level, fromMs, toMs }) => [label, level, (toMs - fromMs) / 3_600_000]),
			[["mid-peak", 1, 4]],
		);
	});
});
