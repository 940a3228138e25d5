import assert from "node:assert/strict";
import fc from "fast-check";
import { loadChooser } from "../../../lib/demand/choose.ts";
import { DemandGuard } from "../../../lib/demand/guard.ts";
import { configOf, notCounted, Plant, QUARTER, raises, reading, START } from "./plant.ts";

const load = (machine: string, kw: number, priority = 1, more: object = {}) => ({
	...{ machine, kw, priority, minOnS: 120, minOffS: 180 },
	...more,
});
const oven = load("oven", 60);

describe("shedding", () => {
	it("keeps the quarter-hour below its limit, and says why", () => {
		const plant = new Plant({ loads: [oven] }, {}, { oven: 60 });
		plant.run(START, START + QUARTER + 60_000, () => 270);
		const [first] = plant.commands;
		assert.deepEqual(
			{ machine: first?.machine, command: first?.command, reason: first?.reason },
			{ machine: "oven", command: "stop", reason: "demand.why-limit" },
		);
		assert.ok(plant.demandOf(START) <= 300, `ended at ${plant.demandOf(START)}`);
		assert.deepEqual(
			plant.events.slice(0, 2).map(({ code }) => code),
			["demand.limit-ahead", "demand.shed"],
		);
	});

	it("waits for the lock-out to pass", () => {
		const plant = new Plant({ loads: [oven], lockoutS: 180 }, {}, { oven: 60 });
		plant.run(START, START + 400_000, () => 280);
		assert.equal(plant.seen[0]?.status.state, "lockout");
		assert.equal(plant.commands[0]?.atMs, START + 180_000);
	});

	it("does not fight for kilowatts that cost nothing", () => {
		const price = raises(420);
		const plant = new Plant({ loads: [oven] }, { price }, { oven: 60 });
		plant.run(START, START + QUARTER, () => 330);
		assert.equal(plant.commands.length, 0);
		assert.equal(plant.seen.at(-1)?.status.limitKw, 420, "the limit is what is paid for anyway");
	});

	it("never sheds in a quarter-hour that does not count", () => {
		const plant = new Plant({ loads: [oven] }, { price: notCounted }, { oven: 60 });
		plant.run(START, START + QUARTER, () => 900);
		assert.equal(plant.commands.length, 0);
		assert.equal(plant.seen.at(-1)?.status.limitKw, null);
	});

	it("follows the level above which the bill rises, and prices the excess", () => {
		const plant = new Plant({ limit: { kind: "bill" }, loads: [] }, { price: raises(310) });
		plant.run(START, START + 300_000, () => 348);
		const ahead = plant.events.find(({ code }) => code === "demand.limit-ahead");
		assert.deepEqual([ahead?.details.overKw, ahead?.details.krwPerMonth], [38, 316_160]);
		assert.ok(plant.events.some(({ code }) => code === "demand.not-enough"));
	});

	it("sheds nothing that stands still already, and no more than a machine draws", () => {
		const plant = new Plant({ loads: [load("idle", 80), load("half", 80)] }, {}, { idle: 0, half: 30 });
		plant.run(START, START + 300_000, () => 330);
		assert.deepEqual(
			plant.commands.map(({ machine, savesKw }) => [machine, savesKw]),
			[["half", 30]],
		);
	});

	it("limits a machine that can be limited", () => {
		const plant = new Plant({ loads: [load("drive", 100, 1, { stepsKw: [20, 40, 60] })] }, {}, { drive: 100 });
		plant.deaf.add("drive");
		plant.run(START, START + 125_000, () => 215);
		const [first] = plant.commands;
		assert.deepEqual([first?.command, first?.savesKw, first?.limitKw], ["limit", 40, 60]);
	});

	it("notices a machine that does not follow, and turns to others", () => {
		const plant = new Plant({ loads: [oven, load("fan", 60, 2)] }, {}, { oven: 60, fan: 60 });
		plant.deaf.add("oven");
		plant.run(START, START + QUARTER + 60_000, () => 210);
		const deaf = plant.events.find(({ code }) => code === "demand.not-followed");
		assert.equal(deaf?.details.machine, "oven");
		assert.ok(plant.commands.some(({ machine, command }) => machine === "fan" && command === "stop"));
		assert.ok(plant.demandOf(START) <= 300);
	});

	it("does not shed twice while the first command still works its way into the mean", () => {
		const loads = ["a", "b", "c", "d"].map((id) => load(id, 40));
		const plant = new Plant({ loads }, {}, { a: 40, b: 40, c: 40, d: 40 });
		plant.run(START, START + QUARTER, () => 155);
		assert.equal(plant.commands.filter(({ command }) => command === "stop").length, 1);
	});

	it("as advice, is not given again while nobody follows it", () => {
		const plant = new Plant({ loads: [oven, load("fan", 60, 2)] }, { advice: true }, { oven: 60, fan: 60 });
		plant.deaf.add("oven").add("fan");
		plant.run(START, START + 200_000, () => 190);
		assert.deepEqual(
			plant.commands.map(({ machine }) => machine),
			["oven"],
		);
		assert.ok(!plant.events.some(({ code }) => code === "demand.not-followed"));
	});
});

