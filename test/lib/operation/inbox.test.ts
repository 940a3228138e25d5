import assert from "node:assert/strict";
import { etagOf } from "../../../lib/api/etag.ts";
import { EnergyError } from "../../../lib/errors.ts";
import { type Change, inScope } from "../../../lib/log/scope.ts";
import { type Asked, answer } from "../../../lib/operation/api.ts";
import { askThere, Inbox } from "../../../lib/operation/inbox.ts";
import { Solves } from "../../../lib/operation/solves.ts";
import type { Job } from "../../../lib/operation/types.ts";
import { order, World } from "./world.ts";

describe("a process that does not plan itself", function () {
	this.timeout(60_000);
	let world: World;
	let timer: NodeJS.Timeout | undefined;
	before(async () => {
		world = new World();
		await world.open();
	});
	after(() => {
		clearInterval(timer);
		return world.close();
	});
	const ask = (asked: Partial<Asked> & Pick<Asked, "operation">) =>
		askThere("works", () => Promise.resolve(world.store), { by: "kim", language: "en-US", ...asked });

	it("says so where nobody does", async () => {
		await assert.rejects(ask({ operation: "jobs" }), { code: "operation.nobody-plans" });
		assert.equal((await world.store.documents({ site: "works", kind: "schedule-inbox" })).items.length, 0);
	});

	it("asks the one that does, and brings its answer or its error", async () => {
		const solves = new Solves();
		const inbox = new Inbox(
			"works",
			() => Promise.resolve(world.store),
			(asked) => answer(world.desk, solves, asked),
		);
		timer = setInterval(() => inbox.look(), 50);
		const changes: Change[] = [];
		const note = (change: Change): unknown => changes.push(change);
		const saved = await inScope({ note }, () => ask({ operation: "save-jobs", body: order("J1", 30, 40) }));
		assert.deepEqual(
			changes.map(({ target, before, after }) => [target, before, (after as Job).by]),
			[["J1", null, "kim"]],
		);
		assert.equal(saved.status, 201);
		const { body } = await ask({ operation: "job", id: "J1" });
		assert.equal((body as Job).by, "kim");
		const [first, second] = [etagOf(body), '"of another day"'];
		for (const operation of ["save-job", "override", "remove-job"] as const) {
			await assert.rejects(ask({ operation, id: "J1", body: order("J1", 30, 40), ifMatch: second }), {
				code: "api.changed-meanwhile",
			});
		}
		assert.equal((await ask({ operation: "override", id: "J1", body: { hold: true }, ifMatch: first })).status, 200);
		await assert.rejects(ask({ operation: "remove-job", id: "J1", ifMatch: first }), { code: "api.changed-meanwhile" });
		await assert.rejects(
			ask({ operation: "job", id: "J9" }),
			(error: unknown) =>
				error instanceof EnergyError && error.code === "operation.job-unknown" && error.details.job === "J9",
		);
		assert.equal((await world.store.documents({ site: "works", kind: "schedule-answer" })).items.length, 0);
	});
});
