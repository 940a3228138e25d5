import assert from "node:assert/strict";
import type { AuditEvent } from "../../../lib/access/audit.ts";
import { Deed } from "../../../lib/access/deed.ts";
import { inScope, noteChange, scopeNow } from "../../../lib/log/scope.ts";

describe("a deed", () => {
	const begin = () => {
		const kept: AuditEvent[] = [];
		const deed = new Deed((event) => kept.push(event));
		return { kept, deed, done: (work: () => void) => inScope({ note: deed.note }, work) };
	};
	const by = { who: "kim", what: "approveSchedule", target: "plan-2", request: { dispatch: true } };

	it("is kept as each thing that it changed, with what differs", () => {
		const { kept, deed, done } = begin();
		done(() => {
			noteChange({
				target: "plan-1",
				before: { status: "dispatched", cost: 7 },
				after: { status: "superseded", cost: 7 },
			});
			noteChange({ target: "plan-2", before: { status: "proposed" }, after: { status: "approved", by: "kim" } });
			noteChange({ target: "J1", before: null, after: { minutes: 30 } });
		});
		deed.end(by);
		assert.deepEqual(
			kept.map(({ target, before, after, request }) => [target, before, after, request]),
			[
				["plan-1", { status: "dispatched" }, { status: "superseded" }, undefined],
				["plan-2", { status: "proposed", by: null }, { status: "approved", by: "kim" }, undefined],
				["J1", null, { minutes: 30 }, undefined],
			],
		);
	});

	it("that changed nothing is kept with what was asked for", () => {
		const { kept, deed } = begin();
		deed.end(by);
		assert.deepEqual(kept, [by]);
	});

	it("goes from the first state to the last, whatever lay between", () => {
		const { kept, deed, done } = begin();
		done(() => {
			noteChange({ target: "plan-2", before: { status: "proposed" }, after: { status: "approved" } });
			noteChange({ target: "plan-2", before: { status: "approved" }, after: { status: "dispatched" } });
		});
		deed.end(by);
		assert.deepEqual(
			kept.map(({ before, after }) => [before, after]),
			[[{ status: "proposed" }, { status: "dispatched" }]],
		);
	});

	it("goes on after its answer: what a job does later is its asker's", () => {
		const { kept, deed, done } = begin();
		let job = () => {};
		done(() => {
			const scope = scopeNow();
			job = () =>
				inScope(scope, () => noteChange({ target: "job-1", before: { state: "queued" }, after: { state: "done" } }));
		});
		deed.end({ ...by, status: 202 });
		inScope({}, job);
		const { who, target, note, status, request } = kept[1] as AuditEvent;
		assert.deepEqual([who, target, note, status, request], ["kim", "job-1", "later", 202, undefined]);
	});

	it("of a thousand changes tells three hundred, and the number of the others", () => {
		const { kept, deed, done } = begin();
		done(() => {
			for (let id = 0; id < 1_000; id++) noteChange({ target: `J${id}`, before: null, after: {} });
		});
		deed.end(by);
		assert.deepEqual([kept.length, kept.at(-1)?.count], [301, 700]);
	});

	it("is nobody's where nobody asked", () => {
		noteChange({ target: "J1", before: null, after: {} });
		assert.equal(scopeNow().note, undefined);
	});
});
