import assert from "node:assert/strict";
import fc from "fast-check";
import type { WireReading } from "../../../lib/telemetry/reading.ts";
import type { Machine, Site } from "../../../lib/telemetry/site.ts";
import { payloadText, quarantineEntry, Validator } from "../../../lib/telemetry/validate.ts";

const now = Date.UTC(2026, 10, 22, 1);
const iso = (ms: number): string => new Date(ms).toISOString();
const press: Machine = { id: "press", name: "Press", area: "hall", role: "sub", ratedKw: 100 };
const site = (...machines: Machine[]): Site => ({
	id: "demo",
	name: "Demo",
	timeZone: "Asia/Seoul",
	machines: machines.length ? machines : [press],
	unknownMachines: "reject",
});
const at = (ms: number, rest: Partial<WireReading> = { powerKw: 42 }): WireReading => ({
	site: "demo",
	machine: "press",
	time: iso(ms),
	...rest,
});

/** Sends readings one by one, each arriving at its own time; answers what each came to. */
function fates(validator: Validator, readings: WireReading[], arrivalOf = (r: WireReading) => Date.parse(r.time)) {
	return readings.map((reading) => {
		const { valid, rejected } = validator.check([reading], arrivalOf(reading));
		return rejected[0] ? `rejected ${rejected[0].reason}` : (valid[0]?.reason ?? valid[0]?.quality);
	});
}

