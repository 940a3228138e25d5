import type { JobSpec, MachineSpec, OperationSpec, SchedulingProblem } from "../../../lib/scheduling/problem.ts";
import { Random } from "../../../lib/scheduling/random.ts";

const START_MS = Date.UTC(2026, 10, 23, 0);

/** A small problem with a bit of everything, drawn from a seed; now and then one that has no plan. */
export function randomProblem(seed: number, jobs = 3, intervals = 8): SchedulingProblem {
	const random = new Random(seed);
	const chance = (share: number) => random.unit() < share;
	const between = (low: number, high: number) => low + random.below(high - low + 1);
	const intervalMinutes = chance(0.15) ? 5 : chance(0.1) ? 60 : 15;
	const time = (slot: number) => new Date(START_MS + slot * intervalMinutes * 60_000).toISOString();
	const minutes = (slots: number) => slots * intervalMinutes;
	const windows = (share: number) => {
		const from = between(0, intervals - 1);
		return chance(share) ? [{ start: time(from), end: time(Math.min(intervals, from + between(1, 3))) }] : undefined;
	};
	const machines = Array.from({ length: between(1, 2) }, (_, m): MachineSpec => {
		const setups = chance(0.4)
			? [
					{ from: "a", to: "b", minutes: minutes(between(0, 2)), costKrw: between(0, 3) * 100 },
					{ from: "b", to: "a", minutes: minutes(between(0, 2)), costKrw: between(0, 3) * 100 },
				]
			: undefined;
		const maintenance = windows(0.3);
		return {
			id: `M${m}`,
			...(setups ? { setups, ...(chance(0.5) ? { initialFamily: "a" } : {}) } : {}),
			...(maintenance ? { maintenance } : {}),
			...(chance(0.15) ? { shifts: [{ start: time(0), end: time(between(4, intervals)) }] } : {}),
			...(chance(0.15) ? { minPauseMinutes: minutes(2) } : {}),
			...(chance(0.15) ? { minRunMinutes: minutes(between(2, 4)) } : {}),
			...(chance(0.2) ? { batchSize: 2 } : {}),
		};
	});
	const lags = (least: number) => ({
		lagMinutes: minutes(least),
		...(chance(0.4) ? { maxLagMinutes: minutes(least + between(0, 2)) } : {}),
	});
	// A batch shares one recipe, so power and time hang on machine and family.
	const powers = [between(5, 30), between(5, 30)];
	const operation = (release: number): OperationSpec => {
		const family = chance(0.5) ? "a" : "b";
		const on = machines.filter((_, m) => m === 0 || chance(0.6));
		const batch = on.some(({ batchSize }) => batchSize !== undefined);
		const preemptible = !batch && chance(0.25);
		return {
			...(chance(0.8) || batch ? { family } : {}),
			...(chance(0.15) ? { release: time(release + between(0, 1)) } : {}),
			...(preemptible ? { preemptible } : {}),
			...(preemptible && chance(0.5) ? { minRunMinutes: minutes(2) } : {}),
			...(preemptible && chance(0.3) ? { minPauseMinutes: minutes(2) } : {}),
			modes: on.map(({ id, batchSize }, m) => {
				if (batchSize)
					return { machine: id, powerKw: Array.from({ length: family === "a" ? 1 : 2 }, () => powers[m] ?? 9) };
				const length = between(1, 3);
				if (chance(0.5)) return { machine: id, minutes: minutes(length), powerKw: between(1, 30) };
				return { machine: id, powerKw: Array.from({ length }, () => between(1, 30)) };
			}),
		};
	};
	const list = Array.from({ length: jobs }, (_, k): JobSpec => {
		const release = chance(0.3) ? between(0, 3) : 0;
		return {
			id: `J${k}`,
			...(release ? { release: time(release) } : {}),
			...(chance(0.4) ? { due: time(between(1, intervals)), tardinessKrwPerHour: between(1, 20) * 100 } : {}),
			...(chance(0.4) ? { deadline: time(between(release + 2, intervals + 1)) } : {}),
			...(k > 0 && chance(0.3) ? { after: [{ job: `J${k - 1}`, ...lags(between(0, 1)) }] } : {}),
			operations: Array.from({ length: k === 0 && jobs < 4 && chance(0.3) ? 2 : 1 }, () => operation(release)),
		};
	});
	const baseLoadKw = Array.from({ length: intervals }, () => between(5, 15));
	return {
		start: time(0),
		intervals,
		intervalMinutes,
		energyPriceKrwPerKwh: Array.from({ length: intervals }, () => between(50, 250)),
		baseLoadKw,
		...(chance(0.5) ? { cap: { kw: between(30, 70) } } : {}),
		...(chance(0.3)
			? { demandCharges: [{ steps: [{ aboveKw: between(10, 40), krwPerKw: between(1, 40) * 10 }] }] }
			: {}),
		...(chance(0.2) ? { carbon: { krwPerTonne: 20_000, kgPerKwh: 0.45 } } : {}),
		machines,
		jobs: list,
	};
}
