import assert from "node:assert/strict";
import { leavingOf } from "../../../lib/operation/part.ts";
import type { StoredPlan } from "../../../lib/operation/types.ts";
import { checkPlan } from "../../../lib/scheduling/check.ts";
import { compile, planOf } from "../../../lib/scheduling/instance.ts";
import { constructed } from "../../../lib/scheduling/search.ts";
import { inputOf } from "../../../nodes/energy-alarm/inputs.ts";
import { randomProblem } from "../scheduling/random-problem.ts";
import { at, HOUR, MINUTE, order, World } from "./world.ts";

const onOven = (minutes: number, powerKw: number) => [{ modes: [{ machine: "oven", minutes, powerKw }] }];

describe("a dispatched plan that breaks a rule", function () {
	this.timeout(60_000);
	let world: World;
	const open = async (...orders: Parameters<World["put"]>): Promise<string> => {
		world = new World({ engine: { approval: "operator" } });
		await world.open();
		world.put(...orders);
		await world.pass(2 * MINUTE);
		return dispatch();
	};
	const dispatch = (): string => {
		const { engine } = world.desk;
		const id = engine.proposed?.id ?? "";
		engine.approve(id, "kim", world.nowMs);
		engine.dispatch(id, "kim", world.nowMs);
		return id;
	};
	const withdrawn = (): string[] => {
		const plan = world.desk.engine.current as StoredPlan;
		return plan.operations.filter(({ state }) => state === "withdrawn").map(({ job }) => job);
	};
	const alarm = (): unknown => {
		const input = inputOf("schedule", world.board, "works");
		return input.kind === "schedule" ? input.word.broken : undefined;
	};
	afterEach(() => world.close());

	it("goes on with what does not conflict: only the work of the broken machine, and what waits for it, leaves", async () => {
		const saw = { due: at("18T19:00"), tardinessKrwPerHour: 1e6, release: at("18T19:00") };
		const id = await open(
			order("J1", 60, 50, saw),
			order("J2", 30, 60, { after: [{ job: "J1" }], operations: onOven(30, 60) }),
			order("J3", 30, 60, { deadline: at("18T20:00"), operations: onOven(30, 60) }),
		);
		const planned = world.desk.engine.current?.operations.find(({ job }) => job === "J3")?.start;
		world.machines.broken.add("saw");
		await world.pass(2 * MINUTE);
		assert.equal(world.desk.engine.current?.id, id);
		assert.deepEqual(withdrawn(), ["J1", "J2"]);
		const said = world.events.filter(({ code }) => code === "operation.plan-part-withdrawn");
		assert.deepEqual(
			said.map(({ severity, details }) => [severity, details.jobs, details.machine]),
			[["alarm", "J1, J2", "saw"]],
		);
		assert.ok(alarm(), "somebody has to approve a plan that holds them");
		const conflict = world.desk.engine.current?.conflicts.find(({ job }) => job === "J1");
		assert.match(conflict?.text["en-US"] ?? "", /J1 was taken out.*saw stands still/);
		assert.match(conflict?.text.ko ?? "", /J1.*철회.*고장/);
		// Also of a process that was killed meanwhile.
		await world.killed();
		await world.pass(3 * HOUR);
		assert.deepEqual(world.commands, ["start J3"]);
		assert.equal(world.sentAt("start J3"), planned);
		dispatch();
		await world.pass(MINUTE);
		assert.equal(alarm(), null, "the new plan holds them");
	});

	it("gives up the least that keeps the peak: what frees enough, and matters less", async () => {
		const now = { deadline: at("18T19:30") };
		const other = (priority: number) => order("J2", 60, 60, { ...now, priority, operations: onOven(60, 60) });
		for (const [priority, left, limit] of [
			[1, "J2", 250],
			[9, "J1", 250],
			[1, "J1", 190],
		] as const) {
			await open(order("J1", 60, 200, now), other(priority));
			world.budget.limitKw = () => limit;
			world.desk.engine.wish("forecast");
			await world.pass(MINUTE);
			assert.deepEqual(withdrawn(), [left], `${priority} ${limit}`);
			const { siteLoadKw, horizon } = world.desk.engine.current as StoredPlan;
			const k = Math.round((Date.parse(at("18T18:45")) - Date.parse(horizon.start)) / (15 * MINUTE));
			assert.equal(siteLoadKw[k], left === "J2" ? 200 : 60, "the picture shows what is left");
			if (left !== "J1" || limit !== 190) await world.close();
		}
	});

	it("is not judged by another plan's figures: one that was dispatched meanwhile stays", async () => {
		await open(order("J1", 60, 50, { deadline: at("18T23:00") }));
		const { engine } = world.desk;
		world.put(order("J2", 30, 50));
		await world.pass(MINUTE);
		const request = engine.request(world.nowMs + HOUR);
		const id = dispatch();
		const rule = { rule: "plan-cap", details: {}, text: { "en-US": "", ko: "" } };
		const draft = { request, plan: null, currentBreaks: [rule], currentParts: [] } as unknown;
		assert.equal(engine.offer(draft as Parameters<typeof engine.offer>[0], world.nowMs), null);
		assert.deepEqual([engine.current?.id, engine.current?.status], [id, "dispatched"]);
	});
});

describe("what leaves a plan", () => {
	it("leaves a rest that keeps every rule, whatever the figures became; nothing leaves without need", () => {
		let [partly, seen] = [0, 0];
		for (let seed = 1; seed <= 300; seed++) {
			const problem = randomProblem(seed);
			const instance = compile(problem);
			const found = constructed(instance, { stopAtMs: Number.POSITIVE_INFINITY, stopped: () => false });
			if (found.missing > 0) continue;
			const { operations } = planOf(instance, found.placements);
			if (checkPlan(problem, { operations }).violations.length > 0) continue;
			assert.deepEqual(leavingOf(problem, operations), []);
			seen++;
			const machine = problem.machines[0]?.id ?? "";
			const closed = { start: operations[0]?.pieces[0]?.start ?? "", end: operations[0]?.pieces[0]?.end ?? "" };
			const today = {
				...problem,
				...(seed % 2 ? { cap: { kw: 25 + (seed % 20) } } : {}),
				machines: problem.machines.map((each) =>
					each.id === machine && seed % 3 === 0 ? { ...each, maintenance: [closed] } : each,
				),
			};
			const gone = new Set(leavingOf(today, operations).map(({ job }) => job));
			const jobs = today.jobs
				.filter(({ id }) => !gone.has(id))
				.map((job) => ({ ...job, after: (job.after ?? []).filter((other) => !gone.has(other.job)) }));
			for (const { id } of jobs) {
				const waits = problem.jobs.find((job) => job.id === id)?.after ?? [];
				assert.ok(!waits.some(({ job }) => gone.has(job)), `seed ${seed}: ${id} waits for what is gone`);
			}
			const rest = operations.filter(({ job }) => !gone.has(job));
			assert.deepEqual(checkPlan({ ...today, jobs }, { operations: rest }).violations, [], `seed ${seed}`);
			if (gone.size > 0 && rest.length > 0) partly++;
		}
		assert.ok(seen > 100 && partly > 20, `${partly} of ${seen}`);
	});
});
