import assert from "node:assert/strict";
import type { Reading } from "../../../lib/telemetry/reading.ts";
import { type MachineModel, machineModelKind } from "../../../models/anomaly/machine-model.ts";
import { columnsOf } from "../../../models/anomaly/readings.ts";
import { MachineWatch } from "../../../models/anomaly/watch.ts";
import { Random } from "../../../models/random.ts";
import { DAY, FROM_MS, pressReadings } from "./machines.ts";

const context = { seed: 1, progress: () => undefined };
function fitted(readings: Reading[]): MachineModel {
	const outcome = machineModelKind.fit(columnsOf(readings), { timeZone: "UTC" }, context);
	assert(!(outcome instanceof Promise));
	return outcome.model;
}

const LATER_MS = FROM_MS + 14 * DAY * 60_000;
const NOON = 12 * 60;

describe("a machine's model", () => {
	let model: MachineModel;
	before(function () {
		this.timeout(60_000);
		model = fitted(pressReadings(FROM_MS, 14 * DAY));
	});
	const watching = (): MachineWatch => {
		const watch = new MachineWatch(100);
		watch.use(model, "anomaly.demo.press.1");
		return watch;
	};
	const firstAlert = (change: (reading: Reading, row: number) => void) => {
		const { alerts } = watching().add(pressReadings(LATER_MS, DAY, change));
		return alerts[0];
	};
	const minuteOf = ({ timeMs }: { timeMs: number }): number => (timeMs - LATER_MS) / 60_000;

	it("is quiet on a usual day", () =>
		assert.equal(
			firstAlert(() => {}),
			undefined,
		));

	it("finds work at an hour when the machine rests, and says by how much", () => {
		const alert = firstAlert((reading, row) => {
			if (row >= 120 && row < 180) reading.powerKw = 35;
		});
		assert(alert && minuteOf(alert) < 130, JSON.stringify(alert));
		assert.equal(alert.method, "ensemble");
		assert.equal(alert.model, "anomaly.demo.press.1");
		assert((alert.excessKw ?? 0) > 28 && (alert.excessKw ?? 0) < 33, String(alert.excessKw));
		assert(alert.contributions.some(({ feature }) => feature === "powerGap"));
	});

	it("finds a power factor that is wrong for the power", () => {
		const alert = firstAlert((reading, row) => {
			if (row >= NOON) reading.powerFactor = 0.75;
		});
		assert(alert && minuteOf(alert) < NOON + 10);
		const [first] = alert.contributions;
		assert(first && "deviations" in first && first.deviations < 0);
	});

	it("finds a meter whose power stands still while its counter runs on", () => {
		const alert = firstAlert((reading, row) => {
			if (row >= NOON) reading.powerKw = 62.5;
		});
		assert(alert && minuteOf(alert) < NOON + 120, JSON.stringify(alert));
	});

	it("finds a bearing that runs warm", () => {
		const alert = firstAlert((reading, row) => {
			if (row >= NOON) reading.temperatureC = (reading.temperatureC ?? 0) + 15;
		});
		assert(alert && minuteOf(alert) < NOON + 10);
	});

	it("is read back with the same scores, running means included", () => {
		const copy = machineModelKind.deserialise(model.serialise());
		const readings = columnsOf(pressReadings(LATER_MS, 500));
		const score = (one: MachineModel) => one.predict({ readings, memory: one.memory() }).score;
		assert.deepEqual(score(copy), score(model));
	});

	it("goes on where a channel disappears, and leaves to rules what has lost most of them", () => {
		const watch = watching();
		const without = watch.add(pressReadings(LATER_MS, 100, (reading) => delete reading.temperatureC));
		assert(without.scored.every(({ method }) => method === "ensemble"));
		const bare = pressReadings(LATER_MS, 5).map(({ site, machine, timeMs, energyKwh }) => ({
			...{ site, machine, timeMs: timeMs + 8 * 3_600_000 },
			...(energyKwh !== undefined && { energyKwh }),
		}));
		const [scored] = watch.add(bare.slice(0, 1)).scored;
		assert.deepEqual([scored?.method, scored?.fallback], ["rules", "channels-missing"]);
	});

	it("does not judge a reading of bad quality", () => {
		const [scored] = watching().add(
			pressReadings(LATER_MS, 1, (reading) => {
				reading.quality = "bad";
			}),
		).scored;
		assert.deepEqual([scored?.score, scored?.fallback], [undefined, "reading-bad"]);
	});

	it("goes on undisturbed where history comes in between", () => {
		const [disturbed, left] = [watching(), watching()];
		const day = pressReadings(LATER_MS, DAY);
		disturbed.add(day.slice(0, 700));
		left.add(day.slice(0, 700));
		const [late] = disturbed.add(pressReadings(LATER_MS - DAY * 60_000, 60)).scored;
		assert.deepEqual([late?.score, late?.fallback], [undefined, "reading-late"]);
		const scores = (watch: MachineWatch) => watch.add(day.slice(700)).scored.map(({ score }) => score);
		assert.deepEqual(scores(disturbed), scores(left));
	});

	it("alarms about a passed limit whatever the machine has got used to", () => {
		const watch = new MachineWatch(100, { powerThresholdKw: 56 });
		watch.use(model, "anomaly.demo.press.1");
		const { scored } = watch.add(pressReadings(LATER_MS, DAY));
		const noon = scored[NOON];
		assert.deepEqual([noon?.method, noon?.by, noon?.level], ["rules", "power", "warning"]);
	});

	it("asks to be trained anew where what comes is another population", () => {
		const watch = new MachineWatch(100, { driftReadings: 1_000 });
		watch.use(model, "anomaly.demo.press.1");
		const { drifted } = watch.add(
			pressReadings(LATER_MS, 2_000, (reading) => {
				reading.voltageV = 408;
			}),
		);
		assert(drifted.some(({ feature, index }) => feature === "voltageV" && index > 0.25));
	});

	describe("of minutes, read each second", () => {
		/** A day whose seconds between the minutes are as wild as a machine that starts. */
		const minutes = pressReadings(LATER_MS, 12 * 60);
		const wild = (one: Reading, n: number): Reading => ({
			...{ ...one, timeMs: one.timeMs + n * 1_000 },
			...{ powerKw: n % 2 ? 0 : 90, powerFactor: 0.2, voltageV: 380 },
		});
		const seconds = minutes.flatMap((one) => [one, ...[1, 20, 40, 59].map((n) => wild(one, n))]);

		it("says what it says of the minutes, and that holds in between", () => {
			const slow = watching().add(minutes);
			const fast = watching().add(seconds);
			assert.deepEqual(fast.alerts, slow.alerts);
			assert.deepEqual(
				fast.scored.map(({ score }) => score),
				slow.scored.flatMap(({ score }) => Array.from({ length: 5 }, () => score)),
			);
		});
		it("says the same however the seconds are cut into batches", () => {
			const watch = watching();
			const cut: (number | undefined)[] = [];
			for (let at = 0; at < seconds.length; at += 7) {
				cut.push(...watch.add(seconds.slice(at, at + 7)).scored.map(({ score }) => score));
			}
			assert.deepEqual(
				cut,
				watching()
					.add(seconds)
					.scored.map(({ score }) => score),
			);
		});
		it("leaves every second to the rules: a limit is passed after three", () => {
			const watch = watching();
			watch.add(minutes.slice(0, 1));
			const over = [1, 2, 3].map((n) => ({ ...(minutes[0] as Reading), timeMs: LATER_MS + n * 1_000, powerKw: 150 }));
			const { alerts } = watch.add(over);
			assert.deepEqual(
				alerts.map(({ timeMs, method }) => [timeMs - LATER_MS, method]),
				[[3_000, "rules"]],
			);
		});
		it("asks of what comes about once a minute every time, however clocks jitter", () => {
			const jittered = minutes.map((one, n) => ({ ...one, timeMs: one.timeMs + (n % 3 === 0 ? 100 : -100) }));
			const { score } = model.predict({ readings: columnsOf(jittered), memory: model.memory() });
			assert.deepEqual(
				watching()
					.add(jittered)
					.scored.map(({ score: one }) => one),
				Array.from(score, (one) => Math.round(one * 1e4) / 1e4),
			);
		});
	});

	it("refuses to learn where no power is told", () => {
		const blind = pressReadings(FROM_MS, 2 * DAY, (reading) => {
			delete reading.powerKw;
			delete reading.energyKwh;
		});
		assert.throws(() => fitted(blind), { code: "models.too-little-data" });
	});

	it("refuses to learn from less than a day of minutes", () => {
		assert.throws(() => fitted(pressReadings(FROM_MS, 100)), { code: "models.too-little-data" });
	});
});

