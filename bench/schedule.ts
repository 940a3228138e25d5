// `npm run bench -- schedule --bpmstp DIR --instances 1-20 --seconds 60 --json`: single jobs on machines of different
// energy rates under slot prices, beside the best known cost of each makespan.
// `npm run bench -- schedule --factory [--seeds 1-3] [--jobs 20,100] [--no-peers]`: seeded factory days of 20 to 1,000
// jobs, beside CBC and javascript-lp-solver.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { checkPlan } from "../lib/scheduling/check.ts";
import { optimize } from "../lib/scheduling/optimize.ts";
import type { SchedulingProblem } from "../lib/scheduling/problem.ts";
import type { Figures } from "./run.ts";
import { factoryDays } from "./schedule/days.ts";

const option = (args: readonly string[], name: string, other: string): string => {
	const at = args.indexOf(name);
	return at >= 0 ? (args[at + 1] ?? other) : other;
};

export default async function schedule(args: readonly string[]): Promise<Figures> {
	const seconds = Number(option(args, "--seconds", "60"));
	if (args.includes("--factory")) {
		const seeds = numbersOf(option(args, "--seeds", "1"));
		return factoryDays({
			seconds,
			seeds,
			jobs: sizes(option(args, "--jobs", "")),
			peers: !args.includes("--no-peers"),
		});
	}
	const folder = option(args, "--bpmstp", "../shared/data/bpmstp");
	return slotPrices(folder, option(args, "--instances", "1-20"), seconds, Number(option(args, "--points", "0")));
}

const sizes = (list: string): number[] => (list ? list.split(",").map(Number) : [20, 40, 80, 100, 300, 1000]);

function numbersOf(ranges: string): number[] {
	return ranges.split(",").flatMap((range) => {
		const [from = 0, to = from] = range.split("-").map(Number);
		return Array.from({ length: to - from + 1 }, (_, k) => from + k);
	});
}

interface Point {
	instance: number;
	makespan: number;
	cost: number | null;
	bestKnown: number;
	/** Above the best known cost, per cent; negative where ours is lower. */
	gapPercent: number | null;
	/** What is left between cost and proven bound, per cent. */
	provenPercent: number | null;
	seconds: number;
	method: string;
}

/** Every point of a small front, ten evenly spaced ones of a larger one (or as many as asked for). */
async function slotPrices(folder: string, ranges: string, seconds: number, asked: number): Promise<Figures> {
	const front = readFileSync(join(folder, "best-known-front.csv"), "utf8")
		.trim()
		.split("\n")
		.slice(1)
		.map((line) => line.split(",").map(Number));
	const points: Point[] = [];
	// The worker, its code and the solver are loaded once: the first answer of a running plant is what the next ones are.
	for (const instance of numbersOf(ranges)) {
		const known = front.filter(([of]) => of === instance);
		const many = asked > 0 ? asked : instance > 30 ? 10 : known.length;
		for (const [, makespan = 0, bestKnown = 0] of spaced(known, many)) {
			const problem = slotProblem(folder, instance, makespan);
			const started = performance.now();
			const answer = await optimize(problem, { seconds, gap: 0, seed: 1 });
			const cost = answer.plan ? checkPlan(problem, answer.plan).cost.totalKrw : null;
			points.push({
				instance,
				makespan,
				cost: cost === null ? null : round(cost, 3),
				bestKnown,
				gapPercent: cost === null ? null : round(((cost - bestKnown) / bestKnown) * 100, 4),
				provenPercent: answer.gap === null ? null : round(answer.gap * 100, 4),
				seconds: round((performance.now() - started) / 1000, 3),
				method: answer.method,
			});
		}
	}
	const gaps = points.map(({ gapPercent }) => gapPercent ?? Number.POSITIVE_INFINITY);
	return {
		points,
		summary: {
			points: points.length,
			meanGapPercent: round(gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length, 4),
			worstGapPercent: Math.max(...gaps),
			provenOptimal: points.filter(({ provenPercent }) => provenPercent !== null && provenPercent <= 1e-4).length,
			betterThanKnown: gaps.filter((gap) => gap < -1e-9).length,
			medianSeconds: median(points.map((point) => point.seconds)),
			maxSeconds: Math.max(...points.map((point) => point.seconds)),
		},
	};
}

function spaced<T>(list: readonly T[], many: number): T[] {
	if (list.length <= many) return [...list];
	const at = (k: number) => Math.round((k * (list.length - 1)) / Math.max(1, many - 1));
	return Array.from({ length: many }, (_, k) => list[at(k)] as T);
}

/** Slots become hours, a machine's rate its kW, so that kW × price is the cost of a slot. */
function slotProblem(folder: string, instance: number, makespan: number): SchedulingProblem {
	const read = (kind: string) =>
		readFileSync(join(folder, `Data_${kind}${instance}.txt`), "utf8")
			.trim()
			.split(/\s+/)
			.map(Number);
	const rates = read("e");
	return {
		start: "2026-11-23T00:00:00Z",
		intervals: makespan,
		intervalMinutes: 60,
		energyPriceKrwPerKwh: read("c").slice(0, makespan),
		machines: rates.map((_, m) => ({ id: `M${m + 1}` })),
		jobs: read("p").map((slots, j) => ({
			id: `J${j + 1}`,
			operations: [{ modes: rates.map((powerKw, m) => ({ machine: `M${m + 1}`, minutes: slots * 60, powerKw })) }],
		})),
	};
}

const round = (value: number, digits: number): number => Math.round(value * 10 ** digits) / 10 ** digits;

function median(values: readonly number[]): number {
	const sorted = [...values].sort((a, b) => a - b);
	return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
}
