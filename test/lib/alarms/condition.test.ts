import assert from "node:assert/strict";
import fc from "fast-check";
import { parseCondition, watch } from "../../../lib/alarms/condition.ts";
import type { EnergyError } from "../../../lib/errors.ts";

const watching = (text: string) => watch(parseCondition(text));

describe("a condition", () => {
	it("holds beyond its limit", () => {
		const one = watching("powerKw > 200");
		assert.deepEqual(
			[150, 200, 201, 200].map((powerKw) => one.update({ powerKw })),
			[false, false, true, false],
		);
	});

	it("with a recovery threshold holds until the value is beyond that", () => {
		const one = watching("score >= 0.7 clears 0.6");
		const seen = [0.65, 0.7, 0.65, 0.61, 0.6, 0.65, 0.69, 0.9].map((score) => one.update({ score }));
		assert.deepEqual(seen, [false, true, true, true, false, false, false, true]);
	});

	it("watches lower limits too", () => {
		const one = watching("powerFactor < 0.85 clears 0.9");
		const seen = [0.86, 0.84, 0.88, 0.9, 0.86].map((powerFactor) => one.update({ powerFactor }));
		assert.deepEqual(seen, [false, true, true, false, false]);
	});

	it("joins by and before or, each part with its own memory", () => {
		const one = watching("temperatureC > 90 or powerKw > 60 clears 50 and state is running");
		assert.equal(one.update({ powerKw: 65, state: "idle", temperatureC: 20 }), false);
		assert.equal(one.update({ powerKw: 55, state: "running", temperatureC: 20 }), true);
		assert.equal(one.update({ powerKw: 45, state: "running", temperatureC: 20 }), false);
		assert.equal(one.update({ powerKw: 45, state: "running", temperatureC: 91 }), true);
	});

	it("knows brackets and negated states", () => {
		const one = watching("(temperatureC > 90 or powerKw > 60) and state is not off, idle");
		assert.equal(one.update({ powerKw: 65, temperatureC: 20, state: "idle" }), false);
		assert.equal(one.update({ powerKw: 65, temperatureC: 20, state: "starting" }), true);
	});

	it("says that it does not know, unless what is known decides", () => {
		assert.equal(watching("powerKw > 60").update({}), null);
		assert.equal(watching("powerKw > 60 and score > 0.5").update({ powerKw: 10 }), false);
		assert.equal(watching("powerKw > 60 or score > 0.5").update({ powerKw: 70 }), true);
		assert.equal(watching("powerKw > 60 and score > 0.5").update({ powerKw: 70 }), null);
	});

	it("keeps what it knew of a value that stays away", () => {
		const one = watching("powerKw > 60");
		one.update({ powerKw: 70 });
		assert.equal(one.update({ score: 1 }), true);
	});

	it("tells which limit was crossed", () => {
		const one = watching("score > 0.9 or powerFactor < 0.85");
		one.update({ score: 0.2, powerFactor: 0.8 });
		assert.deepEqual(one.reason(), { measure: "powerFactor", above: false, limit: 0.85, value: 0.8 });
	});

	for (const [text, place] of [
		["", 1],
		["powerKw", 8],
		["power > 3", 1],
		["powerKw > many", 11],
		["powerKw > 3 clears 4", 20],
		["powerFactor < 0.8 clears 0.7", 26],
		["(powerKw > 3", 13],
		["powerKw > 3 score > 1", 13],
		["state is broken", 10],
		["state > 3", 7],
	] as const) {
		it(`refuses “${text}” and says where`, () => {
			assert.throws(
				() => parseCondition(text),
				(error: EnergyError) => error.code === "alarms.bad-condition" && error.details.place === place,
			);
		});
	}

	it("never chatters within its band: between limit and recovery nothing changes", () => {
		const band = fc.record({ limit: fc.integer({ min: -50, max: 50 }), width: fc.integer({ min: 1, max: 20 }) });
		const values = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 30 });
		fc.assert(
			fc.property(band, fc.boolean(), values, ({ limit, width }, first, shares) => {
				const one = watching(`powerKw > ${limit} clears ${limit - width}`);
				const before = one.update({ powerKw: first ? limit + 1 : limit - width - 1 });
				for (const share of shares) {
					const powerKw = limit - width + share * width;
					if (powerKw > limit - width) assert.equal(one.update({ powerKw }), before);
				}
			}),
		);
	});
});
