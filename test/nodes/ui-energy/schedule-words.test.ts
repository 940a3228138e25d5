import assert from "node:assert/strict";
import type { AccessContext } from "../../../lib/access/context.ts";
import type { Reply } from "../../../nodes/asked.ts";
import { judgeSchedule, type ScheduleCommand } from "../../../nodes/ui-energy/schedule-action.ts";
import { draftOf, emptyDraft, isPlain, orderOf } from "../../../nodes/ui-energy/ui/schedule/form.ts";
import {
	bandsOf,
	changesOf,
	energyOf,
	energyOfPlan,
	fallsOf,
	proofOf,
	savedKrw,
} from "../../../nodes/ui-energy/ui/schedule/words.ts";
import { instantOf } from "../../../nodes/ui-energy/ui/zone.ts";
import { jobOf, type Laid, planOf } from "./schedule-board.ts";

const START = Date.parse("2026-11-22T00:00:00+09:00");
const ZONE = "Asia/Seoul";
const bands = ["off-peak", "mid-peak", "on-peak"];
const day: readonly Laid[] = [
	["A", "furnace-1", 7, 2],
	["B", "mill-1", 9.5, 1],
];

describe("what a plan costs, in the words of the page", () => {
	it("prices an operation by the band of each interval of its run", () => {
		const plan = planOf(START, [["A", "mill-1", 7, 4, { powerKw: [100, 100, 100, 100, 200] }]]);
		const [operation] = plan.operations;
		assert.ok(operation);
		assert.deepEqual(energyOf(operation, plan, bands), [
			{ band: "off-peak", kwh: 100, krw: 8_700 },
			{ band: "mid-peak", kwh: 400, krw: 56_000 },
			{ band: "on-peak", kwh: 200, krw: 44_000 },
		]);
	});

	it("counts the intervals of its run only, where it is interrupted", () => {
		const at = (hour: number) => new Date(START + hour * 3_600_000).toISOString();
		const pieces = [
			{ start: at(7), end: at(8) },
			{ start: at(18), end: at(19) },
		];
		const plan = planOf(START, [["A", "mill-1", 7, 12, { pieces, powerKw: 100 }]]);
		const [operation] = plan.operations;
		assert.ok(operation);
		assert.deepEqual(energyOf(operation, plan, bands), [{ band: "off-peak", kwh: 200, krw: 17_400 }]);
	});

	it("adds up to the plan's own, in the order of the tariff", () => {
		const plan = planOf(START, day);
		assert.deepEqual(
			energyOfPlan(plan, bands).map(({ band, kwh }) => [band, kwh]),
			[
				["off-peak", 100],
				["mid-peak", 150],
				["on-peak", 50],
			],
		);
		assert.deepEqual(bandsOf(plan), bands);
	});

	it("goes from as soon as possible to the plan without losing a won, the demand charge always told", () => {
		const plan = planOf(START, day);
		const falls = fallsOf(plan);
		assert.deepEqual(
			falls.map(({ line, changeKrw }) => [line, changeKrw]),
			[
				["energy", -90_000],
				["demand", -150_000],
			],
		);
		assert.equal(falls[0]?.fromKrw, plan.cost.asSoonAsPossible?.totalKrw);
		assert.equal(falls.at(-1)?.toKrw, plan.cost.plan.totalKrw);
		assert.equal(savedKrw(plan), 240_000);
		const alone = { cost: { ...plan.cost, asSoonAsPossible: null } };
		assert.deepEqual(fallsOf(alone), []);
		assert.equal(savedKrw(alone), null);
	});

	it("says of a plan what is proven of it, and never that nothing is missing where something is", () => {
		const plan = planOf(START, day);
		assert.deepEqual(proofOf({ ...plan, solution: "optimal" }), { kind: "optimal" });
		assert.deepEqual(proofOf({ ...plan, gap: null }), { kind: "unknown" });
		const within = proofOf({ ...plan, gap: 0.004 });
		assert.equal(within.kind === "within" && within.percent, "0.4");
		const small = proofOf({ ...plan, gap: 0.0004 });
		assert.equal(small.kind === "within" && small.percent, "0.04");
		const large = proofOf({ ...plan, gap: 0.128 });
		assert.equal(large.kind === "within" && large.percent, "13");
	});
});

describe("what a new plan changes", () => {
	it("is told by operation: moved, new, gone; what is done is not gone", () => {
		const before = planOf(START, [...day, ["X", "mill-1", 1, 1], ["Y", "mill-1", 3, 1, { state: "done" }]], {
			id: "plan-2",
			version: 2,
		});
		const plan = planOf(START, [
			["A", "furnace-1", 7, 2],
			["B", "cnc-1", 9.5, 1],
			["Z", "mill-1", 12, 1],
		]);
		const { moved, added, removed } = changesOf(plan, before);
		assert.deepEqual([...moved.keys()], ["B/1"]);
		assert.equal(moved.get("B/1")?.machine, "mill-1");
		assert.deepEqual([...added], ["Z/1"]);
		assert.deepEqual(
			removed.map(({ job }) => job),
			["X"],
		);
	});

	it("is nothing where there was no plan", () => {
		assert.equal(changesOf(planOf(START, day), null).moved.size, 0);
		assert.equal(changesOf(planOf(START, day), null).added.size, 0);
	});
});

