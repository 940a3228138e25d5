import assert from "node:assert/strict";
import { EnergyError } from "../../../lib/errors.ts";
import { calculateCost } from "../../../lib/tariff/calculate-cost.ts";
import { pricerOf } from "../../../lib/tariff/contract.ts";
import { shippedTariffs } from "../../../lib/tariff/registry.ts";
import { plantContract, seoul } from "../cost/contract.ts";

const bill = (month: string, contract: ReturnType<typeof plantContract>, more: Record<string, unknown> = {}) =>
	calculateCost(
		{ tariff: "kepco/industrial-b/high-a/II", month, contractKw: 700, load: { uniformKw: 100 }, ...more },
		contract.registry,
	);
const fuel = (cost: ReturnType<typeof calculateCost>): number | undefined =>
	cost.lines.find(({ id }) => id === "fuel")?.amountKrw;
const unknown = (cost: ReturnType<typeof calculateCost>): boolean =>
	cost.warnings.some(({ code }) => code === "tariff.fuel-unknown");

describe("the fuel adjustment that a site wrote down", () => {
	const contract = plantContract({ fuelAdjustments: '{"2026-07": -1.5, "2026-04": 5, "2026-08": 2, "2025-01": 3}' });

	it("holds from its month to the end of the quarter, or to the next one", () => {
		assert.equal(fuel(bill("2026-04", contract)), 72_000 * 5);
		assert.equal(fuel(bill("2026-06", contract)), 72_000 * 5);
		assert.equal(fuel(bill("2026-07", contract)), -74_400 * 1.5);
		assert.equal(fuel(bill("2026-09", contract)), 72_000 * 2);
		assert.ok(!unknown(bill("2026-09", contract)));
	});
	it("leaves later quarters unknown, and the data's own figures as they were", () => {
		assert.ok(unknown(bill("2026-10", contract)));
		assert.equal(fuel(bill("2025-03", contract)), 74_400 * 3);
		assert.equal(fuel(bill("2025-04", contract)), 72_000 * 5);
	});
	it("gives way to the figure of a request", () =>
		assert.equal(fuel(bill("2026-04", contract, { fuelAdjustmentKrwPerKwh: 1 })), 72_000));
	it("is in the marginal price", () => {
		const at = seoul("2026-05-06T16:00");
		assert.equal(pricerOf(contract).at(at).marginal, 150.9 + 9 + 5);
		assert.equal(pricerOf(plantContract()).at(at).marginal, 150.9 + 9);
	});
	it("stays with its site", () => assert.ok(unknown(bill("2026-04", { ...contract, registry: shippedTariffs() }))));
	it("is compared with the cap", () => {
		const { warnings } = bill("2026-04", plantContract({ fuelAdjustments: '{"2026-04": 50}' }));
		assert.ok(warnings.some(({ code }) => code === "tariff.fuel-cap"));
	});
	for (const wrong of ["5", '{"2026-04": "5"}', '{"2026-13": 5}', "{"]) {
		it(`is refused as ${wrong}`, () =>
			assert.throws(
				() => plantContract({ fuelAdjustments: wrong }),
				(error) => error instanceof EnergyError && ["tariff.contract", "calendar.month"].includes(error.code),
			));
	}
});
