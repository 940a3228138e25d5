import assert from "node:assert/strict";
import { remainingOf } from "../../../lib/operation/progress.ts";
import type { JobRecord, Run } from "../../../lib/operation/records.ts";
import { at, HOUR, MINUTE, order, START, World } from "./world.ts";

const onOven = (minutes: number) => [{ modes: [{ machine: "oven", minutes, powerKw: 60 }] }];
const soon = { due: at("18T18:30"), tardinessKrwPerHour: 1e6 };

describe("a job that waits for another", function () {
	this.timeout(60_000);
	let world: World;
	beforeEach(async () => {
		world = new World();
		await world.open();
	});
	afterEach(() => world.close());
	const startMs = (job: string): number =>
		world.sent.find((message) => message.command === "start" && message.job === job)?.atMs ?? Number.NaN;
	const endedMs = (job: string): number => world.desk.engine.job(job).runs.at(-1)?.endedMs ?? Number.NaN;

	it("is held on its own machine while the one before it overruns, which is said once for each start that it misses", async () => {
		world.machines.slow.set("saw", 20);
		world.put(
			order("J1", 30, 50, soon),
			order("J2", 30, 60, { ...soon, after: [{ job: "J1" }], operations: onOven(30) }),
		);
		await world.pass(3 * HOUR);
		assert.ok(startMs("J2") >= endedMs("J1"), `${startMs("J2")} ${endedMs("J1")}`);
		const held = world.events.filter(({ code }) => code === "operation.start-held");
		const said = held.map(({ severity, details }) => [severity, details.job, details.machine, details.other].join());
		assert.deepEqual(new Set(said), new Set(["warning,J2,oven,J1/1"]));
		assert.ok(said.length <= 2, "twenty minutes hold two quarter-hours at most");
		assert.equal(world.codes().filter((code) => code === "job-done").length, 2);
		assert.ok(!world.codes().includes("start-missed"), "its own machine is not to blame");
	});

	it("keeps the time between them, though the one before ended late", async () => {
		world.machines.slow.set("saw", 4);
		const after = [{ job: "J1", lagMinutes: 30 }];
		world.put(order("J1", 30, 50, soon), order("J2", 30, 60, { ...soon, after, operations: onOven(30) }));
		await world.pass(3 * HOUR);
		assert.ok(startMs("J2") >= endedMs("J1") + 30 * MINUTE);
		assert.ok(startMs("J2") <= endedMs("J1") + 45 * MINUTE, "four minutes do not cost a quarter-hour and more");
	});

	it("does not start when the one before was held by a person after the plan was dispatched", async () => {
		world.put(
			order("J1", 30, 50, soon),
			order("J2", 30, 60, { ...soon, after: [{ job: "J1" }], operations: onOven(30) }),
		);
		await world.pass(2 * MINUTE);
		world.desk.engine.override("J1", { hold: true }, "kim", world.nowMs);
		await world.pass(2 * HOUR);
		assert.equal(world.sent.length, 0);
	});
});

describe("what is left of a job", () => {
	const run = (operation: string, machine: string, state: Run["state"], endMs: number): Run => ({
		...{ operation, machine, plan: 1, plannedStartMs: START, plannedEndMs: endMs, endMs, powerKw: [10, 10] },
		...{ stepMs: 15 * MINUTE, before: 0, state, commandedMs: START, reports: true, toldStep: 0 },
		...(state === "done" ? { endedMs: endMs } : {}),
	});
	const record: JobRecord = {
		...{ version: 1, held: false, pins: [], createdMs: START, changedMs: START, by: "kim" },
		order: order("J1", 0, 0, {
			release: at("18T17:00"),
			operations: [
				{ id: "cut", modes: [{ machine: "saw", minutes: 30, powerKw: 10 }] },
				{
					id: "heat",
					after: [{ operation: "cut", lagMinutes: 30 }],
					modes: [{ machine: "oven", minutes: 30, powerKw: 10 }],
				},
				{ id: "print", after: [], modes: [{ machine: "press", minutes: 30, powerKw: 10 }] },
				{ id: "pack", after: [], release: at("18T21:00"), modes: [{ machine: "hand", minutes: 30, powerKw: 1 }] },
			],
		}),
		runs: [run("cut", "saw", "running", START + 50 * MINUTE)],
	};

	it("is released later only where it waits for what runs; the rest of the job may begin", () => {
		const left = remainingOf(record, START, 15, 5 * MINUTE);
		assert.equal(left?.release, at("18T17:00"));
		assert.deepEqual(
			left?.operations.map(({ id, release }) => [id, release]),
			[
				// 18:50 and half an hour, of which five minutes may be waited for.
				["heat", at("18T19:15")],
				["print", undefined],
				["pack", at("18T21:00")],
			],
		);
	});
});
