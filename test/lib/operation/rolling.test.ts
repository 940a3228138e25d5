import assert from "node:assert/strict";
import { EnergyError } from "../../../lib/errors.ts";
import type { StoredPlan } from "../../../lib/operation/types.ts";
import { wireEvent } from "../../../lib/operation/wire.ts";
import { at, HOUR, MINUTE, order, START, site, thoroughSolver, World } from "./world.ts";

const refused = (code: string) => (error: unknown) => error instanceof EnergyError && error.code === code;
const placesOf = (plan: StoredPlan | null): Record<string, string> =>
	Object.fromEntries((plan?.operations ?? []).map(({ job, machine, start }) => [job, `${machine} ${start}`]));

describe("rolling operation", function () {
	this.timeout(60_000);
	let world: World;
	const open = async (options: ConstructorParameters<typeof World>[0] = {}): Promise<World> => {
		world = new World(options);
		await world.open();
		return world;
	};
	const current = (): StoredPlan => {
		const plan = world.desk.engine.current;
		assert.ok(plan, "no plan in force");
		return plan;
	};
	const startOf = (job: string): string => {
		const placed = current().operations.find((each) => each.job === job);
		assert.ok(placed, `${job} is not in ${current().id}`);
		return placed.start;
	};
	const status = async (id: string): Promise<string | undefined> => (await world.desk.keeper.plan(id))?.status;
	afterEach(() => world.close());

	it("plans orders into the cheap night, starts them at their time and follows them to their end", async () => {
		await open();
		world.put(order("J1", 60, 100), order("J2", 90, [80, 120, 120, 120, 120, 60]));
		await world.pass(2 * MINUTE);
		const plan = current();
		assert.equal(plan.status, "dispatched");
		for (const { start } of plan.operations) assert.ok(start >= at("18T22:00"), start);
		assert.ok(plan.cost.plan.totalKrw < (plan.cost.asSoonAsPossible?.totalKrw ?? 0));
		await world.pass(7 * HOUR);
		const starts = world.commands.filter((command) => command.startsWith("start"));
		assert.deepEqual(starts.toSorted(), ["start J1", "start J2"]);
		assert.equal(world.commands.filter((command) => command === "set-point J2").length, 2);
		for (const { job, start } of plan.operations) assert.equal(world.sentAt(`start ${job}`), start);
		const states = [...world.desk.engine.jobs.values()].flatMap(({ runs }) => runs.map(({ state }) => state));
		assert.deepEqual(states, ["done", "done"]);
		assert.ok(!world.codes().includes("plan-broken"), world.codes().join());
		assert.deepEqual(world.problems, []);
	});

	it("waits for an operator: proposed, approved, then dispatched; nothing starts before", async () => {
		await open({ engine: { approval: "operator" } });
		world.put(order("J1", 30, 100, { deadline: at("18T19:00") }));
		await world.pass(2 * MINUTE);
		const { engine } = world.desk;
		assert.ok(!engine.current);
		const id = engine.proposed?.id ?? "";
		assert.throws(() => engine.dispatch(id, "kim", world.nowMs), refused("operation.plan-not-approved"));
		engine.approve(id, "kim", world.nowMs);
		assert.equal(world.desk.engine.current?.status, "approved");
		assert.throws(() => engine.approve(id, "kim", world.nowMs), refused("operation.plan-not-proposed"));
		engine.dispatch(id, "kim", world.nowMs);
		assert.deepEqual([current().approvedBy, current().status], ["kim", "dispatched"]);
		await world.pass(HOUR);
		assert.deepEqual(world.commands, ["start J1"]);
		assert.throws(() => engine.approve("plan-99", "kim", world.nowMs), refused("operation.plan-unknown"));
	});

	it("refuses to approve a plan whose starts are past, and makes another", async () => {
		await open({ engine: { approval: "operator", everyMs: 10 * HOUR } });
		world.put(order("J1", 30, 100, { deadline: at("18T20:00") }));
		await world.pass(2 * MINUTE);
		const first = world.desk.engine.proposed;
		assert.ok(first);
		world.nowMs = Date.parse(first.operations[0]?.start ?? "") + 10 * MINUTE;
		assert.throws(() => world.desk.engine.approve(first.id, "kim", world.nowMs), refused("operation.plan-outdated"));
		await world.pass(2 * MINUTE);
		const second = world.desk.engine.proposed;
		assert.notEqual(second?.id, first.id);
		world.desk.engine.approve(second?.id ?? "", "kim", world.nowMs);
		await world.desk.flush();
		assert.equal(await status(first.id), "superseded");
	});

	it("moves the work of a machine that breaks down, and takes it back when it is repaired", async () => {
		await open();
		const modes = ["saw", "oven"].map((machine) => ({ machine, minutes: 60, powerKw: machine === "saw" ? 50 : 60 }));
		const both = { deadline: at("18T21:00"), operations: [{ modes }] };
		world.put(order("J1", 60, 50, both), order("J2", 60, 50, both));
		await world.pass(65 * MINUTE);
		const running = [...world.machines.running.keys()];
		assert.ok(running.includes("saw"), JSON.stringify(placesOf(current())));
		world.machines.broken.add("saw");
		await world.pass(2 * MINUTE);
		assert.equal(current().reason, "breakdown");
		const { plan: after, current: before } = current().cost;
		assert.ok(before && after.totalKrw > before.totalKrw, "the bill before and after");
		for (const { machine, state } of current().operations) if (state !== "running") assert.equal(machine, "oven");
		assert.ok(world.codes().includes("machine-down"));
		assert.ok(world.codes().includes("failed"));
		world.machines.broken.delete("saw");
		await world.pass(2 * MINUTE);
		assert.ok(world.codes().includes("machine-back"));
		await world.pass(3 * HOUR);
		const done = [...world.desk.engine.jobs.values()].every(({ runs }) => runs.at(-1)?.state === "done");
		assert.ok(done, JSON.stringify(world.events.slice(-5)));
	});

	it("plans anew when a machine overruns, and nothing else starts on it meanwhile", async () => {
		await open();
		world.machines.slow.set("saw", 40);
		world.put(
			order("J1", 30, 50, { deadline: at("18T19:00") }),
			order("J2", 30, 50, { due: at("18T19:00"), tardinessKrwPerHour: 1e6 }),
		);
		await world.pass(3 * HOUR);
		assert.ok(world.codes().includes("overrun"));
		const [one, two] = world.sent.filter(({ command }) => command === "start");
		assert.ok((two?.atMs ?? 0) - (one?.atMs ?? 0) >= 70 * MINUTE, "the second waits for the end of the first");
		assert.ok(world.codes().filter((code) => code === "job-done").length === 2, world.codes().join());
	});

	it("plans anew what a machine does not start", async () => {
		await open();
		world.machines.deaf.add("saw");
		const modes = ["saw", "oven"].map((machine) => ({ machine, minutes: 30, powerKw: machine === "saw" ? 40 : 90 }));
		world.put(order("J1", 30, 40, { due: at("18T19:00"), tardinessKrwPerHour: 1e6, operations: [{ modes }] }));
		await world.pass(HOUR);
		assert.ok(world.codes().includes("not-started"));
		assert.ok(world.commands.filter((command) => command === "start J1").length > 1);
	});

	it("plans anew when other prices come, and names those that are missing", async () => {
		await open({ engine: { everyMs: 100 * HOUR, horizonMs: 12 * HOUR } });
		const hours = (price: (hour: number) => number, count = 24) =>
			Array.from({ length: count }, (_, k) => ({ time: START - HOUR + k * HOUR, price: price(k) }));
		world.tariff = "dynamic/series";
		world.publish(hours((k) => (k === 4 ? 20 : 100)));
		world.put(order("J1", 60, 50));
		await world.pass(2 * MINUTE);
		assert.equal(startOf("J1"), new Date(START + 3 * HOUR).toISOString());
		world.publish(hours((k) => (k === 8 ? 20 : 100)));
		await world.pass(3 * MINUTE);
		assert.equal(current().reason, "price");
		assert.equal(startOf("J1"), new Date(START + 7 * HOUR).toISOString());
		world.publish(hours((k) => (k === 3 ? 10 : 100), 6));
		await world.pass(3 * MINUTE);
		const [conflict] = current().conflicts.filter(({ code }) => code === "operation.prices-unknown");
		assert.match(conflict?.text["en-US"] ?? "", /not known from/);
		assert.equal(current().horizon.end, new Date(START + 5 * HOUR).toISOString());
	});

	it("survives being killed: the plan goes on, and a start is told again to a machine that may have forgotten it", async () => {
		await open();
		world.put(
			order("J1", 60, 50, { deadline: at("18T19:15") }),
			order("J2", 30, 50, { release: at("18T22:00"), deadline: at("18T23:00") }),
		);
		await world.pass(25 * MINUTE);
		const before = { version: current().version, places: placesOf(current()) };
		world.machines.running.clear();
		await world.killed();
		assert.equal(current().status, "dispatched");
		await world.pass(MINUTE);
		assert.ok(current().version >= before.version);
		assert.deepEqual(placesOf(current()), before.places);
		const again = world.sent.filter(({ command, job }) => command === "start" && job === "J1");
		assert.equal(again.length, 2);
		assert.ok((again[1]?.elapsedMinutes ?? 0) > 5, "with what is done of it");
		await world.pass(6 * HOUR);
		assert.equal(world.codes().filter((code) => code === "job-done").length, 2);
	});

	it("takes what ended while nobody watched to be done", async () => {
		await open();
		world.put(order("J1", 30, 50, { deadline: at("18T19:00") }));
		await world.pass(20 * MINUTE);
		world.nowMs += 5 * HOUR;
		await world.killed();
		await world.pass(MINUTE);
		assert.ok(world.codes().includes("ended-unseen"));
	});

	it("withdraws a plan that could not be checked against the present for too long, and lets its machines go", async () => {
		await open();
		world.put(order("J1", 240, 50, { deadline: at("18T23:00") }), order("J2", 30, 50));
		await world.pass(20 * MINUTE);
		const { id } = current();
		world.contractProblem = new EnergyError("tariff.unknown", { tariff: "gone", known: "" });
		await world.pass(2 * HOUR);
		assert.equal(await status(id), "failed");
		assert.equal((await world.desk.keeper.plan(id))?.endedWhy?.code, "operation.plan-stale");
		assert.ok(world.commands.includes("release J1"));
		assert.equal(world.board?.problem?.code, "tariff.unknown");
		const sent = world.sent.length;
		await world.pass(8 * HOUR);
		assert.equal(world.sent.length, sent, "nothing starts without a plan");
		world.contractProblem = undefined;
		await world.pass(20 * MINUTE);
		assert.equal(current().status, "dispatched");
	});

	it("ends a plan that no longer keeps the peak, and never makes one that breaks it", async () => {
		let limitKw = 300;
		await open();
		world.budget.limitKw = () => limitKw;
		const long = { deadline: at("19T08:00") };
		world.put(
			order("J1", 60, 200, long),
			order("J2", 60, 60, { ...long, operations: [{ modes: [{ machine: "oven", minutes: 60, powerKw: 60 }] }] }),
		);
		await world.pass(2 * MINUTE);
		const first = current().id;
		assert.deepEqual([...new Set(current().capKw)], [270]);
		limitKw = 250;
		await world.pass(20 * MINUTE);
		assert.notEqual(current().id, first);
		for (const [k, kw] of current().siteLoadKw.entries()) assert.ok(kw <= (current().capKw[k] ?? 0) + 1e-6);
		limitKw = 200;
		await world.pass(20 * MINUTE);
		assert.deepEqual(Object.keys(placesOf(current())), ["J2"], "J1 alone breaks the peak: it is left out");
		assert.ok(current().conflicts.some(({ code, job }) => code === "operation.left-out" && job === "J1"));
	});

	it("keeps a plan that needs a part of the margin, and waits with a better one", async () => {
		let limitKw = 300;
		await open({ engine: { approval: "operator" } });
		world.budget.limitKw = () => limitKw;
		const now = { deadline: at("18T19:30") };
		const oven = [{ modes: [{ machine: "oven", minutes: 60, powerKw: 60 }] }];
		world.put(order("J1", 60, 200, now), order("J2", 60, 60, { ...now, operations: oven }));
		await world.pass(2 * MINUTE);
		const id = world.desk.engine.proposed?.id ?? "";
		world.desk.engine.approve(id, "kim", world.nowMs);
		world.desk.engine.dispatch(id, "kim", world.nowMs);
		limitKw = 285;
		world.desk.engine.wish("forecast");
		await world.pass(MINUTE);
		assert.equal(current().id, id, "260 kW of 285, where 256 were planned");
		assert.ok(world.desk.engine.proposed);
		limitKw = 250;
		world.desk.engine.wish("forecast");
		await world.pass(MINUTE);
		const left = current().operations.filter(({ state }) => state === "withdrawn");
		assert.deepEqual(
			[current().id, left.map(({ job }) => job)],
			[id, ["J2"]],
			"what conflicts leaves it, the rest stays",
		);
		limitKw = 100;
		world.desk.engine.wish("forecast");
		await world.pass(MINUTE);
		assert.equal(await status(id), "failed", "nothing of it is left");
		assert.ok(!world.desk.engine.current);
	});

	it("plans by list scheduling when the solver fails, and says so", async () => {
		await open();
		world.solver = () => Promise.reject(new EnergyError("scheduling.solver-failed"));
		world.put(order("J1", 60, 100), order("J2", 60, 100), order("J3", 60, 280, { deadline: at("18T20:00") }));
		await world.pass(2 * MINUTE);
		assert.equal(current().method, "fallback");
		assert.deepEqual(Object.keys(placesOf(current())).toSorted(), ["J1", "J2"]);
		const codes = current().conflicts.map(({ code }) => code);
		for (const code of ["operation.solver-failed", "operation.left-out"]) assert.ok(codes.includes(code), codes.join());
	});

	it("gives up a deadline before a job, and says what stood in its way", async () => {
		await open();
		world.solver = thoroughSolver;
		const tight = { deadline: at("18T19:30") };
		world.put(order("J1", 60, 50, tight), order("J2", 60, 50, tight));
		await world.pass(2 * MINUTE);
		assert.deepEqual(Object.keys(placesOf(current())).toSorted(), ["J1", "J2"]);
		const given = current().conflicts.find(({ code }) => code === "operation.deadline-given-up");
		assert.match(given?.text["en-US"] ?? "", /deadline of job J[12] can't be kept.*J/);
	});

	it("keeps jobs where a person puts them, holds those a person holds, and plans both again when let go", async () => {
		await open();
		world.put(order("J1", 60, 50), order("J2", 60, 50));
		await world.pass(2 * MINUTE);
		const { engine } = world.desk;
		const pin = { operation: "1", machine: "saw", start: at("18T20:00") };
		engine.override("J1", { pin }, "kim", world.nowMs);
		engine.override("J2", { hold: true }, "kim", world.nowMs);
		await world.pass(2 * MINUTE);
		assert.deepEqual(placesOf(current()), { J1: `saw ${at("18T20:00")}` });
		assert.equal(current().operations[0]?.reason.code, "operation.reason-pinned");
		assert.deepEqual(
			world.desk.boardNow().held.map(({ id }) => id),
			["J2"],
		);
		const wrong: object[] = [
			{ ...pin, machine: "oven" },
			{ ...pin, start: at("18T20:07") },
			{ ...pin, start: at("18T12:00") },
			{ ...pin, operation: "9" },
		];
		for (const each of wrong) {
			const override = { pin: each as typeof pin };
			assert.throws(
				() => engine.override("J1", override, "kim", world.nowMs),
				refused("operation.pin-invalid"),
				JSON.stringify(each),
			);
		}
		engine.override("J2", { free: true }, "kim", world.nowMs);
		await world.pass(2 * MINUTE);
		assert.deepEqual(Object.keys(placesOf(current())).toSorted(), ["J1", "J2"]);
		await world.pass(3 * HOUR);
		assert.equal(world.sentAt("start J1"), at("18T20:00"));
	});

	it("starts at once what a person puts into the quarter-hour that runs", async () => {
		await open();
		world.put(order("J1", 60, 50));
		await world.pass(10 * MINUTE);
		const pin = { operation: "1", machine: "saw", start: at("18T18:00") };
		world.desk.engine.override("J1", { pin }, "kim", world.nowMs);
		await world.pass(2 * MINUTE);
		assert.deepEqual(world.commands, ["start J1"]);
		await world.pass(2 * HOUR);
		assert.ok(world.codes().includes("job-done"));
	});

	it("waits for a person again after one has withdrawn the plan", async () => {
		await open();
		world.put(order("J1", 60, 50));
		await world.pass(2 * MINUTE);
		world.desk.engine.withdraw(current().id, "kim", world.nowMs);
		await world.pass(HOUR);
		assert.ok(!world.desk.engine.current);
		const id = world.desk.engine.proposed?.id ?? "";
		world.desk.engine.approve(id, "kim", world.nowMs);
		world.desk.engine.dispatch(id, "kim", world.nowMs);
		await world.pass(8 * HOUR);
		assert.ok(world.commands.includes("start J1"));
	});

	it("lets demand control take off what may be interrupted, and plans its rest anew", async () => {
		await open();
		const operations = [{ preemptible: true, modes: [{ machine: "saw", minutes: 60, powerKw: 80 }] }];
		world.put(order("J1", 60, 80, { due: at("18T19:00"), tardinessKrwPerHour: 1e6, operations }));
		await world.pass(35 * MINUTE);
		const [movable] = world.budget.movable(world.nowMs);
		assert.deepEqual([movable?.job, movable?.kw], ["J1", 80]);
		world.budget.tight = true;
		if (movable) world.budget.move(movable, world.nowMs);
		await world.pass(5 * MINUTE);
		assert.deepEqual(world.commands.slice(-1), ["stop J1"]);
		assert.equal(world.budget.movable(world.nowMs).length, 0);
		world.budget.tight = false;
		await world.pass(2 * HOUR);
		const rest = world.sent.findLast(({ command }) => command === "start");
		assert.equal(rest?.minutes, 45, "a quarter of an hour was done");
		assert.ok(world.codes().includes("job-done"));
	});

	it("starts nothing while its commands can't arrive", async () => {
		await open();
		world.put(order("J1", 30, 50, { due: at("18T19:00"), tardinessKrwPerHour: 1e6 }));
		world.connected = false;
		await world.pass(HOUR);
		assert.equal(world.sent.length, 0);
		world.connected = true;
		await world.pass(HOUR);
		assert.ok(world.commands.includes("start J1"));
	});

	it("keeps to shifts and maintenance, and to the order of operations", async () => {
		const work = {
			shifts: [{ days: "daily", from: "22:00", to: "02:00" }],
			maintenance: [{ start: at("18T22:00"), end: at("18T23:00") }],
		};
		await open({ site: site([{ id: "saw", work }]) });
		world.put(
			order("J1", 60, 50, {
				operations: [
					{ id: "cut", modes: [{ machine: "saw", minutes: 45, powerKw: 50 }] },
					{ id: "heat", modes: [{ machine: "oven", minutes: 30, powerKw: 70 }] },
				],
			}),
		);
		await world.pass(10 * HOUR);
		const [cut, heat] = world.sent.filter(({ command }) => command === "start");
		assert.deepEqual([cut?.operation, heat?.operation], ["cut", "heat"]);
		assert.ok((cut?.atMs ?? 0) >= Date.parse(at("18T23:00")));
		assert.ok((heat?.atMs ?? 0) >= (cut?.atMs ?? 0) + 45 * MINUTE);
		assert.ok(
			(heat?.atMs ?? 0) < (cut?.atMs ?? 0) + 60 * MINUTE,
			"seconds of the first do not cost the second an interval",
		);
		assert.ok(!world.codes().includes("plan-broken"), world.codes().join());
		assert.ok(world.codes().includes("job-done"));
	});

	it("says in words of the plant why a plan can't be kept any more", async () => {
		const names = { "en-US": "Band saw", ko: "띠톱" };
		await open({ site: site([{ id: "saw", names }]), engine: { approval: "operator" } });
		world.put(order("J1", 60, 50, { name: "Shelves", deadline: at("18T21:00") }));
		await world.pass(2 * MINUTE);
		const { engine } = world.desk;
		const id = engine.proposed?.id ?? "";
		engine.approve(id, "kim", world.nowMs);
		engine.dispatch(id, "kim", world.nowMs);
		world.machines.broken.add("saw");
		await world.pass(MINUTE);
		const why = (await world.desk.keeper.plan(id))?.endedWhy;
		const said = world.events.find(({ code }) => code === "operation.plan-broken");
		assert.ok(why && said);
		assert.deepEqual(why.text, wireEvent(said, "works").text);
		assert.match(
			why.text["en-US"],
			/Band saw stands still by a fault, and job Shelves was to run on it at 11-18 \d\d:/,
		);
		assert.match(why.text.ko, /띠톱.*고장.*Shelves/);
		const { rule, machine, job, at: time } = said.details;
		assert.deepEqual([rule, machine, job], ["plan-closed", "saw", "J1"]);
		assert.ok(Date.parse(String(time)) >= START);
		for (const text of Object.values(why.text)) assert.doesNotMatch(text, /plan-closed|[{}]/);
	});

	describe("goes on with a dispatched plan", () => {
		/** An operator's plan of these orders, dispatched; what comes then is only proposed. */
		const dispatched = async (...orders: Parameters<World["put"]>): Promise<string> => {
			await open({ engine: { approval: "operator" } });
			world.solver = thoroughSolver;
			world.put(...orders);
			await world.pass(2 * MINUTE);
			const { engine } = world.desk;
			const id = engine.proposed?.id ?? "";
			engine.approve(id, "kim", world.nowMs);
			engine.dispatch(id, "kim", world.nowMs);
			return id;
		};
		const unbroken = async (id: string): Promise<void> => {
			const broken = world.events.filter(({ code }) => code === "operation.plan-broken");
			assert.deepEqual([broken, await status(id)], [[], "dispatched"]);
		};
		const soon = { tardinessKrwPerHour: 1e6, due: at("18T18:30") };

		it("while what ends with a quarter-hour still takes its last seconds in the next", async () => {
			const id = await dispatched(order("J1", 15, 50, soon), order("J2", 15, 50, soon), order("J3", 15, 50, soon));
			assert.deepEqual(
				current()
					.operations.map(({ start }) => start)
					.sort(),
				[at("18T18:15"), at("18T18:30"), at("18T18:45")],
			);
			world.machines.slow.set("saw", 1);
			await world.pass(27 * MINUTE);
			const impossible = { deadline: at("18T18:45") };
			world.put(...["X1", "X2", "X3"].map((job) => order(job, 120, 50, impossible)));
			// Asked a moment after the turn, with the machine a minute behind and the next not begun.
			await world.pass(MINUTE);
			for (let k = 0; k < 4; k++) {
				world.desk.engine.wish("clock");
				await world.pass(MINUTE / 2);
			}
			await unbroken(id);
			await world.pass(20 * MINUTE);
			await unbroken(id);
			const starts = world.commands.filter((command) => command.startsWith("start"));
			assert.equal(new Set(starts).size, 3, "each a minute late, none left out");
		});

		it("that gave up a deadline, and proposes nothing while no plan keeps it", async () => {
			const tight = { deadline: at("18T19:30"), tardinessKrwPerHour: 1e6 };
			const id = await dispatched(order("J1", 60, 50, tight), order("J2", 60, 50, tight));
			assert.ok(current().conflicts.some(({ code }) => code === "operation.deadline-given-up"));
			await world.pass(40 * MINUTE);
			await unbroken(id);
			assert.ok(!world.desk.engine.proposed, "another plan is no better");
		});

		it("that leaves out what can't be done, and proposes nothing while no plan can", async () => {
			const id = await dispatched(order("J1", 60, 50, soon), order("J2", 60, 5_000));
			assert.ok(current().conflicts.some(({ code }) => code === "operation.left-out"));
			await world.pass(40 * MINUTE);
			await unbroken(id);
			assert.ok(!world.desk.engine.proposed, "another plan is no better");
		});

		it("that has a job where a person put it, before it is released", async () => {
			await open({ engine: { approval: "automatic" } });
			world.put(order("J1", 30, 50, { release: at("18T22:00") }));
			await world.pass(2 * MINUTE);
			const pin = { operation: "1", machine: "saw", start: at("18T20:00") };
			world.desk.engine.override("J1", { pin }, "kim", world.nowMs);
			await world.pass(2 * MINUTE);
			const { id } = current();
			await world.pass(HOUR);
			await unbroken(id);
		});
	});
});
