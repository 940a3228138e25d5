import { type CostLines, checkPlan } from "../../../lib/scheduling/check.ts";
import {
	modeLength,
	operationId,
	type Plan,
	type PlannedOperation,
	type SchedulingProblem,
} from "../../../lib/scheduling/problem.ts";

/**
 * The cheapest plan of a tiny problem, by trying every machine, start and interruption of every operation; null where
 * there is none. The checker alone judges; undefined where there are too many to try.
 */
export function bruteForce(
	problem: SchedulingProblem,
	most = 60_000,
): { cost: CostLines; plan: Plan } | null | undefined {
	const minutes = problem.intervalMinutes ?? 15;
	const time = (slot: number) => new Date(Date.parse(problem.start) + slot * minutes * 60_000).toISOString();
	const choices = problem.jobs.flatMap((job) =>
		job.operations.map((operation, k): PlannedOperation[] =>
			operation.modes.flatMap((mode) => {
				const length = modeLength(mode, minutes);
				const slots = operation.preemptible
					? subsets(problem.intervals, length)
					: Array.from({ length: Math.max(0, problem.intervals - length + 1) }, (_, t) =>
							Array.from({ length }, (_, i) => t + i),
						);
				return slots.map((list) => ({
					job: job.id,
					operation: operationId(operation, k),
					machine: mode.machine,
					pieces: pieces(list).map(({ from, to }) => ({ start: time(from), end: time(to) })),
				}));
			}),
		),
	);
	if (choices.reduce((product, list) => product * list.length, 1) > most) return undefined;
	let best: { cost: CostLines; plan: Plan } | null = null;
	const picked: PlannedOperation[] = [];
	const descend = (k: number) => {
		const list = choices[k];
		if (!list) {
			const plan = { operations: [...picked] };
			const { violations, cost } = checkPlan(problem, plan);
			if (violations.length === 0 && cost.totalKrw < (best?.cost.totalKrw ?? Number.POSITIVE_INFINITY)) {
				best = { cost, plan };
			}
			return;
		}
		for (const choice of list) {
			picked.push(choice);
			descend(k + 1);
			picked.pop();
		}
	};
	descend(0);
	return best;
}

function subsets(of: number, size: number, from = 0): number[][] {
	if (size === 0) return [[]];
	return Array.from({ length: Math.max(0, of - from) }, (_, k) => from + k).flatMap((first) =>
		subsets(of, size - 1, first + 1).map((rest) => [first, ...rest]),
	);
}

function pieces(slots: readonly number[]): { from: number; to: number }[] {
	const list: { from: number; to: number }[] = [];
	for (const slot of slots) {
		const last = list[list.length - 1];
		if (last?.to === slot) last.to = slot + 1;
		else list.push({ from: slot, to: slot + 1 });
	}
	return list;
}