describe("restoring", () => {
	it("lets loads return with a margin, after their minimum time, the most protected first", () => {
		const loads = [load("fan", 40, 1), load("oven", 60, 2)];
		const plant = new Plant({ loads, restoreMarginKw: 20 }, {}, { fan: 40, oven: 60 });
		plant.run(START, START + 300_000, () => 290);
		plant.run(START + 300_000, START + QUARTER * 2, () => 140);
		const released = plant.commands.filter(({ command }) => command === "release");
		assert.deepEqual(
			released.map(({ machine }) => machine),
			["oven", "fan"],
		);
		assert.ok(plant.demandOf(START) <= 300);
	});

	it("waits while the pace would carry the next quarter-hour over the limit", () => {
		const plant = new Plant({ loads: [oven], lockoutS: 60 }, {}, { oven: 60 });
		plant.run(START, START + QUARTER * 3, () => 280);
		const released = plant.commands.filter(({ command }) => command === "release");
		assert.equal(released.length, 0);
	});

	it("lets everything go once the quarter-hours no longer count", () => {
		let counts = true;
		const price = (kw: number) => (counts ? raises(300)(kw) : notCounted());
		const plant = new Plant({ loads: [oven] }, { price }, { oven: 60 });
		plant.run(START, START + QUARTER, () => 280);
		assert.ok(plant.off.has("oven"));
		counts = false;
		plant.run(START + QUARTER, START + QUARTER + 60_000, () => 280);
		assert.ok(!plant.off.has("oven"));
	});
});

describe("a silent main meter", () => {
	const silentAfter = (given: Record<string, unknown>, untilS = 400) =>
		new Plant({ loads: [oven], lockoutS: 0, ...given }, {}, { oven: 60 })
			.run(START, START + 60_000, () => 200)
			.silence(START + 60_000, START + untilS * 1000);

	it("is an alarm within two minutes, once", () => {
		fc.assert(
			fc.property(fc.integer({ min: 5, max: 120 }), (silentAfterS) => {
				const alarms = silentAfter({ silentAfterS }).events.filter(({ code }) => code === "demand.silent");
				assert.equal(alarms.length, 1);
				assert.equal(alarms[0]?.severity, "alarm");
				assert.ok((alarms[0]?.atMs ?? Number.POSITIVE_INFINITY) <= START + 55_000 + 120_000);
			}),
			{ numRuns: 20 },
		);
	});

	it("is one also when it never spoke", () => {
		const plant = new Plant({}).silence(START, START + 130_000);
		assert.ok(plant.events.some(({ code, atMs }) => code === "demand.silent" && atMs <= START + 120_000));
		assert.equal(plant.seen.at(-1)?.status.predictedKw, null);
	});

	it("holds, or sheds all, as the policy has it", () => {
		assert.equal(silentAfter({ silentPolicy: "hold" }).commands.length, 0);
		const shed = silentAfter({ silentPolicy: "shed-all", loads: [{ ...oven, minOnS: 0 }] }).commands;
		assert.deepEqual(
			shed.map(({ machine, reason }) => [machine, reason]),
			[["oven", "demand.why-silent"]],
		);
	});

	it("does not shed all where the quarter-hour does not count", () => {
		const given = { loads: [{ ...oven, minOnS: 0 }], lockoutS: 0, silentPolicy: "shed-all" };
		const plant = new Plant(given, { price: notCounted }, { oven: 60 });
		plant.run(START, START + 60_000, () => 200).silence(START + 60_000, START + 400_000);
		assert.equal(plant.commands.length, 0);
	});

	it("is over when it speaks again", () => {
		const plant = silentAfter({}).run(START + 400_000, START + 420_000, () => 200);
		assert.ok(plant.events.some(({ code }) => code === "demand.speaks-again"));
		assert.notEqual(plant.seen.at(-1)?.status.state, "silent");
	});

	it("concerns sub-meters as soon as a tenth of the power is unseen", () => {
		const guard = new DemandGuard(configOf({ meters: ["a", "b", "c"], main: false, silentAfterS: 60 }));
		for (let s = 0; s <= 200; s += 5) {
			const at = START + s * 1000;
			const some = [reading(at, 100, undefined, "a")];
			if (s < 20) some.push(reading(at, 8, undefined, "b"), reading(at, 0, undefined, "c"));
			guard.take(some, at);
		}
		const status = guard.tick(START + 201_000);
		assert.deepEqual([status.state === "silent", status.silentMeters], [false, ["b", "c"]]);
	});
});

