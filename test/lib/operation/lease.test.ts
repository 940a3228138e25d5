import assert from "node:assert/strict";
import { PeakBudget } from "../../../lib/demand/budget.ts";
import { OperationDesk } from "../../../lib/operation/desk.ts";
import { Lease } from "../../../lib/operation/lease.ts";
import { openStore } from "../../../lib/store/open.ts";
import type { Store } from "../../../lib/store/store.ts";
import { at, HOUR, MINUTE, order, START, World } from "./world.ts";

const LEASE_MS = 12_000;

describe("the right to plan for a site", function () {
	this.timeout(60_000);
	let store: Store;
	let nowMs = START;
	const lease = () =>
		new Lease({ site: "works", store: () => Promise.resolve(store), now: () => nowMs, leaseMs: LEASE_MS });
	beforeEach(async () => {
		nowMs = START;
		store = await openStore("sqlite://:memory:");
	});
	afterEach(() => store.close());

	it("is one process's alone as long as it renews it", async () => {
		const [one, two] = [lease(), lease()];
		assert.deepEqual([await one.keep(), await two.keep()], [true, false]);
		for (let k = 0; k < 10; k++) {
			nowMs += 4_000;
			assert.deepEqual([await one.keep(), await two.keep(), one.valid, two.valid], [true, false, true, false]);
		}
	});

	it("goes to one of those that ask in the same moment", async () => {
		const all = Array.from({ length: 8 }, () => lease());
		const ours = await Promise.all(all.map((each) => each.keep()));
		assert.equal(ours.filter(Boolean).length, 1);
	});

	it("is taken over some seconds after it ran out, and what the old owner still keeps is refused", async () => {
		const [one, two] = [lease(), lease()];
		await one.keep();
		nowMs += LEASE_MS;
		assert.deepEqual([one.valid, await two.keep()], [false, false], "clocks may differ by seconds");
		nowMs += 3_000;
		assert.deepEqual([await two.keep(), two.valid], [true, true]);
		const put = [{ id: "a", atMs: 1, value: 1 }];
		const late = store.saveDocuments({ site: "works", kind: "schedule-job", put, expect: [one.condition] });
		await assert.rejects(late, { code: "store.changed" });
		await store.saveDocuments({ site: "works", kind: "schedule-job", put, expect: [two.condition] });
		assert.equal(await one.keep(), false);
	});

	it("stays with an owner that was stopped for a while, where nobody took it", async () => {
		const one = lease();
		await one.keep();
		nowMs += HOUR;
		assert.equal(one.valid, false);
		assert.deepEqual([await one.keep(), one.valid], [true, true]);
	});

	it("is free at once when it is let go", async () => {
		const [one, two] = [lease(), lease()];
		await one.keep();
		await one.release();
		assert.deepEqual([one.valid, await two.keep(), await one.keep()], [false, true, false]);
	});

	it("counts from before a slow answer of the store", async () => {
		const one = lease();
		const { saveDocuments } = store;
		store.saveDocuments = (change) => {
			nowMs += 5_000;
			return saveDocuments.call(store, change);
		};
		await one.keep();
		nowMs += LEASE_MS - 5_000;
		assert.equal(one.valid, false);
	});
});

describe("two processes that plan on one store", function () {
	this.timeout(60_000);
	let world: World;
	let second: OperationDesk;
	const sent: string[] = [];
	const stands: boolean[] = [];
	beforeEach(async () => {
		world = new World();
		await world.open();
		sent.length = 0;
		stands.length = 0;
		const { house } = world.desk;
		second = new OperationDesk({
			house: { ...house, budget: new PeakBudget() },
			...{ engine: world.engine, planner: world.planner, demo: false },
			solver: (problem, options) => world.solver(problem, options),
			...{ now: () => world.nowMs, leaseMs: 2 * MINUTE, connected: () => true },
			command: ({ command, job }) => sent.push(`${command} ${job}`),
			...{ happened: () => {}, board: () => {} },
			problem: (error) => world.problems.push(error),
			standby: (on) => stands.push(on),
		});
		await second.begin();
	});
	afterEach(async () => {
		await second.close();
		await world.close();
	});
	const both = async (ms: number): Promise<void> => {
		for (const endMs = world.nowMs + ms; world.nowMs < endMs; ) {
			await world.pass(30_000);
			second.tick();
			await second.idle();
		}
	};
	const only = async (ms: number): Promise<void> => {
		for (const endMs = world.nowMs + ms; world.nowMs < endMs; ) {
			world.nowMs += 30_000;
			second.tick();
			await second.idle();
		}
	};
	const J1 = () => order("J1", 30, 50, { release: at("18T19:00"), due: at("18T19:30"), tardinessKrwPerHour: 1e6 });

	it("dispatch once: the second stands by, and has nothing to say", async () => {
		world.put(J1());
		await both(2 * HOUR);
		assert.deepEqual([world.commands, sent, stands], [["start J1"], [], [true]]);
		assert.throws(() => second.engine, { code: "operation.starting" });
	});

	it("dispatch on where the first dies: the second knows its plan and goes on with it", async () => {
		world.put(J1());
		await both(10 * MINUTE);
		const { id } = world.desk.engine.current ?? {};
		await only(60 * MINUTE);
		assert.deepEqual(stands, [true, false]);
		assert.deepEqual([world.commands, sent[0]], [[], "start J1"]);
		assert.equal(second.engine.job("J1").runs[0]?.plan, Number(id?.slice(5)));
	});

	it("dispatch once also where the first was only stopped, and comes back believing that it plans", async () => {
		world.put(J1());
		await both(10 * MINUTE);
		await only(60 * MINUTE);
		// It does not know: its own clock shows it that its right has run out, and the store that another has it.
		world.desk.tick();
		await world.desk.idle();
		await world.desk.idle();
		assert.deepEqual(world.commands, []);
		assert.equal(world.desk.standby, true);
		await both(HOUR);
		assert.deepEqual(world.commands, []);
	});

	it("starts nothing without the right to, though the store does not answer; what runs goes on", async () => {
		world.put(J1());
		await both(10 * MINUTE);
		const { saveDocuments } = world.store;
		world.store.saveDocuments = () => Promise.reject(new Error("the disk is gone"));
		await world.pass(HOUR);
		assert.equal(world.sent.length, 0);
		world.store.saveDocuments = saveDocuments;
		await world.pass(HOUR);
		assert.ok(world.sentAt("start J1"));
	});
});
