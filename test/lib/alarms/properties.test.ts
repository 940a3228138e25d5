import assert from "node:assert/strict";
import fc from "fast-check";
import { AlarmBook, type Signal } from "../../../lib/alarms/book.ts";
import type { AlarmCommand } from "../../../lib/alarms/commands.ts";
import { evolve, isHidden, stateOf } from "../../../lib/alarms/state.ts";
import type { Alarm, AlarmState, Change, JournalLine } from "../../../lib/alarms/types.ts";
import { EnergyError } from "../../../lib/errors.ts";
import { signal, start } from "./signals.ts";

const machines = ["a", "b", "c"];
const machine = fc.constantFrom(...machines);
const step = fc.oneof(
	{
		weight: 5,
		arbitrary: fc.record({
			do: fc.constant("signal" as const),
			machine,
			on: fc.constantFrom(true, true, false, false, null),
			priority: fc.constantFrom("high" as const, "low" as const),
			suppress: fc.constantFrom(null, null, null, "state:off"),
		}),
	},
	{
		weight: 3,
		arbitrary: fc.record({
			do: fc.constant("command" as const),
			machine,
			type: fc.constantFrom("ack", "shelve", "unshelve", "comment", "assign", "out-of-service", "in-service"),
			minutes: fc.integer({ min: 1, max: 60 }),
			oneShot: fc.boolean(),
		}),
	},
	{
		weight: 2,
		arbitrary: fc.record({ do: fc.constant("tick" as const), afterMs: fc.integer({ min: 0, max: 900_000 }) }),
	},
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
const delays = fc.record({
	onDelayMs: fc.constantFrom(0, 0, 30_000),
	offDelayMs: fc.constantFrom(0, 0, 60_000),
});

/** Plays steps; @returns all changes, the book, and the last signal of each machine */
function play(steps: readonly Step[], delay: { onDelayMs: number; offDelayMs: number }) {
	const book = new AlarmBook();
	const changes: Change[] = [];
	const last = new Map<string, Signal>();
	let nowMs = start;
	for (const one of steps) {
		if (one.do === "tick") {
			nowMs += one.afterMs;
			changes.push(...book.tick(nowMs));
		} else if (one.do === "signal") {
			const said = signal({ ...one, rule: "r", ...delay });
			last.set(one.machine, said);
			changes.push(...book.observe(said, nowMs));
		} else changes.push(...command(book, one, nowMs));
	}
	return { book, changes, last, nowMs };
}

function command(book: AlarmBook, one: Step & { do: "command" }, nowMs: number): Change[] {
	const given = {
		...{ type: one.type, alarm: `r.${one.machine}`, by: "kim", mode: one.oneShot ? "one-shot" : "timed" },
		...{ durationMs: one.minutes * 60_000, text: "seen", assignee: one.oneShot ? "park" : null },
	};
	try {
		return book.command(given as AlarmCommand, nowMs);
	} catch (error) {
		// Refused with a reason of ours, which is as good as done; anything else is a fault.
		if (error instanceof EnergyError && error.code !== "alarms.illegal") return [];
		throw error;
	}
}

/** Where ISA-18.2 lets an alarm go from each state; hiding and its end may lead anywhere that what is hidden is. */
const legal: Record<string, readonly AlarmState[]> = {
	raised: ["unacknowledged", "shelved", "suppressed", "out-of-service"],
	returned: ["normal", "returned-unacknowledged", "shelved", "suppressed", "out-of-service"],
	acknowledged: ["normal", "acknowledged", "shelved", "suppressed", "out-of-service"],
	shelved: ["shelved", "suppressed"],
	suppressed: ["suppressed", "out-of-service"],
	"out-of-service": ["out-of-service"],
	retired: ["normal"],
};

function checkLine(line: JournalLine, before: Alarm | undefined, after: Alarm): void {
	assert.equal(line.from, stateOf(before));
	assert.equal(line.to, stateOf(after));
	assert.ok(legal[line.type]?.includes(line.to) ?? true, `${line.type} to ${line.to}`);
	assert.ok(line.by !== "", "who");
	if (after.active) assert.ok(after.raisedMs !== null && after.returnedMs === null, "an active alarm has begun");
	if (stateOf(after) === "normal") assert.equal(after.active || !after.acknowledged || isHidden(after), false);
}

describe("any sequence of signals, commands and time", () => {
	const sequences = fc.array(step, { maxLength: 120 });

	it("keeps every alarm legal, and its journal made again makes the same alarms", () => {
		fc.assert(
			fc.property(sequences, delays, (steps, delay) => {
				const { book, changes } = play(steps, delay);
				const replayed = new Map<string, Alarm>();
				for (const { line, alarm } of changes) {
					const before = replayed.get(line.alarm);
					// As it comes back from the store.
					const { from: _from, to: _to, ...event } = JSON.parse(JSON.stringify(line)) as JournalLine;
					const after = evolve(before, event);
					checkLine(line, before, after);
					assert.deepEqual(after, alarm);
					replayed.set(line.alarm, after);
				}
				assert.deepEqual(replayed, new Map([...book.all()].map((alarm) => [alarm.id, alarm])));
			}),
			{ numRuns: 300 },
		);
	});

	it("loses no alarm: what was said to be on for longer than its delay is active or hidden, one for each machine", () => {
		fc.assert(
			fc.property(sequences, delays, (steps, delay) => {
				const { book, last, nowMs } = play(steps, delay);
				for (const said of last.values()) {
					if (said.on === null) continue;
					book.observe(said, nowMs);
				}
				book.tick(nowMs + 120_000);
				for (const [name, { on, suppress }] of last) {
					const alarm = book.get(`r.${name}`);
					if (on === true && suppress === null) assert.ok(alarm?.active && !alarm.suppression, `${name} is on`);
					if (on === false) assert.equal(alarm?.active ?? false, false, `${name} is off`);
				}
				assert.ok([...book.all()].filter(({ rule }) => rule === "r").length <= machines.length);
			}),
			{ numRuns: 300 },
		);
	});

	it("goes on after a restart as if there had been none, but for the delays that were running", () => {
		fc.assert(
			fc.property(sequences, sequences, (before, after) => {
				const none = { onDelayMs: 0, offDelayMs: 0 };
				const { book, nowMs } = play(before, none);
				const kept = JSON.parse(JSON.stringify([...book.all()])) as Alarm[];
				const again = new AlarmBook(kept);
				const played = after.filter((one) => one.do === "signal" && one.on !== null) as (Step & { do: "signal" })[];
				for (const one of played) {
					const said = signal({ ...one, rule: "r", ...none });
					book.observe(said, nowMs);
					again.observe(said, nowMs);
				}
				for (const name of new Set(played.map((one) => one.machine))) {
					assert.equal(stateOf(again.get(`r.${name}`)), stateOf(book.get(`r.${name}`)));
				}
			}),
			{ numRuns: 200 },
		);
	});
});