describe("at all times", () => {
	const someLoads = fc.array(
		fc.record({
			kw: fc.integer({ min: 5, max: 120 }),
			priority: fc.integer({ min: 1, max: 3 }),
			minOnS: fc.integer({ min: 0, max: 600 }),
			minOffS: fc.integer({ min: 0, max: 600 }),
		}),
		{ minLength: 1, maxLength: 6 },
	);

	it("commands no machine within its minimum time", async () => {
		const chooser = await loadChooser(60_000);
		fc.assert(
			fc.property(
				someLoads,
				fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 90, maxLength: 90 }),
				(many, base) => {
					const loads = many.map((one, k) => ({ ...one, machine: `m${k}` }));
					const draws = Object.fromEntries(loads.map(({ machine, kw }) => [machine, kw]));
					const plant = new Plant({ loads, lockoutS: 60 }, { chooser }, draws);
					plant.run(START, START + 3 * QUARTER, (at) => base[Math.floor((at - START) / 30_000)] ?? 0);
					for (const { machine, minOnS, minOffS } of loads) {
						const told = plant.commands.filter((command) => command.machine === machine);
						for (const [k, { atMs }] of told.entries()) {
							const before = told[k - 1];
							if (!before) continue;
							const least = before.command === "release" ? minOnS : minOffS;
							assert.ok(atMs - before.atMs >= least * 1000, `${machine} after ${atMs - before.atMs} ms`);
						}
					}
				},
			),
			{ numRuns: 25 },
		);
	});

	it("sheds at least what is needed, where enough may be shed", () => {
		fc.assert(
			fc.property(someLoads, fc.integer({ min: 1, max: 200 }), (many, overKw) => {
				const loads = many.map((one, k) => ({ ...one, machine: `m${k}` }));
				const enough = loads.reduce((sum, { kw }) => sum + kw, 0);
				const guard = new DemandGuard(configOf({ loads, lockoutS: 120, restoreMarginKw: 0 }));
				for (let s = 0; s < 120; s += 5) guard.take([reading(START + s * 1000, 300 + overKw)], START + s * 1000);
				const status = guard.take([reading(START + 120_000, 300 + overKw)], START + 120_000);
				const needKw = (overKw * 900) / 780;
				const savedKw = status.commands.reduce((sum, { savesKw }) => sum + savesKw, 0);
				assert.ok(savedKw >= Math.min(needKw, enough) - 1e-3, `${savedKw} of ${needKw}`);
			}),
			{ numRuns: 200 },
		);
	});

	it("is refused a configuration it could not keep", () => {
		assert.throws(() => configOf({ silentAfterS: 300 }), {
			code: "demand.config-invalid",
			details: { field: "silentAfterS", value: 300, rule: "5…120" },
		});
		assert.throws(() => configOf({ loads: [oven, oven] }), { code: "demand.config-invalid" });
		assert.throws(() => configOf({ limit: { kind: "target" } }), { code: "demand.config-invalid" });
	});
});

describe("a pricer that learns", () => {
	it("moves the limit at once, within the quarter-hour", () => {
		let incumbentKw = 200;
		const guard = new DemandGuard(configOf({ limit: { kind: "bill" } }), { price: (kw) => raises(incumbentKw)(kw) });
		assert.equal(guard.take([reading(START, 250)], START).limitKw, 200);
		incumbentKw = 310;
		guard.repriced();
		const status = guard.take([reading(START + 5000, 250)], START + 5000);
		assert.deepEqual([status.limitKw, status.price?.reason], [310, "covered"]);
	});
});