describe("validation", () => {
	it("takes plain readings as good", () => {
		const { valid, rejected, summary } = new Validator(site()).check([at(now - 1000), at(now)], now);
		assert.deepEqual(rejected, []);
		assert.deepEqual(
			valid.map((r) => r.quality),
			["good", "good"],
		);
		assert.deepEqual([summary.received, summary.accepted, summary.quality.good], [2, 2, 2]);
	});

	it("counts every reading exactly once, in its place", () => {
		const { rejected, verdicts } = new Validator(site()).check(
			[at(now), { nonsense: true }, at(now + 1000, { powerKw: -9e9 })],
			now,
			{ verdicts: true },
		);
		assert.deepEqual(
			rejected.map(({ index, reason, field }) => [index, reason, field]),
			[
				[1, "Bad_Malformed", "machine"],
				[2, "Bad_OutOfRange", "powerKw"],
			],
		);
		assert.deepEqual(
			verdicts?.map(({ verdict }) => verdict),
			["accepted", "rejected", "rejected"],
		);
	});

	it("speaks Korean when asked", () => {
		const { rejected } = new Validator(site()).check([at(now, { powerKw: 9e9 })], now, { language: "ko" });
		assert.match(rejected[0]?.detail ?? "", /범위/);
	});

	it("reads JSON text, and says where it breaks", () => {
		const { valid, rejected } = new Validator(site()).check([JSON.stringify(at(now)), '{"machine":'], now);
		assert.equal(valid.length, 1);
		assert.equal(rejected[0]?.code, "telemetry.not-json");
	});

	it("turns away machines the site does not know, unless it takes them", () => {
		const stranger = { ...at(now), machine: "ghost" };
		assert.equal(new Validator(site()).check([stranger], now).rejected[0]?.reason, "Bad_UnknownMachine");
		assert.equal(new Validator({ ...site(), unknownMachines: "accept" }).check([stranger], now).valid.length, 1);
	});

	it("turns away readings of another site", () => {
		const { rejected } = new Validator(site()).check([{ ...at(now), site: "other" }], now);
		assert.equal(rejected[0]?.code, "telemetry.other-site");
	});

	it("turns away what lies outside the machine's range, by its own rule before the default", () => {
		const strict: Machine = { ...press, rules: { quantities: { voltageV: { min: 200, max: 250 } } } };
		const validator = new Validator(site(strict));
		assert.deepEqual(
			fates(validator, [at(now, { powerKw: 5, voltageV: 231 }), at(now + 1000, { powerKw: 5, voltageV: 260 })]),
			["good", "rejected Bad_OutOfRange"],
		);
	});

	it("marks a power above the rating and keeps it", () => {
		assert.deepEqual(fates(new Validator(site()), [at(now, { powerKw: 140 })]), ["Uncertain_EngineeringUnitsExceeded"]);
	});

	it("marks a change that is too fast", () => {
		const slow: Machine = { ...press, rules: { quantities: { temperatureC: { maxRatePerS: 0.5 } } } };
		const readings = [20, 21, 40].map((temperatureC, i) => at(now + i * 10_000, { powerKw: 50 + i, temperatureC }));
		assert.deepEqual(fates(new Validator(site(slow)), readings), ["good", "good", "Uncertain_RateOfChange"]);
	});

	describe("stuck sensors", () => {
		const minute = (powerKw: number, state?: "off") =>
			Array.from({ length: 40 }, (_, i) => at(now + i * 60_000, { powerKw, ...(state && { state }) }));
		it("are marked once a running machine's power has not moved for a quarter of an hour", () => {
			const all = fates(new Validator(site()), minute(42));
			assert.deepEqual([all[14], all[15], all[39]], ["good", "Uncertain_FlatLine", "Uncertain_FlatLine"]);
		});
		it("are not seen in a machine that stands", () => {
			assert.ok(fates(new Validator(site()), minute(0)).every((fate) => fate === "good"));
			assert.ok(fates(new Validator(site()), minute(42, "off")).every((fate) => fate === "good"));
		});
		it("are not looked for where the rule is 0", () => {
			const off: Machine = { ...press, rules: { flatLineMs: 0 } };
			assert.ok(fates(new Validator(site(off)), minute(42)).every((fate) => fate === "good"));
		});
	});

	describe("clocks", () => {
		it("ahead of ours by more than the rule are turned away, by less are taken", () => {
			assert.deepEqual(
				fates(new Validator(site()), [at(now + 119_000), at(now + 121_000)], () => now),
				["good", "rejected Bad_FutureTime"],
			);
		});
		it("that lost their battery are turned away", () => {
			assert.deepEqual(
				fates(new Validator(site()), [at(0)], () => now),
				["rejected Bad_Stale"],
			);
		});
	});

	describe("order", () => {
		it("a message delivered twice is taken twice, since only the store knows what was committed", () => {
			const { valid, summary } = new Validator(site()).check([at(now), at(now)], now);
			assert.equal(valid.length, 2);
			assert.equal(summary.repeated, 1);
		});
		it("another value for a known instant is turned away", () => {
			assert.deepEqual(fates(new Validator(site()), [at(now), at(now, { powerKw: 43 })]), [
				"good",
				"rejected Bad_Duplicate",
			]);
		});
		it("a reading a little late is uncertain, a backfilled one is good with its reason", () => {
			const readings = [at(now), at(now - 5000, { powerKw: 41 }), at(now - 3_600_000, { powerKw: 40 })];
			assert.deepEqual(
				fates(new Validator(site()), readings, () => now),
				["good", "Uncertain_OutOfOrder", "Good_Backfill"],
			);
		});
	});

	describe("counters", () => {
		const count = (...kwh: number[]) =>
			kwh.map((energyKwh, i) => at(now + i * 60_000, { powerKw: 42 + i / 10, energyKwh }));
		it("that start again at nothing are a reset", () => {
			assert.deepEqual(fates(new Validator(site()), count(5000, 5000.7, 0.2, 0.9)), [
				"good",
				"good",
				"Good_CounterReset",
				"good",
			]);
		});
		it("that pass the end of their display are a rollover", () => {
			assert.deepEqual(fates(new Validator(site()), count(99_999.6, 0.3, 1)), ["good", "Good_CounterRollover", "good"]);
		});
		it("roll over where the machine's rule says", () => {
			const small: Machine = { ...press, rules: { counterRolloverKwh: 5000 } };
			assert.deepEqual(fates(new Validator(site(small)), count(4999.6, 0.3)), ["good", "Good_CounterRollover"]);
		});
		it("that jump further than the machine can draw are held back, then taken as an exchanged meter", () => {
			const bad = "rejected Bad_OutOfRange";
			assert.deepEqual(fates(new Validator(site()), count(100, 9000, 9000.7, 9001.4, 9002, 9002.5, 9003)), [
				"good",
				bad,
				bad,
				bad,
				bad,
				"Good_CounterReset",
				"good",
			]);
		});
		it("that step back by rounding are taken as they are", () => {
			assert.deepEqual(fates(new Validator(site()), count(5000, 4999.9, 5000.5)), ["good", "good", "good"]);
		});
		it("that fall by more than rounding are turned away", () => {
			assert.deepEqual(fates(new Validator(site()), count(5000, 4990, 5000.5)), [
				"good",
				"rejected Bad_OutOfRange",
				"good",
			]);
		});
		it("sent in Wh are told as a unit mix-up", () => {
			assert.deepEqual(fates(new Validator(site()), count(5000, 5_000_700)), [
				"good",
				"rejected Uncertain_UnitSuspect",
			]);
		});
		it("never admit more energy between two good readings than the machine can draw", () => {
			const kwh = fc.double({ min: 0, max: 1e6, noNaN: true });
			fc.assert(
				fc.property(fc.array(kwh, { minLength: 2, maxLength: 40 }), (values) => {
					const validator = new Validator(site());
					let last: number | undefined;
					for (const reading of count(...values)) {
						const { valid } = validator.check([reading], Date.parse(reading.time));
						const taken = valid[0];
						if (taken?.energyKwh === undefined) continue;
						const used = taken.energyKwh - (last ?? taken.energyKwh);
						if (!taken.reason) assert.ok(used >= -10 && used <= (300 / 60) * values.length + 6, `${used} kWh`);
						last = taken.energyKwh;
					}
				}),
			);
		});
	});

	describe("units", () => {
		it("W sent as kW is turned away by the rating, and says so", () => {
			const { rejected } = new Validator(site()).check([at(now, { powerKw: 42_000 })], now);
			assert.equal(rejected[0]?.reason, "Uncertain_UnitSuspect");
			assert.match(rejected[0]?.detail ?? "", /W sent as kW/);
		});
		it("without a rating, a power a thousand times all before is doubtful, but kept", () => {
			const { ratedKw, ...unrated } = press;
			assert.equal(ratedKw, 100);
			const readings = [42, 40, 43, 42_500].map((powerKw, i) => at(now + i * 1000, { powerKw }));
			assert.equal(fates(new Validator(site(unrated)), readings).at(-1), "Uncertain_UnitSuspect");
		});
		it("a power that voltage and current contradict is doubtful", () => {
			const fate = fates(new Validator(site()), [at(now, { powerKw: 60, voltageV: 230, currentA: 0.2 })]);
			assert.deepEqual(fate, ["Uncertain_UnitSuspect"]);
		});
		it("percent sent as a power factor is turned away", () => {
			assert.deepEqual(fates(new Validator(site()), [at(now, { powerKw: 1, powerFactor: 73.2 })]), [
				"rejected Uncertain_UnitSuspect",
			]);
		});
	});

	it("keeps what a source holds against its own value", () => {
		const { valid } = new Validator(site()).check(
			[at(now, { powerKw: 5, quality: "uncertain", reason: "Uncertain_LastKnownValue" })],
			now,
		);
		assert.deepEqual([valid[0]?.quality, valid[0]?.reason], ["uncertain", "Uncertain_LastKnownValue"]);
	});

	describe("silence", () => {
		it("counts from the start for a machine that was never heard", () => {
			const validator = new Validator(site(), now);
			assert.deepEqual(validator.silent(now + 120_000), []);
			assert.deepEqual(validator.silent(now + 120_001), [
				{ machine: "press", reason: "Bad_NotConnected", lastArrivalMs: null, silentMs: 120_001 },
			]);
		});
		it("follows the machine's own rhythm where no rule is set", () => {
			const validator = new Validator(site(), now);
			const quarter = 900_000;
			for (let i = 0; i < 4; i++) validator.check([at(now + i * quarter, { powerKw: 40 + i })], now + i * quarter);
			assert.deepEqual(validator.silent(now + 3 * quarter + 2 * quarter), []);
			assert.equal(validator.silent(now + 3 * quarter + 4 * quarter).length, 1);
		});
		it("is not ended by backfill of the past", () => {
			const validator = new Validator(site(), now);
			validator.check([at(now)], now);
			validator.check([at(now - 60_000)], now + 200_000);
			assert.equal(validator.silent(now + 200_000).length, 1);
		});
	});

	it("remembers nothing of a dry run", () => {
		const validator = new Validator(site(), now);
		validator.check([at(now, { powerKw: 40, energyKwh: 100 })], now);
		const dry = validator.check([at(now + 1000, { powerKw: 41, energyKwh: 100.1 }), at(now + 1000)], now + 1000, {
			dryRun: true,
		});
		assert.equal(dry.rejected[0]?.reason, "Bad_Duplicate");
		const real = validator.check([at(now + 500, { powerKw: 41 })], now + 500);
		assert.equal(real.valid[0]?.reason, undefined);
	});

	it("judges a batch as it judges its readings one by one", () => {
		const reading = fc.record({
			step: fc.integer({ min: -3, max: 5 }),
			powerKw: fc.constantFrom(0, 40, 41, 130, 500, 42_000),
			energyKwh: fc.option(fc.constantFrom(0, 10, 10.2, 10.4, 5000), { nil: undefined }),
		});
		fc.assert(
			fc.property(fc.array(reading, { maxLength: 30 }), (steps) => {
				let time = now - 30_000;
				const readings = steps.map(({ step, powerKw, energyKwh }) => {
					time += step * 1000;
					return at(time, { powerKw, ...(energyKwh !== undefined && { energyKwh }) });
				});
				const whole = new Validator(site(), now).check(readings, now);
				const single = new Validator(site(), now);
				const parts = readings.map((one) => single.check([one], now));
				assert.deepEqual(
					whole.valid,
					parts.flatMap(({ valid }) => valid),
				);
				assert.equal(whole.rejected.length, parts.flatMap(({ rejected }) => rejected).length);
				assert.equal(whole.summary.received, whole.summary.accepted + whole.summary.rejected);
			}),
		);
	});

	it("files a rejected reading with its payload, cut at 4 kB", () => {
		const payload = {
			machine: "press",
			text: "x".repeat(10_000),
			list: Array.from({ length: 1000 }, () => "y".repeat(99)),
		};
		const [rejection] = new Validator(site()).check([payload], now).rejected;
		assert.ok(rejection);
		const entry = quarantineEntry(rejection, payload, { site: "demo", source: "test", atMs: now });
		assert.equal(entry.machine, "press");
		assert.ok(entry.payload.length <= 4096 && entry.payload.length > 500);
		const ring: Record<string, unknown> = {};
		ring.self = ring;
		assert.equal(payloadText(ring), "[object Object]");
	});
});
