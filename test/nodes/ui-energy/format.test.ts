import assert from "node:assert/strict";
import fc from "fast-check";
import {
	energy,
	MISSING,
	power,
	quantity,
	rate,
	rough,
	signed,
	text,
	three,
	won,
} from "../../../nodes/ui-energy/ui/format.ts";

describe("numbers on the cards", () => {
	it("shows three significant digits, at most two decimals", () => {
		assert.deepEqual([842.4, 84.24, 8.424, 0.8424, 0.001, 0].map(three), [
			"842",
			"84.2",
			"8.42",
			"0.84",
			"0.00",
			"0.00",
		]);
	});

	it("does not let rounding add a digit", () => {
		assert.deepEqual([9.996, 99.96, 99.94].map(three), ["10.0", "100", "99.9"]);
	});

	it("says kW below 1,000 and MW above, also where rounding gets there", () => {
		assert.deepEqual(power(999.4), { value: "999", unit: "kW" });
		assert.deepEqual(power(999.6), { value: "1.00", unit: "MW" });
		assert.deepEqual(power(1834), { value: "1.83", unit: "MW" });
		assert.deepEqual(power(-1200), { value: "-1.20", unit: "MW" });
	});

	it("never says more than 999 of a unit that has a greater one", () => {
		fc.assert(
			fc.property(fc.double({ min: 0, max: 9e8, noNaN: true }), (kwh) => {
				const { value, unit } = energy(kwh);
				assert.ok(unit === "GWh" || value.replace(".", "").length <= 3, `${kwh} as ${value} ${unit}`);
			}),
		);
	});

	it("shows a missing value as a dash, never as zero", () => {
		assert.equal(power(null).value, MISSING);
		assert.equal(text(power(Number.NaN)), MISSING);
	});

	it("signs a change", () => {
		assert.equal(signed(power(41.3), 41.3), "+41.3 kW");
		assert.equal(signed(power(-41.3), -41.3), "−41.3 kW");
	});

	it("writes won exactly, with thousands or, when asked, by ten thousands as Korean counts", () => {
		assert.deepEqual(
			[1234567, 0, -61900].map((krw) => won(krw)),
			["₩1,234,567", "₩0", "−₩61,900"],
		);
		assert.deepEqual(
			[9999, 1_230_000, 1_234_567, 104_104_700, -123_450_000].map((krw) => won(krw, true)),
			["9,999원", "123만 원", "123만 4,567원", "1억 410만 4,700원", "−1억 2,345만 원"],
		);
		assert.equal(won(null), MISSING);
	});

	it("never loses a won by ten thousands", () => {
		const units: Record<string, number> = { 조: 1e12, 억: 1e8, 만: 1e4, 원: 1 };
		const read = (said: string): number =>
			[...said.matchAll(/([\d,]+)([조억만원])/g)].reduce(
				(sum, [, digits = "", unit = ""]) => sum + Number(digits.replaceAll(",", "")) * (units[unit] ?? 0),
				0,
			);
		fc.assert(fc.property(fc.integer({ min: 0, max: 9e15 }), (krw) => assert.equal(read(won(krw, true)), krw)));
	});

	it("shows a rate of the tariff with all its decimals, and a sum of a card roughly", () => {
		assert.deepEqual([123, 133.4, 66.75, 9.125].map(rate), ["123.0", "133.4", "66.75", "9.125"]);
		assert.equal(rate(null), MISSING);
		assert.equal(rough(1_834_221), 1_830_000);
		assert.equal(quantity(-0.6), "−0.6");
	});
});
