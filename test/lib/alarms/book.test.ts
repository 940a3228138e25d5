import assert from "node:assert/strict";
import { AlarmBook } from "../../../lib/alarms/book.ts";
import type { AlarmCommand } from "../../../lib/alarms/commands.ts";
import { stateOf } from "../../../lib/alarms/state.ts";
import type { Alarm, Change } from "../../../lib/alarms/types.ts";
import { MIN, S, signal, start } from "./signals.ts";

const id = "high-power.compressor-1";
const by = "operator-kim";
const states = (changes: readonly Change[]): string[] => changes.map(({ line }) => line.to);

describe("an alarm", () => {
	let book: AlarmBook;
	let nowMs: number;
	beforeEach(() => {
		book = new AlarmBook();
		nowMs = start;
	});
	const state = (): string => stateOf(book.get(id));
	const on = (more = {}): Change[] => book.observe(signal(more), nowMs);
	const off = (more = {}): Change[] => book.observe(signal({ ...more, on: false }), nowMs);
	const wait = (ms: number): Change[] => {
		nowMs += ms;
		return book.tick(nowMs);
	};
	const tell = (command: object): Change[] => book.command({ alarm: id, by, ...command } as AlarmCommand, nowMs);

	it("is acknowledged while it lasts and is normal when it is over", () => {
		assert.deepEqual(states(on()), ["unacknowledged"]);
		assert.deepEqual(states(tell({ type: "ack" })), ["acknowledged"]);
		assert.deepEqual(states(off()), ["normal"]);
		const { acknowledgedBy, occurrences, raisedMs } = book.get(id) as Alarm;
		assert.deepEqual(
			{ acknowledgedBy, occurrences, raisedMs },
			{ acknowledgedBy: by, occurrences: 1, raisedMs: start },
		);
	});

	it("that is over still waits for its acknowledgement", () => {
		on();
		assert.deepEqual(states(off()), ["returned-unacknowledged"]);
		assert.deepEqual(states(tell({ type: "ack" })), ["normal"]);
		assert.throws(() => tell({ type: "ack" }), { code: "alarms.nothing-to-acknowledge" });
	});

	it("is acknowledged twice without harm", () => {
		on();
		tell({ type: "ack" });
		assert.deepEqual(tell({ type: "ack" }), []);
	});

	it("is one alarm, however often its condition is told", () => {
		assert.equal(on().length, 1);
		for (let i = 0; i < 100; i++) assert.deepEqual(on(), []);
		assert.equal(book.size, 1);
	});

	it("waits for its on-delay, from the beginning after each interruption", () => {
		const delay = { onDelayMs: 30 * S };
		on(delay);
		assert.deepEqual(wait(29 * S), []);
		off(delay);
		on(delay);
		assert.deepEqual(wait(29 * S), []);
		assert.deepEqual(states(wait(S)), ["unacknowledged"]);
	});

	it("returns only after its off-delay", () => {
		const delay = { offDelayMs: 60 * S };
		on(delay);
		nowMs += MIN;
		off(delay);
		wait(59 * S);
		on(delay);
		off(delay);
		assert.deepEqual(wait(59 * S), []);
		assert.deepEqual(states(wait(S)), ["returned-unacknowledged"]);
	});

	it("keeps its state while nobody knows", () => {
		on();
		nowMs += 10 * MIN;
		assert.deepEqual(book.observe(signal({ on: null }), nowMs), []);
		assert.equal(state(), "unacknowledged");
	});

	it("asks again for an acknowledgement when it becomes more urgent, and not when it becomes less", () => {
		on();
		tell({ type: "ack" });
		const worse = on({ priority: "high" });
		assert.deepEqual(states(worse), ["unacknowledged"]);
		assert.equal(worse[0]?.announce, true);
		tell({ type: "ack" });
		assert.deepEqual(states(on({ priority: "low" })), ["acknowledged"]);
	});

	describe("that is shelved", () => {
		it("for one shot stays hidden until it is over, then is as new", () => {
			on();
			assert.deepEqual(states(tell({ type: "shelve", mode: "one-shot", reason: "valve ordered" })), ["shelved"]);
			assert.deepEqual(states(off()), ["normal"]);
			const again = on();
			assert.deepEqual(states(again), ["unacknowledged"]);
			assert.equal(again[0]?.announce, true);
		});

		it("for a time is shown again when the time is over, whatever happened in between", () => {
			on();
			tell({ type: "shelve", mode: "timed", durationMs: 30 * MIN });
			assert.deepEqual(states(off()), ["shelved"]);
			nowMs += MIN;
			const hidden = on();
			assert.deepEqual(states(hidden), ["shelved"]);
			assert.equal(hidden[0]?.announce, false);
			wait(28 * MIN);
			const shown = wait(MIN);
			assert.deepEqual(states(shown), ["unacknowledged"]);
			assert.equal(shown[0]?.announce, true);
			assert.equal(shown[0]?.line.reason, "expired");
		});

		it("can be unshelved at any time", () => {
			on();
			tell({ type: "shelve", mode: "timed", durationMs: 30 * MIN });
			assert.deepEqual(states(tell({ type: "unshelve" })), ["unacknowledged"]);
			assert.throws(() => tell({ type: "unshelve" }), { code: "alarms.not-shelved" });
		});

		it("is never shelved for longer than allowed", () => {
			book = new AlarmBook([], { maxShelveMs: 8 * 60 * MIN });
			on();
			assert.throws(() => tell({ type: "shelve", mode: "timed", durationMs: 9 * 60 * MIN }), {
				code: "alarms.bad-command",
			});
			tell({ type: "shelve", mode: "one-shot" });
			assert.deepEqual(states(wait(8 * 60 * MIN)), ["unacknowledged"]);
		});
	});

	it("is not raised while the machine's state explains it, and its delay begins anew afterwards", () => {
		const delay = { onDelayMs: 30 * S };
		assert.deepEqual(on({ ...delay, suppress: "state:starting" }), []);
		nowMs += 60 * S;
		on(delay);
		assert.deepEqual(wait(29 * S), []);
		assert.deepEqual(states(wait(S)), ["unacknowledged"]);
	});

	it("that stands is hidden while the machine's state explains it; what nobody was shown, nobody acknowledges", () => {
		on();
		assert.deepEqual(states(on({ suppress: "state:off" })), ["suppressed"]);
		assert.deepEqual(states(off({ suppress: "state:off" })), ["suppressed"]);
		assert.deepEqual(states(off()), ["normal"]);
	});

	it("does not blink with a machine that cycles", () => {
		const delay = { onDelayMs: 60 * S };
		on(delay);
		wait(60 * S);
		on({ ...delay, suppress: "state:idle" });
		for (let cycle = 0; cycle < 5; cycle++) {
			assert.deepEqual([...on(delay), ...wait(30 * S), ...on({ ...delay, suppress: "state:idle" })], []);
			wait(30 * S);
		}
		on(delay);
		assert.deepEqual(states(wait(60 * S)), ["unacknowledged"]);
	});

	it("does not tell the journal of a machine that is off with nothing wrong", () => {
		assert.deepEqual(off({ suppress: "state:off" }), []);
		on();
		tell({ type: "ack" });
		off();
		assert.deepEqual(off({ suppress: "state:off" }), []);
	});

	it("keeps its cause while nobody knows whether it holds, after a restart too", () => {
		on();
		const { cause } = book.get(id) as Alarm;
		const unknown = { on: null, cause: { code: "alarms.cause.condition", details: {} } };
		assert.deepEqual(on(unknown), []);
		book = new AlarmBook([...book.all()]);
		assert.deepEqual([...on(unknown), ...wait(10 * MIN)], []);
		assert.deepEqual(book.get(id)?.cause, cause);
		assert.equal(state(), "unacknowledged");
	});

	it("that a person suppresses is hidden until a person shows it, whatever the machine's state says meanwhile", () => {
		on();
		assert.deepEqual(states(tell({ type: "suppress", reason: "dryer under repair" })), ["suppressed"]);
		assert.equal(book.get(id)?.suppression, "manual: dryer under repair");
		assert.deepEqual(tell({ type: "suppress" }), []);
		on({ suppress: "state:off" });
		on();
		off();
		assert.deepEqual(states(on()), ["suppressed"]);
		wait(10 * MIN);
		assert.equal(state(), "suppressed");
		assert.deepEqual(states(tell({ type: "unsuppress" })), ["unacknowledged"]);
		assert.throws(() => tell({ type: "unsuppress" }), { code: "alarms.not-suppressed" });
	});

	it("that its machine's state hides is no person's to show, but a person may hide it for longer", () => {
		on();
		on({ suppress: "state:idle" });
		assert.throws(() => tell({ type: "unsuppress" }), { code: "alarms.not-suppressed" });
		tell({ type: "suppress" });
		on();
		wait(10 * MIN);
		assert.equal(book.get(id)?.suppression, "manual");
	});

	it("out of service is silent until it is put back", () => {
		on();
		assert.deepEqual(states(tell({ type: "out-of-service", reason: "meter removed" })), ["out-of-service"]);
		assert.throws(() => tell({ type: "shelve", mode: "one-shot" }), { code: "alarms.out-of-service" });
		off();
		on();
		assert.equal(state(), "out-of-service");
		assert.deepEqual(states(tell({ type: "in-service" })), ["unacknowledged"]);
	});

	it("is assigned and commented, and forgets its assignee when it is dealt with", () => {
		on();
		tell({ type: "assign", assignee: "park" });
		tell({ type: "comment", text: "leak at the dryer" });
		assert.equal(book.get(id)?.assignee, "park");
		assert.equal(book.get(id)?.comment?.text, "leak at the dryer");
		tell({ type: "ack" });
		off();
		assert.equal(book.get(id)?.assignee, null);
	});

	it("costs its excess power at the price of each moment, while it lasts", () => {
		book = new AlarmBook([], { priceAt: (atMs) => (atMs < start + 30 * MIN ? 100 : 200) });
		on({ excessKw: 12 });
		assert.equal(book.running(id, nowMs).krwPerHour, 1200);
		for (let minute = 0; minute < 59; minute++) wait(MIN);
		// 29 minutes at 100 won, 30 at 200.
		assert.equal(Math.round(book.running(id, nowMs).costKrw ?? 0), (12 * (29 * 100 + 30 * 200)) / 60);
		const [{ line } = assert.fail("it should have returned")] = off();
		assert.equal(line.type === "returned" && Math.round(line.costKrw ?? 0), (12 * (29 * 100 + 30 * 200)) / 60);
		assert.deepEqual(book.running(id, nowMs), { excessKw: null, krwPerHour: null, costKrw: null });
	});

	it("goes on costing after a restart", () => {
		const priceAt = () => 100;
		book = new AlarmBook([], { priceAt });
		on({ excessKw: 60 });
		wait(MIN);
		book = new AlarmBook([...book.all()], { priceAt, costs: book.costs() });
		nowMs += 10 * MIN;
		on({ excessKw: 60 });
		wait(MIN);
		assert.equal(book.running(id, nowMs).costKrw, 200, "but not for the time in which nobody watched");
	});

	it("has no price where none is known, rather than a price of nothing", () => {
		on({ excessKw: 12 });
		wait(MIN);
		assert.deepEqual(book.running(id, nowMs), { excessKw: 12, krwPerHour: null, costKrw: null });
	});

	it("is retired with its rule", () => {
		on();
		assert.deepEqual(states(book.retire(() => true, nowMs)), []);
		assert.deepEqual(states(book.retire(() => false, nowMs)), ["normal"]);
		assert.throws(() => tell({ type: "ack" }), { code: "alarms.nothing-to-acknowledge" });
	});

	it("that nobody knows cannot be acknowledged", () => {
		assert.throws(() => tell({ type: "ack" }), { code: "alarms.unknown" });
	});

	it("that stood before a restart still stands, and is over only when it is seen to be", () => {
		on();
		book = new AlarmBook([...book.all()]);
		nowMs += MIN;
		assert.deepEqual(on(), [], "told again, not raised again");
		assert.deepEqual(states(off()), ["returned-unacknowledged"]);
	});
});

