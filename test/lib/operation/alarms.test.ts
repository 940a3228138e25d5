import assert from "node:assert/strict";
import type { Signal } from "../../../lib/alarms/book.ts";
import { rulesOf } from "../../../lib/alarms/rules.ts";
import { Sentinel } from "../../../lib/alarms/sentinel.ts";
import { causeText } from "../../../lib/alarms/words.ts";
import { inputOf } from "../../../nodes/energy-alarm/inputs.ts";
import { at, MINUTE, order, site, World } from "./world.ts";

describe("alarms of the production plan", function () {
	this.timeout(60_000);
	let world: World;
	let sentinel: Sentinel;
	const watching = () => new Sentinel(site(), rulesOf([{ id: "schedule", source: "schedule" }], site()));
	/** What the board that the alarms get says now, by machine; the plan is `""`. */
	const told = (): Map<string, Signal> => {
		const input = inputOf("schedule", world.board, "works");
		assert.ok(input.kind === "schedule");
		return new Map(sentinel.schedule(input.word).map((signal) => [signal.machine, signal]));
	};
	const dispatch = (): void => {
		const { engine } = world.desk;
		const id = engine.proposed?.id ?? "";
		engine.approve(id, "kim", world.nowMs);
		engine.dispatch(id, "kim", world.nowMs);
	};
	beforeEach(async () => {
		world = new World({ engine: { approval: "operator" } });
		sentinel = watching();
		await world.open();
		const modes = ["saw", "oven"].map((machine) => ({ machine, minutes: 60, powerKw: machine === "saw" ? 50 : 60 }));
		world.put(order("J1", 60, 50, { deadline: at("18T21:00"), operations: [{ modes }] }));
		await world.pass(2 * MINUTE);
	});
	afterEach(() => world.close());

	it("are raised by a machine that stands still and by the plan that ends with it, each until it is well again", async () => {
		assert.notEqual(told().get("")?.on, true, "a plan that nobody dispatched yet is no alarm");
		dispatch();
		await world.pass(MINUTE);
		assert.deepEqual(
			[...told()].map(([machine, { on }]) => [machine, on]),
			[["", false]],
		);
		world.machines.broken.add("saw");
		await world.pass(3 * MINUTE);
		const saw = told().get("saw");
		const plan = told().get("");
		assert.deepEqual([saw?.on, saw?.priority, plan?.on, plan?.priority], [true, "high", true, "high"]);
		assert.match(causeText(saw?.cause ?? null, "en-US"), /stands still by a fault/);
		assert.match(causeText(plan?.cause ?? null, "en-US"), /plan-1 can no longer be kept.*saw stands still/);
		assert.match(causeText(plan?.cause ?? null, "ko"), /plan-1.*지킬 수 없어.*saw.*고장/);
		dispatch();
		await world.pass(MINUTE);
		assert.deepEqual([told().get("saw")?.on, told().get("")?.on], [true, false], "the new plan goes round the machine");
		world.machines.broken.delete("saw");
		await world.pass(2 * MINUTE);
		assert.equal(told().get("saw")?.on, false);
		assert.equal(told().get("saw"), undefined, "said once");
	});

	it("end after a restart of the alarms, too, and the plan's where nothing is left to do", async () => {
		dispatch();
		world.machines.broken.add("saw");
		await world.pass(3 * MINUTE);
		sentinel = watching();
		sentinel.expect({ rule: "schedule", machine: "saw" });
		assert.equal(told().get("")?.on, true);
		world.machines.broken.delete("saw");
		world.desk.engine.removeJob("J1", "kim", world.nowMs);
		await world.pass(2 * MINUTE);
		const last = told();
		assert.deepEqual([last.get("saw")?.on, last.get("")?.on], [false, false]);
	});
});
