import assert from "node:assert/strict";
import { commandText, eventText, priceText, statusText } from "../../../lib/demand/words.ts";
import { notCounted, Plant, raises, START } from "./plant.ts";

describe("what demand control says", () => {
	it("names a kilowatt's price as a plant speaks of it", () => {
		assert.equal(
			priceText(raises(310)(348), 348, "en-US"),
			"+38 kW over the incumbent = ₩316,000 a month until 2027-08",
		);
		assert.equal(priceText(raises(310)(348), 348, "ko"), "현재 요금적용전력보다 +38 kW = 2027-08까지 매월 ₩316,000");
		assert.match(priceText(notCounted(), 900, "en-US"), /does not count/);
		assert.match(priceText(raises(310)(200), 200, "en-US"), /up to 310 kW/);
	});

	it("has no empty place and no bare code in any sentence, in both languages", () => {
		const loads = [{ machine: "oven", kw: 60, minOnS: 0, minOffS: 60 }];
		const plant = new Plant({ limit: { kind: "bill" }, loads, lockoutS: 30 }, { price: raises(310) }, { oven: 60 });
		plant.run(START, START + 900_000, () => 300);
		plant.run(START + 900_000, START + 1_500_000, () => 100);
		plant.silence(START + 1_500_000, START + 1_900_000);
		const codes = new Set(plant.events.map(({ code }) => code));
		assert.ok(codes.size >= 5, [...codes].join());
		for (const language of ["en-US", "ko"] as const) {
			const said = [
				...plant.events.map((event) => eventText(event, language)),
				...plant.commands.map((command) => commandText(command, language)),
				...plant.seen.map(({ status }) => statusText(status, language)),
			];
			for (const sentence of said) assert.doesNotMatch(sentence, /[{}]|demand\.|undefined|NaN|null/);
		}
	});
});
