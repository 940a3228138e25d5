import { type JobSpec, type MachineSpec, type ModeSpec, modeLength, modePowerKw } from "../scheduling/problem.ts";
import { isJobDone } from "./progress.ts";
import { isActive, type JobRecord, type Run } from "./records.ts";
import type { PlacedOperation, StoredPlan } from "./types.ts";

/** What a plan has on one machine from the same start to the same end: an operation alone, or a batch of those that may begin. */
export function together(
	plan: StoredPlan,
	placed: PlacedOperation,
	jobs: ReadonlyMap<string, JobRecord>,
	intervalMinutes: number,
): { record: JobRecord; placed: PlacedOperation }[] {
	return plan.operations.flatMap((other) => {
		const record = jobs.get(other.job);
		const same = other.machine === placed.machine && other.start === placed.start && other.end === placed.end;
		if (!record || !same || record.held || other.state === "withdrawn" || other.pieces) return [];
		return other === placed || !isJobDone(record, intervalMinutes) ? [{ record, placed: other }] : [];
	});
}

/** What is at work on a machine. */
export const activeOn = (machine: string, jobs: ReadonlyMap<string, JobRecord>): { job: string; run: Run }[] =>
	[...jobs].flatMap(([job, { runs }]) =>
		runs.filter((run) => isActive(run) && run.machine === machine).map((run) => ({ job, run })),
	);

/** What a batch has to share: the times and powers of a mode, as one text. */
export const recipeOf = (mode: ModeSpec): string =>
	Array.from({ length: modeLength(mode, 15) }, (_, k) => modePowerKw(mode, k)).join();

/**
 * Jobs and machines that go together: orders are older than the settings of a machine, and a plan must not fail for all
 * because one order no longer fits. A batch machine whose orders of one family differ takes them one at a time, which is
 * named; so does one whose orders may be interrupted.
 */
export function batchesThatFit(
	jobs: readonly JobSpec[],
	machines: readonly MachineSpec[],
): { jobs: JobSpec[]; machines: MachineSpec[]; alone: { machine: string; family: string }[] } {
	const alone: { machine: string; family: string }[] = [];
	const fitting = machines.map((machine): MachineSpec => {
		const { batchSize = 1, ...plain } = machine;
		const family = batchSize > 1 ? misfit(jobs, machine.id) : undefined;
		if (family === undefined) return machine;
		alone.push({ machine: machine.name ?? machine.id, family });
		return plain;
	});
	const room = new Map(fitting.map(({ id, batchSize = 1 }) => [id, batchSize]));
	const sized = jobs.map((job) => ({
		...job,
		operations: job.operations.map((operation) => {
			const { size, ...plain } = operation;
			const least = Math.min(...operation.modes.map(({ machine }) => room.get(machine) ?? 1));
			// What is larger than a machine fills it alone.
			if (size === undefined || size <= least) return operation;
			return least > 1 ? { ...plain, size: least } : plain;
		}),
	}));
	return { jobs: sized, machines: fitting, alone };
}

/** A family whose orders can't share a batch on a machine. */
function misfit(jobs: readonly JobSpec[], machine: string): string | undefined {
	const known = new Map<string, string>();
	for (const { operations } of jobs) {
		for (const { modes, family, preemptible } of operations) {
			const mode = modes.find((each) => each.machine === machine);
			if (!mode) continue;
			if (preemptible) return family ?? "";
			if (family === undefined) continue;
			const recipe = recipeOf(mode);
			if ((known.get(family) ?? recipe) !== recipe) return family;
			known.set(family, recipe);
		}
	}
	return undefined;
}