describe("rules of a machine", () => {
	const reading = (powerKw: number, rest: Partial<Reading> = {}): Reading => ({
		...{ site: "demo", machine: "press", timeMs: FROM_MS, powerKw },
		...rest,
	});
	const judged = (watch: MachineWatch, one: Reading) => {
		const [scored] = watch.add([one]).scored;
		assert(scored);
		return scored;
	};
	it("alarm above 110 % of the rating, 200 kW without one, or the limit that is set", () => {
		for (const [rated, options, limit] of [
			[100, {}, 110],
			[undefined, {}, 200],
			[100, { powerThresholdKw: 40 }, 40],
		] as const) {
			const watch = new MachineWatch(rated, options);
			assert((judged(watch, reading(limit - 0.1)).score as number) < 0.7);
			const above = judged(watch, reading(limit + 0.1));
			assert((above.score as number) >= 0.7);
			assert.deepEqual([above.method, above.fallback], ["rules", "no-model"]);
			assert.deepEqual(above.contributions, [{ feature: "powerKw", value: limit + 0.1, limit }]);
		}
	});
	it("take the machine's own word for a fault", () => {
		const scored = judged(new MachineWatch(100), reading(10, { state: "fault" }));
		assert.deepEqual([scored.score, scored.by], [0.9, "state"]);
	});
});

