import assert from "node:assert/strict";
import fc from "fast-check";
import { partOf } from "../../../nodes/ui-energy/part-of.ts";
import { emptyState, take } from "../../../nodes/ui-energy/picture.ts";
import {
	barAt,
	type GanttSpace,
	type GanttView,
	layOut,
	levelOf,
	neighbour,
} from "../../../nodes/ui-energy/ui/schedule/layout.ts";
import { boardOf, type Laid, planOf, summaryOf } from "./schedule-board.ts";

const START = Date.parse("2026-11-22T00:00:00+09:00");
const HOUR = 3_600_000;
const space: GanttSpace = {
	...{ zone: "Asia/Seoul", nowMs: START, widthPx: 960, hourPx: 40, lanePx: 32, loadPx: 136 },
};
const bands = ["off-peak", "mid-peak", "on-peak"];

function viewOf(laid: readonly Laid[], more: Partial<GanttView> = {}): GanttView {
	return { plan: planOf(START, laid), machines: boardOf().machines, frozenUntil: null, bands, ...more };
}
const day: readonly Laid[] = [
	["A", "furnace-1", 0, 4],
	["B", "furnace-1", 5, 3],
	["C", "mill-1", 4, 2],
	["D", "cnc-1", 18, 5],
];
const whole = (view: GanttView, more: Partial<GanttSpace> = {}) => layOut(view, { ...space, ...more });

