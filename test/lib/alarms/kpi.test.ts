import assert from "node:assert/strict";
import { AlarmBook } from "../../../lib/alarms/book.ts";
import { KpiCounter, type KpiReport } from "../../../lib/alarms/kpi.ts";
import { LocalDays } from "../../../lib/telemetry/local-days.ts";
import { MIN, S, signal, start } from "./signals.ts";

const DAY = 1_440 * MIN;

/** A book whose whole journal is counted. */
function counted(days: number, zone?: string) {
	const book = new AlarmBook();
	const counter = new KpiCounter(start, start + days * DAY, zone === undefined ? undefined : new LocalDays(zone));
	const pulse = (machine: string, atMs: number, lastsMs = S, priority: "high" | "medium" | "low" = "low"): void => {
		const changes = [
			...book.tick(atMs),
			...book.observe(signal({ machine, priority }), atMs),
			...book.observe(signal({ machine, priority, on: false }), atMs + lastsMs),
		];
		for (const { line } of changes) counter.add(line);
	};
	const ack = (machine: string, atMs: number): void => {
		const changes = book.command({ type: "ack", alarm: `high-power.${machine}`, by: "kim" }, atMs);
		for (const { line } of changes) counter.add(line);
	};
	const report = (nowMs: number): KpiReport => counter.report(book.all(), nowMs);
	return { book, pulse, ack, report };
}

describe("the alarm system's figures", () => {
	it("hold rates against the bands of ISA-18.2", () => {
		const { pulse, report } = counted(2);
		for (let i = 0; i < 290; i++) pulse("m1", start + i * 9.9 * MIN);
		const { day, hour, tenMinutes, alarms } = report(start + 2 * DAY);
		assert.equal(alarms, 290);
		assert.deepEqual(day, { average: 145, most: 146, verdict: "acceptable" });
		assert.equal(hour.verdict, "manageable");
		assert.equal(hour.most, 7);
		assert.equal(tenMinutes.verdict, "manageable");
		assert.equal(tenMinutes.most, 2);
	});

	it("list floods, with their length", () => {
		const { pulse, report } = counted(1);
		for (let i = 0; i < 30; i++) pulse(`m${i}`, start + 60 * MIN + i * 40 * S);
		const { floods, floodShare, day } = report(start + DAY);
		assert.equal(floods.length, 1);
		assert.equal(floods[0]?.fromMs, start + 60 * MIN);
		assert.equal(floods[0]?.toMs, start + 80 * MIN);
		assert.equal(floodShare, 2 / 144);
		assert.equal(day.verdict, "acceptable");
	});

	it("name chattering, most frequent and stale alarms", () => {
		const { pulse, report } = counted(3);
		for (let i = 0; i < 6; i++) pulse("chatterer", start + i * 15 * S);
		for (let i = 0; i < 14; i++) pulse("frequent", start + i * 60 * MIN);
		const { chattering, top, stale } = report(start + 3 * DAY);
		assert.deepEqual(chattering, [{ alarm: "high-power.chatterer", bursts: 2 }]);
		assert.deepEqual(top[0], { alarm: "high-power.frequent", alarms: 14, share: 14 / 20 });
		assert.deepEqual(
			stale.map(({ alarm }) => alarm),
			["high-power.chatterer", "high-power.frequent"],
		);
	});

	it("show how priorities are spread and how long acknowledgement takes", () => {
		const { pulse, ack, report } = counted(1);
		for (const [i, priority] of (["high", "medium", "low", "low"] as const).entries()) {
			pulse(`m${i}`, start + i * 20 * MIN, S, priority);
			ack(`m${i}`, start + i * 20 * MIN + (i + 1) * MIN);
		}
		const { priorities, acknowledgedAfterMs } = report(start + DAY);
		assert.deepEqual(priorities.low, { alarms: 2, share: 0.5, target: 0.8 });
		assert.equal(acknowledgedAfterMs, 2.5 * MIN);
	});

	it("count each day of the site, days without alarms too", () => {
		const { pulse, report } = counted(3, "Asia/Seoul");
		pulse("m1", start);
		pulse("m1", start + 30 * MIN);
		pulse("m2", start + 3 * DAY - MIN);
		const { perDay } = report(start + 3 * DAY);
		assert.ok(perDay.length === 3 || perDay.length === 4, `${perDay.length} days`);
		assert.equal(perDay[0]?.alarms, 2);
		assert.equal(perDay.at(-1)?.alarms, 1);
		assert.equal(
			perDay.reduce((sum, { alarms }) => sum + alarms, 0),
			3,
		);
		for (const { fromMs } of perDay) assert.equal((fromMs + 9 * 60 * MIN) % DAY, 0, "midnight in Seoul");
	});

	it("of a span without alarms are zero, not unknown", () => {
		const { alarms, day, top, acknowledgedAfterMs } = counted(1).report(start + DAY);
		assert.deepEqual([alarms, day.average, day.verdict, top], [0, 0, "acceptable", []]);
		assert.equal(acknowledgedAfterMs, null);
	});
});
