import assert from "node:assert/strict";
import { batchesThatFit } from "../../../lib/operation/batches.ts";
import { ordersOfCsv } from "../../../lib/operation/order-csv.ts";
import { parseOrders } from "../../../lib/operation/order-input.ts";
import type { Order } from "../../../lib/operation/types.ts";
import { at, HOUR, MINUTE, order, START, site, World } from "./world.ts";

const furnace = site([{ id: "oven", work: { batchSize: 4 } }]);
const soon = { due: at("18T18:30"), tardinessKrwPerHour: 1e6 };
/** An order that shares the oven with others of its family. */
const bake = (id: string, size: number, more: Partial<Order> = {}, family = "rye"): Order =>
	order(id, 0, 0, {
		...soon,
		operations: [{ family, size, modes: [{ machine: "oven", minutes: 60, powerKw: [120, 120, 90, 60] }] }],
		...more,
	});

describe("a machine that takes several orders at once", function () {
	this.timeout(60_000);
	let world: World;
	beforeEach(async () => {
		world = new World({ site: furnace });
		await world.open();
	});
	afterEach(() => world.close());
	const starts = () => world.sent.filter(({ command }) => command === "start");

	it("is planned and started with what fits of one family, and draws its power once", async () => {
		world.put(bake("J1", 2), bake("J2", 2), bake("J3", 2), bake("W1", 1, {}, "white"));
		await world.pass(2 * MINUTE);
		const plan = world.desk.engine.current;
		assert.equal(Math.max(...(plan?.siteLoadKw ?? [])), 120);
		const rye = plan?.operations.filter(({ job }) => job.startsWith("J")) ?? [];
		assert.equal(new Set(rye.map(({ start }) => start)).size, 2, "two of three together");
		await world.pass(4 * HOUR);
		const byTime = new Map<number, typeof world.sent>();
		for (const each of starts()) byTime.set(each.atMs, [...(byTime.get(each.atMs) ?? []), each]);
		assert.deepEqual([...byTime.values()].map((each) => each.length).toSorted(), [1, 1, 2]);
		const [one, two] = [...byTime.values()].find((each) => each.length === 2) ?? [];
		assert.ok(one?.batch && one.batch === two?.batch);
		assert.deepEqual(
			[one.powerKw, two?.powerKw],
			[
				[120, 120, 90, 60],
				[120, 120, 90, 60],
			],
			"as the machine is set",
		);
		const { runs } = world.desk.engine.job(one.job);
		assert.deepEqual(runs[0]?.powerKw, [60, 60, 45, 30], "its share of what was drawn");
		const setPoints = world.sent.filter(({ command, batch }) => command === "set-point" && batch === undefined);
		assert.ok(setPoints.some(({ powerKw }) => powerKw === 90));
		assert.equal(world.codes().filter((code) => code === "job-done").length, 4);
		assert.ok(!world.codes().some((code) => code.startsWith("plan-broken") || code === "overrun"));
	});

	it("waits with all of a batch for what one of it waits for", async () => {
		world.machines.slow.set("saw", 1);
		world.put(
			order("J0", 15, 20, soon),
			bake("J1", 2, { after: [{ job: "J0" }] }),
			bake("J2", 2, { release: at("18T18:30") }),
		);
		await world.pass(4 * HOUR);
		const endMs = world.desk.engine.job("J0").runs.at(-1)?.endedMs ?? Number.NaN;
		const [one, two] = starts().filter(({ machine }) => machine === "oven");
		assert.ok((one?.atMs ?? 0) >= endMs && one?.atMs === two?.atMs && one?.batch === two?.batch);
	});

	it("goes on with its batch after the process was killed", async () => {
		world.put(bake("J1", 2), bake("J2", 2));
		await world.pass(30 * MINUTE);
		world.machines.running.clear();
		await world.killed();
		await world.pass(2 * HOUR);
		const told = starts();
		assert.equal(told.length, 4);
		assert.equal(new Set(told.map(({ batch }) => batch)).size, 1);
		for (const { powerKw } of told) assert.deepEqual(powerKw, [120, 120, 90, 60]);
		assert.equal(world.codes().filter((code) => code === "job-done").length, 2);
	});

	it("loses all of a batch when it breaks down, and bakes them again", async () => {
		world.put(bake("J1", 2), bake("J2", 2));
		await world.pass(30 * MINUTE);
		world.machines.broken.add("oven");
		await world.pass(2 * MINUTE);
		assert.equal(world.codes().filter((code) => code === "failed").length, 2);
		world.machines.broken.delete("oven");
		await world.pass(3 * HOUR);
		assert.equal(world.codes().filter((code) => code === "job-done").length, 2);
	});
});

describe("orders for a machine that takes several at once", () => {
	const around = { site: furnace, known: ["J1"], orders: [bake("J1", 1)], nowMs: START };
	const codes = (orders: Order[]): string[] => {
		try {
			parseOrders(orders, around);
			return [];
		} catch (error) {
			return (error as { details: { issues: { code: string; job?: string }[] } }).details.issues.map(
				({ code, job }) => `${code} ${job}`,
			);
		}
	};

	it("have a size, and one recipe with those they share a batch with, known ones included", () => {
		assert.deepEqual(codes([bake("J2", 4)]), []);
		assert.deepEqual(codes([bake("J2", 5)]), ["scheduling.too-large J2"]);
		const other = bake("J2", 1);
		for (const { modes } of other.operations) for (const mode of modes) mode.minutes = 45;
		for (const { modes } of other.operations) for (const mode of modes) mode.powerKw = 100;
		assert.deepEqual(codes([other]), ["scheduling.recipe J2"]);
		assert.deepEqual(codes([{ ...other, id: "J1" }]), [], "the known one is replaced");
	});

	it("have it in a table, too", () => {
		const text = "id,machine,minutes,powerKw,family,size\nJ5,oven,60,120|120|90|60,rye,3\n";
		assert.equal(ordersOfCsv(text, around)[0]?.operations[0]?.size, 3);
	});

	it("are planned one at a time, which is said, where the machine's settings came later than they", () => {
		const machines = [{ id: "oven", batchSize: 4 }];
		const [a, b] = [bake("J1", 2), bake("J2", 2)];
		for (const { modes } of b.operations) for (const mode of modes) mode.powerKw = 99;
		assert.deepEqual(batchesThatFit([a, b], machines).alone, [{ machine: "oven", family: "rye" }]);
		const large = batchesThatFit([bake("J1", 9)], machines);
		assert.deepEqual([large.alone, large.jobs[0]?.operations[0]?.size], [[], 4]);
		assert.equal(batchesThatFit([bake("J1", 9)], [{ id: "oven" }]).jobs[0]?.operations[0]?.size, undefined);
	});
});
