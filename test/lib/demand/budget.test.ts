import assert from "node:assert/strict";
import { PeakBudget } from "../../../lib/demand/budget.ts";
import { notCounted, Plant, QUARTER, raises, START } from "./plant.ts";

const oven = { machine: "oven", kw: 60, priority: 1, minOnS: 120, minOffS: 180 };

/** A schedule with one job that may be interrupted; the site draws its power as long as it runs. */
function scheduled(advice = false) {
	const budget = new PeakBudget();
	const job = { job: "J1", operation: "1", machine: "saw", kw: 60 };
	let runs = true;
	const moved: string[] = [];
	budget.movable = () => (runs ? [job] : []);
	budget.move = ({ job }) => {
		moved.push(job);
		runs = false;
	};
	const plant = new Plant({ loads: advice ? [] : [oven] }, { budget, advice }, { oven: 60 });
	return { budget, moved, plant, baseKw: () => (advice ? 280 : 220) + (runs ? 60 : 0) };
}

describe("the peak that demand control and the schedule share", () => {
	it("is kept by the schedule first: no load of the plant is shed where a job can wait", () => {
		const { plant, moved, baseKw, budget } = scheduled();
		plant.run(START, START + QUARTER + 60_000, baseKw);
		assert.deepEqual(moved, ["J1"]);
		assert.deepEqual(plant.commands, []);
		assert.ok(plant.demandOf(START) <= 300, `ended at ${plant.demandOf(START)}`);
		assert.ok(plant.events.some(({ code, details }) => code === "demand.moved" && details.kw === 60));
		assert.equal(budget.tight, false);
	});

	it("is only spoken of as advice", () => {
		const { plant, moved, baseKw, budget } = scheduled(true);
		plant.run(START, START + QUARTER / 2, baseKw);
		assert.deepEqual(moved, []);
		assert.equal(budget.tight, true, "but nothing more should start");
	});

	it("tells the schedule the limit of every quarter-hour to come", () => {
		const budgets = [raises(420), notCounted].map((price) => {
			const budget = new PeakBudget();
			new Plant({ loads: [] }, { price, budget });
			return budget.limitKw?.(START + 40 * QUARTER);
		});
		assert.deepEqual(budgets, [420, null]);
	});
});
