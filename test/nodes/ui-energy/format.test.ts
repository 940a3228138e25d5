import assert from "node:assert/strict";
import fc from "fast-check";
import { energy, MISSING, power, signed, text, three } from "../../../nodes/ui-energy/ui/format.ts";

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
});