describe("a sensor that tells no power", () => {
	const random = new Random(9);
	/** A cold store, defrosted twice a day, each minute. */
	const cold = (fromDay: number, days: number, change: (minute: number) => number = () => 0): Reading[] =>
		Array.from({ length: days * DAY }, (_, n) => {
			const minute = fromDay * DAY + n;
			const defrost = minute % 720 < 30 ? 4 : 0;
			return {
				...{ site: "demo", machine: "cold-store", timeMs: FROM_MS + minute * 60_000 },
				temperatureC: -18 + defrost + random.unit() + change(minute),
			};
		});

	it("is watched by its own past, without a model: at most an alarm a week, found when it warms, and said in its unit", () => {
		const watch = new MachineWatch(undefined);
		const quiet = watch.add(cold(0, 28));
		assert(quiet.alerts.filter(({ level }) => level !== "normal").length <= 4);
		assert.equal(quiet.scored.at(-1)?.method, "stream");
		assert.equal(watch.streams, true);
		const { alerts } = watch.add(cold(28, 1, (minute) => Math.min(9, Math.max(0, (minute - 28 * DAY - 400) / 20))));
		const [first] = alerts;
		assert.equal(first?.by, "temperatureC");
		const late = ((first?.timeMs ?? 0) - FROM_MS) / 60_000 - 28 * DAY - 400;
		assert(late > 0 && late < 120, String(late));
		const [part] = first?.contributions ?? [];
		assert(part?.feature === "temperatureC" && typeof part.value === "number" && "usual" in part);
		assert(part.value > part.usual && part.usual < -10, JSON.stringify(part));
	});
	it("learns from what was recalled, and judges from there", () => {
		const watch = new MachineWatch(undefined);
		watch.recall(cold(0, 4));
		const { alerts } = watch.add(cold(4, 1, (minute) => (minute >= 4.5 * DAY ? 15 : 0)));
		const found = alerts.filter(({ level }) => level !== "normal").map(({ timeMs }) => (timeMs - FROM_MS) / 60_000);
		assert(found.includes(4.5 * DAY), String(found));
	});
	it("is none once it told power, although not all of its messages do", () => {
		const watch = new MachineWatch(undefined);
		const [power, warm] = [{ ...(cold(0, 1)[0] as Reading), powerKw: 3 }, cold(0, 1)[1] as Reading];
		const methods = watch.add([power, warm]).scored.map(({ method }) => method);
		assert.deepEqual([methods, watch.streams], [["rules", "rules"], false]);
	});
	it("tells only rules where there is nothing to look at", () => {
		const { scored } = new MachineWatch(undefined).add([
			{ site: "demo", machine: "m", timeMs: FROM_MS, state: "fault" },
		]);
		assert.deepEqual([scored[0]?.method, scored[0]?.score], ["rules", 0.9]);
	});
});