describe("the form of an order", () => {
	const draft = { ...emptyDraft, id: "J1", machines: ["mill-1", "cnc-1"], minutes: "90", powerKw: "120,5" };

	it("becomes an order with the times of the site's clock", () => {
		const { order } = orderOf({ ...draft, due: "2026-11-23T08:00" }, ZONE, null, new Set());
		assert.deepEqual(order, {
			...{ id: "J1", due: "2026-11-22T23:00:00.000Z", priority: 1 },
			operations: [
				{
					modes: [
						{ machine: "mill-1", minutes: 90, powerKw: 120.5 },
						{ machine: "cnc-1", minutes: 90, powerKw: 120.5 },
					],
				},
			],
		});
	});

	it("says of each field what is wrong with it, all at once", () => {
		const wrong = { ...emptyDraft, minutes: "0", powerKw: "x", release: "2026-11-23T08:00", due: "2026-11-23T07:00" };
		assert.deepEqual(orderOf(wrong, ZONE, null, new Set()).misfits, {
			...{ id: "missing", minutes: "number", powerKw: "number", machines: "missing", due: "order" },
		});
		assert.deepEqual(orderOf(draft, ZONE, null, new Set(["J1"])).misfits, { id: "taken" });
		assert.deepEqual(orderOf({ ...draft, due: "2026-02-31T08:00" }, ZONE, null, new Set()).misfits, { due: "time" });
	});

	it("comes back from an order as it was", () => {
		const job = jobOf("J1", {
			product: "Billets",
			quantity: 12,
			unit: "t",
			due: "2026-11-22T23:00:00.000Z",
			priority: 2,
		});
		const shown = draftOf(job, ZONE);
		assert.equal(shown.due, "2026-11-23T08:00");
		const { order } = orderOf(shown, ZONE, job, new Set(["J1"]));
		const { state: _s, createdAt: _c, changedAt: _d, by: _b, ...kept } = job;
		assert.deepEqual(order, kept);
	});

	it("keeps what it cannot show: operations, profiles, what the order waits for", () => {
		const operations = [
			{ modes: [{ machine: "furnace-1", powerKw: [300, 400] }] },
			{ modes: [{ machine: "mill-1", minutes: 30, powerKw: 90 }] },
		];
		const job = jobOf("J1", { operations, after: [{ job: "J0" }] });
		assert.equal(isPlain(job), false);
		const { order } = orderOf({ ...draftOf(job, ZONE), priority: "3" }, ZONE, job, new Set());
		assert.deepEqual([order?.operations, order?.after, order?.priority], [operations, [{ job: "J0" }], 3]);
	});

	it("reads the clock of a day on which it is set", () => {
		assert.equal(instantOf("2026-11-22T14:05", "Asia/Seoul"), Date.parse("2026-11-22T05:05:00Z"));
		assert.equal(instantOf("2026-06-22T14:05", "Europe/Berlin"), Date.parse("2026-06-22T12:05:00Z"));
		assert.equal(instantOf("2026-11-22", "Asia/Seoul"), null);
		assert.equal(instantOf("2026-11-22T25:00", "Asia/Seoul"), null);
	});
});

describe("the buttons of the schedule's cards", () => {
	const press = (role: AccessContext["role"], given: unknown, user: string | null = "kim") => {
		const done: ScheduleCommand[] = [];
		const replies: Reply[] = [];
		const socket = { data: { access: { user, role, language: "en-US", requestId: "1" } as const } };
		judgeSchedule(
			socket,
			given,
			(command, _language, reply) => {
				done.push(command);
				reply({ ok: true });
			},
			(reply) => replies.push(reply),
		);
		return { done, reply: replies[0] };
	};

	it("act in the name of the operator who has signed in, whatever the page says", () => {
		const { done, reply } = press("operator", { type: "approve", id: "plan-3", by: "somebody" });
		assert.deepEqual(done, [{ topic: "approve", payload: { id: "plan-3" }, by: "kim" }]);
		assert.equal(reply?.ok, true);
	});

	it("are none for who may only look, or has not signed in", () => {
		for (const [role, user] of [
			["viewer", "lee"],
			[null, null],
		] as const) {
			for (const given of [{ type: "may" }, { type: "dispatch", id: "plan-3" }, { type: "replan" }]) {
				const { done, reply } = press(role, given, user);
				assert.deepEqual([done.length, reply?.ok], [0, false]);
			}
		}
	});

	it("carry decisions about a job, and orders as an object or a list", () => {
		const pin = { pin: { operation: "1", machine: "mill-1", start: "2026-11-22T00:00:00Z" } };
		assert.deepEqual(press("operator", { type: "override", job: "J1", override: pin }).done[0]?.payload, {
			...{ job: "J1" },
			...pin,
		});
		assert.equal(press("operator", { type: "save-jobs", jobs: "id,machine\n" }).done[0]?.payload, "id,machine\n");
	});

	it("refuse what they do not know, in the reader's language", () => {
		for (const given of [null, {}, { type: "drop" }, { type: "approve" }, { type: "override", job: "J1" }]) {
			const { done, reply } = press("operator", given);
			assert.deepEqual([done.length, reply?.ok], [0, false]);
		}
		assert.match(press("operator", { type: "drop", language: "ko" }).reply?.message ?? "", /없습니다/);
	});
});