describe("the Gantt of a schedule", () => {
	it("gives each machine its row, in the order of the site, also where it has nothing to do", () => {
		const { rows } = whole(viewOf(day.slice(0, 2)));
		assert.deepEqual(
			rows.map(({ machine, bars }) => [machine, bars.map(({ key }) => key)]),
			[
				["furnace-1", ["A/1", "B/1"]],
				["mill-1", []],
				["cnc-1", []],
			],
		);
	});

	it("lays operations by the clock, on the axis that the load below has too", () => {
		const layout = whole(viewOf(day));
		const perHour = layout.width / ((layout.toMs - layout.fromMs) / HOUR);
		const at = Object.fromEntries(layout.bars.map(({ key, x, width }) => [key, [x / perHour, width / perHour]]));
		assert.deepEqual(at["A/1"], [0, 4]);
		assert.deepEqual(at["D/1"]?.map(Math.round), [18, 5]);
		assert.equal(layout.x(START + 18 * HOUR), layout.bars.find(({ key }) => key === "D/1")?.x);
	});

	it("scrolls rather than make an hour too narrow for a finger", () => {
		assert.equal(whole(viewOf(day), { widthPx: 238 }).width, 24 * 40);
		assert.equal(whole(viewOf(day), { widthPx: 2400 }).width, 2400);
	});

	it("puts what shares a machine, as in a batch, below each other", () => {
		const layout = whole(viewOf([...day, ["E", "furnace-1", 1, 1], ["F", "furnace-1", 4, 1]]));
		const lanes = Object.fromEntries(layout.bars.map(({ key, lane }) => [key, lane]));
		assert.deepEqual([lanes["A/1"], lanes["E/1"], lanes["F/1"], lanes["B/1"]], [0, 1, 0, 0]);
		assert.equal(layout.rows[0]?.height, 2 * 32 + 4);
		assert.equal(layout.rows[1]?.top, 2 * 32 + 4);
	});

	it("shows as run what has begun: from its real start to its expected end, never before now", () => {
		const started = { start: new Date(START + 1 * HOUR).toISOString(), lateMinutes: 60, overrunMinutes: 0 };
		const running: Laid = ["A", "furnace-1", 0, 4, { state: "running", asRun: started }];
		const early = whole(viewOf([running]), { nowMs: START + 2 * HOUR }).bars[0];
		assert.deepEqual([early?.fromMs, early?.toMs], [START + HOUR, START + 5 * HOUR]);
		const over = whole(viewOf([running]), { nowMs: START + 6 * HOUR }).bars[0];
		assert.equal(over?.toMs, START + 6 * HOUR);
	});

	it("keeps a failed run apart from the same operation as it is planned anew", () => {
		const view = viewOf([
			["A", "furnace-1", 0, 1, { state: "failed" }],
			["A", "mill-1", 4, 1],
		]);
		const failedAt = new Date(START).toISOString();
		assert.deepEqual(
			whole(view).bars.map(({ key }) => key),
			[`A/1@${failedAt}`, "A/1"],
		);
	});

	it("draws an interrupted operation in its pieces, within one bar", () => {
		const piece = (from: number, to: number) => ({
			start: new Date(START + from * HOUR).toISOString(),
			end: new Date(START + to * HOUR).toISOString(),
		});
		const bar = whole(viewOf([["A", "mill-1", 0, 6, { pieces: [piece(0, 2), piece(4, 6)] }]])).bars[0];
		assert.equal(bar?.pieces.length, 2);
		assert.ok(bar && (bar.pieces[1]?.x ?? 0) + (bar.pieces[1]?.width ?? 0) <= bar.width + 1e-6);
	});

	it("leaves room in the pauses of one operation for others, on the same line", () => {
		const at = (hour: number) => new Date(START + hour * HOUR).toISOString();
		const pieces = [
			{ start: at(0), end: at(2) },
			{ start: at(4), end: at(6) },
		];
		const layout = whole(
			viewOf([
				["A", "mill-1", 0, 6, { pieces }],
				["B", "mill-1", 2, 2],
				["C", "mill-1", 5, 2],
			]),
		);
		assert.deepEqual(
			layout.bars.map(({ key, lane }) => [key, lane]),
			[
				["A/1", 0],
				["B/1", 0],
				["C/1", 1],
			],
		);
	});

	it("keeps a start of a moment's delay on its line", () => {
		const late = { start: new Date(START + 120_000).toISOString(), lateMinutes: 2, overrunMinutes: 0 };
		const layout = whole(
			viewOf([
				["A", "mill-1", 0, 2, { state: "running", asRun: late }],
				["B", "mill-1", 2, 1],
			]),
		);
		assert.deepEqual(
			layout.bars.map(({ lane }) => lane),
			[0, 0],
		);
	});

	it("names the bands behind it, cheapest lightest, and joins what is one", () => {
		const { shades } = whole(viewOf(day));
		assert.deepEqual(
			shades.map(({ band, level }) => [band, level]),
			[
				["off-peak", 0],
				["mid-peak", 1],
				["on-peak", 2],
				["mid-peak", 1],
				["off-peak", 0],
			],
		);
		assert.equal(levelOf(bands, "unknown"), 0);
	});

	it("marks now, and from now on what a new plan leaves alone", () => {
		const frozenUntil = new Date(START + 3 * HOUR).toISOString();
		const { nowX, frozen, x } = whole(viewOf(day, { frozenUntil }), { nowMs: START + 2 * HOUR });
		assert.equal(nowX, x(START + 2 * HOUR));
		assert.deepEqual(frozen, { x: nowX, width: x(START + 3 * HOUR) - x(START + 2 * HOUR) });
		assert.equal(whole(viewOf(day, { frozenUntil }), { nowMs: START + 4 * HOUR }).frozen, null);
	});

	it("draws load and cap as steps, and points at what is above the cap", () => {
		const quiet = whole(viewOf(day)).load;
		assert.deepEqual(quiet.over, []);
		assert.equal(quiet.peak?.kw, 500);
		assert.match(quiet.plan, /^M0\.0 /);
		const view = viewOf(day);
		const capKw = view.plan.capKw.map((kw, i) => (i < 4 ? 350 : kw));
		const tight = whole({ ...view, plan: { ...view.plan, capKw } }).load;
		assert.equal(tight.over.length, 4);
		// A missing cap is a gap, no zero.
		const open = whole({ ...view, plan: { ...view.plan, capKw: capKw.map(() => null) } }).load;
		assert.equal(open.cap, "");
	});

	it("leads by arrow keys along a machine, and to the nearest in time on the next one that has any", () => {
		const layout = whole(viewOf(day));
		const bar = (key: string) => layout.bars.find((one) => one.key === key);
		const from = (key: string, arrow: string) => {
			const start = bar(key);
			return start && neighbour(layout, start, arrow)?.key;
		};
		assert.equal(from("A/1", "ArrowRight"), "B/1");
		assert.equal(from("B/1", "ArrowRight"), undefined);
		assert.equal(from("B/1", "ArrowDown"), "C/1");
		assert.equal(from("D/1", "ArrowUp"), "C/1");
		assert.equal(from("B/1", "Home"), "A/1");
		assert.equal(from("A/1", "PageDown"), "D/1");
		assert.equal(from("A/1", "x"), undefined);
	});

	it("takes a touch beside a narrow bar for the bar", () => {
		const row = whole(viewOf([["A", "mill-1", 2, 0.25]])).rows[1];
		assert.ok(row);
		const x = row.bars[0]?.x ?? 0;
		assert.equal(barAt(row, x - 20, 24)?.key, "A/1");
		assert.equal(barAt(row, x + 60, 24), undefined);
	});

	it("holds whatever is planned: bars on their row, inside of the window, none over another", () => {
		const laid = fc.array(
			fc.tuple(fc.constantFrom("furnace-1", "mill-1", "elsewhere"), fc.nat(90), fc.integer({ min: 1, max: 12 })),
			{ maxLength: 30 },
		);
		fc.assert(
			fc.property(laid, fc.nat(24), (list, nowH) => {
				const view = viewOf(list.map(([machine, q, n], i): Laid => [`J${i}`, machine, q / 4, n / 4]));
				const layout = whole(view, { nowMs: START + nowH * HOUR });
				for (const { bars, top, height } of layout.rows) {
					assert.ok(top + height <= layout.height);
					for (const [i, bar] of bars.entries()) {
						assert.ok(bar.x >= 0 && bar.width >= 4 && bar.lane * 32 < height);
						for (const other of bars.slice(i + 1)) {
							const apart = bar.lane !== other.lane || bar.toMs <= other.fromMs || other.toMs <= bar.fromMs;
							assert.ok(apart);
						}
					}
				}
			}),
		);
	});
});