describe("many alarms", () => {
	const raise = (book: AlarmBook, count: number, nowMs: number, more = {}): Change[] =>
		Array.from({ length: count }, (_, i) => book.observe(signal({ machine: `m${i}`, ...more }), nowMs)).flat();
	const told = (changes: readonly Change[]): string[] =>
		changes.filter(({ announce }) => announce).map(({ alarm }) => alarm.id);

	it("of one group are told once, a more urgent one again", () => {
		const book = new AlarmBook();
		assert.equal(told(raise(book, 5, start, { group: "compressor room" })).length, 1);
		const worse = book.observe(signal({ rule: "fire", group: "compressor room", priority: "high" }), start);
		assert.deepEqual(told(worse), ["fire.compressor-1"]);
		assert.equal(book.size, 6, "but all are listed");
	});

	it("more than ten in ten minutes are a flood: one alarm tells it, none is lost, and it ends", () => {
		const book = new AlarmBook();
		const changes = raise(book, 40, start);
		assert.equal(told(changes).length, 11);
		assert.deepEqual(told(changes).at(-1), "flood");
		assert.equal([...book.all()].filter((alarm) => stateOf(alarm) === "unacknowledged").length, 41);
		assert.deepEqual(book.tick(start + 9 * MIN), []);
		const [over] = book.tick(start + 10 * MIN);
		assert.equal(over?.alarm.id, "flood");
		assert.equal(over?.line.to, "returned-unacknowledged");
	});

	it("of high priority are told within a flood too, and what becomes it: a flood hides no fire", () => {
		const book = new AlarmBook();
		raise(book, 40, start);
		assert.deepEqual(
			told(book.observe(signal({ rule: "fire", machine: "m2", group: "fire", priority: "high" }), start)),
			["fire.m2"],
		);
		assert.deepEqual(told(book.observe(signal({ machine: "m39", priority: "high" }), start + S)), ["high-power.m39"]);
		assert.deepEqual(told(book.observe(signal({ rule: "noise", machine: "m3", priority: "low" }), start)), []);
	});

	it("ten in ten minutes are no flood", () => {
		assert.equal(told(raise(new AlarmBook(), 10, start)).length, 10);
	});

	it("the flood goes on over a restart", () => {
		const before = new AlarmBook();
		raise(before, 20, start);
		const book = new AlarmBook([...before.all()]);
		assert.deepEqual(told(book.observe(signal({ machine: "late" }), start + MIN)), []);
		assert.equal(book.tick(start + 20 * MIN)[0]?.line.type, "returned");
	});

	it("are bounded: what is normal longest is forgotten first", () => {
		const book = new AlarmBook();
		raise(book, 30, start);
		for (const machine of ["m3", "m4"]) {
			book.observe(signal({ machine, on: false }), start + S);
			book.command({ type: "ack", alarm: `high-power.${machine}`, by }, start + 2 * S);
		}
		assert.deepEqual(book.prune(30), ["high-power.m3"]);
		assert.equal(book.prune(5).length, 1, "what is not normal is kept");
	});
});
