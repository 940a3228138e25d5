import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { brokenRules } from "../../../lib/operation/broken.ts";
import type { SchedulingProblem } from "../../../lib/scheduling/problem.ts";
import { at, site } from "./world.ts";

const closed: SchedulingProblem = {
	...{ start: at("18T18:00"), intervals: 8, energyPriceKrwPerKwh: [], baseLoadKw: 0, jobs: [] },
	machines: [
		{ id: "saw", maintenance: [{ start: at("18T18:00"), end: at("18T19:00"), reason: "running" }] },
		{ id: "oven", shifts: [] },
	],
};
/** Every rule that the checker knows. */
const rules = [
	...new Set(readFileSync("lib/scheduling/check.ts", "utf8").match(/scheduling\.plan-[a-z-]+/g) ?? []),
].toSorted();

describe("why a plan in force can't be kept", () => {
	const violation = (code: string, machine: string) => ({
		...{ code, field: "/operations", job: "J1", operation: "1", machine, other: "J2/1", before: "J2/1" },
		...{ at: at("18T18:15"), release: at("18T18:30"), deadline: at("18T18:30"), kw: 310.123, capKw: 300 },
	});

	it("is said in both languages for every rule of the checker, with nothing left open", () => {
		assert.ok(rules.length > 15, rules.join());
		for (const rule of rules) {
			const [found] = brokenRules([violation(rule, "oven")], closed, site(), new Map());
			for (const text of Object.values(found?.text ?? {})) {
				assert.ok(text.length > 10 && !text.includes(rule) && !/[{}]|undefined/.test(text), `${rule}: ${text}`);
			}
		}
	});

	it("names the cause first: a machine that is still at something else, and the clock of the site", () => {
		const found = brokenRules(
			[
				violation("scheduling.plan-release", "saw"),
				violation("scheduling.plan-cap", ""),
				violation("scheduling.plan-closed", "saw"),
			],
			closed,
			site(),
			new Map(),
		);
		assert.deepEqual(
			found.map(({ rule }) => rule),
			["plan-closed", "plan-cap", "plan-release"],
		);
		assert.match(found[0]?.text["en-US"] ?? "", /saw will still be at what runs on it now.*J1.*11-18 18:15/);
		assert.equal(found[1]?.details.kw, 310.1);
	});
});
