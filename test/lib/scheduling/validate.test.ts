import assert from "node:assert/strict";
import { EnergyError } from "../../../lib/errors.ts";
import { explain, text } from "../../../lib/messages.ts";
import type { SchedulingProblem } from "../../../lib/scheduling/problem.ts";
import { issuesOf, parseProblem } from "../../../lib/scheduling/validate.ts";

const START = "2026-11-23T00:00:00.000Z";
const at = (slot: number) => new Date(Date.parse(START) + slot * 900_000).toISOString();
const job = (id: string, more: object = {}) => ({
	id,
	operations: [{ modes: [{ machine: "press", minutes: 30, powerKw: 20 }] }],
	...more,
});
const problem = (change: Partial<SchedulingProblem> = {}): SchedulingProblem => ({
	start: START,
	intervals: 4,
	energyPriceKrwPerKwh: [1, 2, 3, 4],
	machines: [{ id: "press" }],
	jobs: [job("A")],
	...change,
});
const codes = (input: unknown) => issuesOf(input).map(({ code }) => code.replace("scheduling.", ""));

describe("an inconsistent scheduling problem", () => {
	it("is accepted when it is consistent", () => {
		assert.deepEqual(issuesOf(problem()), []);
	});

	it("gets all its errors at once", () => {
		const wrong = problem({
			energyPriceKrwPerKwh: [1, 2],
			baseLoadKw: [10, 10, 90, 10],
			cap: { peakPowerLimitKw: 80 },
			jobs: [
				job("A", { after: [{ job: "B" }] }),
				job("B", { after: [{ job: "A" }] }),
				job("C", { release: at(3), deadline: at(1) }),
				{ id: "D", operations: [{ modes: [{ machine: "lathe", minutes: 0, powerKw: 3 }] }] },
			],
		});
		assert.deepEqual(codes(wrong).sort(), [
			"base-above-cap",
			"cycle",
			"deadline-before-release",
			"price-missing",
			"unknown-machine",
			"zero-length",
		]);
		assert.throws(
			() => parseProblem(wrong),
			(error) => error instanceof EnergyError && error.details.count === 6 && /6/.test(explain(error, "ko")),
		);
	});

	it("is named where it stands, in words of both languages", () => {
		const [issue] = issuesOf(problem({ energyPriceKrwPerKwh: [1, 2, 3, null] }));
		assert.equal(issue?.from, at(3));
		for (const language of ["en-US", "ko"] as const) {
			const said = text(issue?.code ?? "", { ...issue }, language);
			assert.match(said, /2026-11-23T00:45/);
			assert.doesNotMatch(said, /\{/);
		}
	});

	for (const [what, change, expected] of [
		["no prices at all", { energyPriceKrwPerKwh: [] }, ["price-missing"]],
		["a machine twice", { machines: [{ id: "press" }, { id: "press" }] }, ["duplicate"]],
		["a job twice", { jobs: [job("A"), job("A")] }, ["duplicate"]],
		["an unknown job before it", { jobs: [job("A", { after: [{ job: "Z" }] })] }, ["unknown-job"]],
		[
			"a longest lag below the shortest",
			{ jobs: [job("A"), job("B", { after: [{ job: "A", lagMinutes: 30, maxLagMinutes: 15 }] })] },
			["lag-order"],
		],
		["a deadline in the past", { jobs: [job("A", { deadline: at(-4) })] }, ["deadline-past"]],
		["a time without offset", { jobs: [job("A", { deadline: "2026-11-23T01:00:00" })] }, ["time"]],
		["a start between quarter-hours", { start: "2026-11-23T00:07:00Z" }, ["start-unaligned"]],
		["a short base load", { baseLoadKw: [1, 2] }, ["series-short"]],
		[
			"a shift that ends before it begins",
			{ machines: [{ id: "press", shifts: [{ start: at(3), end: at(1) }] }] },
			["window-empty"],
		],
		[
			"demand steps that fall",
			{
				demandCharges: [
					{
						steps: [
							{ aboveKw: 5, krwPerKw: 1 },
							{ aboveKw: 4, krwPerKw: 2 },
						],
					},
				],
			},
			["steps-unordered"],
		],
		["what is no number", { intervals: "four" }, ["form"]],
		["an unknown word", { color: "red" }, ["form"]],
	] as const) {
		it(`is refused for ${what}`, () => {
			assert.deepEqual(codes({ ...problem(), ...change }), expected);
		});
	}
});