describe("what the cards of the schedule know", () => {
	const plan = planOf(START, day);
	const board = boardOf({ proposed: plan, history: [summaryOf(plan)], jobCount: 4 });

	it("is the board, told by its shape; other cards take nothing of it", () => {
		const part = partOf("schedule-gantt", board, null);
		assert.equal(part?.kind, "schedule");
		assert.equal(partOf("alarms", board, null), null);
		assert.equal(part && take(emptyState, part).schedule?.proposed?.operations.length, 4);
	});

	it("remembers the plan that broke, so that the next one is told by what it does otherwise", () => {
		const current = { ...plan, id: "plan-2", version: 2, status: "dispatched" as const };
		const parts = [boardOf({ current }), boardOf(), boardOf({ proposed: plan })].map((one) =>
			partOf("schedule-gantt", one, null),
		);
		const state = parts.reduce((known, part) => (part ? take(known, part) : known), emptyState);
		assert.equal(state.former?.id, "plan-2");
		assert.equal(state.schedule?.proposed?.id, plan.id);
	});

	it("is only what each of them shows: no series behind a list", () => {
		const of = (card: "schedule-orders" | "schedule-plan" | "schedule-versions" | "schedule-gantt") => {
			const part = partOf(card, board, null);
			assert.ok(part?.kind === "schedule");
			return part.schedule;
		};
		assert.equal(of("schedule-gantt").proposed?.siteLoadKw.length, 96);
		assert.equal(of("schedule-orders").proposed?.siteLoadKw.length, 0);
		assert.equal(of("schedule-versions").history.length, 1);
		assert.equal(of("schedule-plan").jobs.length, 0);
	});
});
