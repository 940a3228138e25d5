import {
	capKw,
	type Issue,
	intervalMinutesOf,
	type JobSpec,
	type MachineSpec,
	modeLength,
	modePowerKw,
	type OperationSpec,
	operationId,
	type Plan,
	type PlannedOperation,
	type SchedulingProblem,
} from "./problem.ts";

/** What a plan costs, in lines, as recomputed from the plan alone. */
export interface CostLines {
	totalKrw: number;
	energy: { band: string; kwh: number; krw: number }[];
	energyKrw: number;
	carbonKrw: number;
	/** What the plan adds to the demand charge of the base load. */
	demandKrw: number;
	tardinessKrw: number;
	setupKrw: number;
	/** Highest 15-minute demand of the site, base load and jobs. */
	peakKw: number;
	peakAt: string;
}

export interface CheckedPlan {
	violations: Issue[];
	cost: CostLines;
	/** Mean power of the site in each interval, base load and jobs, kW. */
	loadKw: number[];
}

interface Block {
	from: number;
	to: number;
	family: string | undefined;
	operation: string;
	units: number;
}

const EPSILON = 1e-6;

/**
 * Recomputes cost, demand and every constraint from a valid problem and a plan, and nothing else: it shares no code
 * with the solvers beyond the words of the problem. Every plan passes here before it leaves.
 */
export function checkPlan(problem: SchedulingProblem, plan: Plan): CheckedPlan {
	return new Check(problem, plan).run();
}

class Check {
	private readonly problem: SchedulingProblem;
	private readonly plan: Plan;
	private readonly startMs: number;
	private readonly stepMs: number;
	private readonly violations: Issue[] = [];
	private readonly loadKw: number[];
	private readonly ends = new Map<string, number>();
	private readonly starts = new Map<string, number>();
	private readonly blocks = new Map<string, Block[]>();

	constructor(problem: SchedulingProblem, plan: Plan) {
		this.problem = problem;
		this.plan = plan;
		this.startMs = Date.parse(problem.start);
		this.stepMs = intervalMinutesOf(problem) * 60_000;
		this.loadKw = new Array<number>(problem.intervals).fill(0);
	}

	run(): CheckedPlan {
		const entries = new Map<string, PlannedOperation>();
		for (const entry of this.plan.operations) {
			const key = `${entry.job}/${entry.operation}`;
			if (entries.has(key)) this.found("scheduling.plan-twice", entry);
			entries.set(key, entry);
		}
		for (const job of this.problem.jobs) {
			job.operations.forEach((operation, k) => {
				const key = `${job.id}/${operationId(operation, k)}`;
				const entry = entries.get(key);
				entries.delete(key);
				if (entry) this.operation(job, operation, entry, key);
				else this.found("scheduling.plan-missing", { job: job.id, operation: operationId(operation, k) });
			});
		}
		for (const entry of entries.values()) this.found("scheduling.plan-unknown", entry);
		this.precedence();
		const setupKrw = this.machines();
		return { violations: this.violations, cost: this.cost(setupKrw), loadKw: this.loadKw };
	}

	private found(code: string, where: { job?: string; operation?: string; machine?: string }, more: object = {}): void {
		const { job, operation, machine } = where;
		this.violations.push({ code, field: "/operations", job, operation, machine, ...more });
	}

	private slot(time: string): number {
		return (Date.parse(time) - this.startMs) / this.stepMs;
	}

	private time(slot: number): string {
		return new Date(this.startMs + slot * this.stepMs).toISOString();
	}

	private operation(job: JobSpec, operation: OperationSpec, entry: PlannedOperation, key: string): void {
		const mode = operation.modes.find(({ machine }) => machine === entry.machine);
		if (!mode) {
			this.found("scheduling.plan-machine", entry);
			return;
		}
		const pieces = entry.pieces.map((piece) => ({ from: this.slot(piece.start), to: this.slot(piece.end) }));
		const first = pieces[0];
		const last = pieces[pieces.length - 1];
		if (
			!first ||
			!last ||
			pieces.some(({ from, to }) => !Number.isInteger(from) || !Number.isInteger(to) || to <= from)
		) {
			this.found("scheduling.plan-off-grid", entry);
			return;
		}
		const length = modeLength(mode, intervalMinutesOf(this.problem));
		if (pieces.reduce((sum, { from, to }) => sum + to - from, 0) !== length)
			this.found("scheduling.plan-length", entry);
		this.pieces(operation, entry, pieces);
		this.limits(job, operation, entry, first.from, last.to);
		this.starts.set(key, first.from);
		this.ends.set(key, last.to);
		const machine = this.problem.machines.find(({ id }) => id === entry.machine);
		const blocks = this.blocks.get(entry.machine) ?? [];
		this.blocks.set(entry.machine, blocks);
		let done = 0;
		for (const { from, to } of pieces) {
			const shared =
				(machine?.batchSize ?? 1) > 1 && operation.family !== undefined
					? blocks.find((block) => block.from === from && block.to === to && block.family === operation.family)
					: undefined;
			if (shared) shared.units += operation.size ?? 1;
			else {
				blocks.push({ from, to, family: operation.family, operation: key, units: operation.size ?? 1 });
				for (let t = from; t < to; t++) {
					if (t >= 0 && t < this.loadKw.length) {
						this.loadKw[t] = (this.loadKw[t] ?? 0) + modePowerKw(mode, done + t - from);
					}
				}
			}
			done += to - from;
		}
	}

	private pieces(operation: OperationSpec, entry: PlannedOperation, pieces: { from: number; to: number }[]): void {
		if (pieces.length < 2) return;
		if (!operation.preemptible) {
			this.found("scheduling.plan-interrupted", entry);
			return;
		}
		const minutes = intervalMinutesOf(this.problem);
		pieces.forEach(({ from, to }, k) => {
			const next = pieces[k + 1];
			if ((to - from) * minutes < (operation.minRunMinutes ?? 0) - EPSILON)
				this.found("scheduling.plan-run-short", entry);
			if (next && next.from <= to) this.found("scheduling.plan-off-grid", entry);
			if (next && (next.from - to) * minutes < (operation.minPauseMinutes ?? 0) - EPSILON) {
				this.found("scheduling.plan-pause-short", entry);
			}
		});
	}

	private limits(job: JobSpec, operation: OperationSpec, entry: PlannedOperation, from: number, to: number): void {
		if (operation.fixed) {
			if (entry.machine !== operation.fixed.machine || from !== Math.floor(this.slot(operation.fixed.start) + 1e-9)) {
				this.found("scheduling.plan-fixed-moved", entry);
			}
		} else {
			if (from < 0) this.found("scheduling.plan-past", entry);
			for (const release of [job.release, operation.release]) {
				if (release === undefined || from >= this.slot(release) - EPSILON) continue;
				this.found("scheduling.plan-release", entry, { release });
			}
		}
		if (to > this.problem.intervals) this.found("scheduling.plan-horizon", entry);
		if (job.deadline !== undefined && to > this.slot(job.deadline) + EPSILON) {
			this.found("scheduling.plan-deadline", entry, { deadline: job.deadline });
		}
	}

	private precedence(): void {
		const step = intervalMinutesOf(this.problem);
		type Lags = { lagMinutes?: number; maxLagMinutes?: number };
		const after = (before: string, key: string, lags: Lags, where: { job: string; operation: string }) => {
			const end = this.ends.get(before);
			const start = this.starts.get(key);
			if (end === undefined || start === undefined) return;
			const minutes = (start - end) * step;
			if (minutes < (lags.lagMinutes ?? 0) - EPSILON) this.found("scheduling.plan-order", where, { before });
			if (minutes > (lags.maxLagMinutes ?? Number.POSITIVE_INFINITY) + EPSILON) {
				this.found("scheduling.plan-too-late-after", where, { before });
			}
		};
		for (const job of this.problem.jobs) {
			job.operations.forEach((operation, k) => {
				const where = { job: job.id, operation: operationId(operation, k) };
				const key = `${job.id}/${where.operation}`;
				const previous = job.operations[k - 1];
				if (operation.fixed) return;
				if (operation.after) {
					for (const other of operation.after) {
						after(`${job.id}/${other.operation}`, key, other, where);
					}
				} else if (previous) after(`${job.id}/${operationId(previous, k - 1)}`, key, {}, where);
				for (const { job: other, lagMinutes, maxLagMinutes } of job.after ?? []) {
					const earlier = this.problem.jobs.find(({ id }) => id === other);
					// The longest lag is between what ends the other job and what begins this one.
					const begins = !waitsInside(job, k);
					earlier?.operations.forEach((entry, i) => {
						const lags = {
							...(lagMinutes === undefined ? {} : { lagMinutes }),
							...(maxLagMinutes !== undefined && begins && !waitedForInside(earlier, i) ? { maxLagMinutes } : {}),
						};
						after(`${other}/${operationId(entry, i)}`, key, lags, where);
					});
				}
			});
		}
	}

	/** One thing at a time on each machine, within its hours, with setups and rests between. @returns setup cost */
	private machines(): number {
		let krw = 0;
		for (const machine of this.problem.machines) {
			const blocks = (this.blocks.get(machine.id) ?? []).sort((a, b) => a.from - b.from || a.to - b.to);
			for (const block of blocks) this.hours(machine, block);
			this.runs(machine, blocks);
			let before: Block | undefined;
			for (const block of blocks) {
				krw += this.between(machine, before, block);
				if (!before || block.to >= before.to) before = block;
			}
		}
		return krw;
	}

	/** A machine that has started runs long enough before its next gap; what ended before the horizon is past. */
	private runs({ id, minRunMinutes = 0 }: MachineSpec, blocks: readonly Block[]): void {
		const minutes = intervalMinutesOf(this.problem);
		let [from, to, operation] = [0, Number.NEGATIVE_INFINITY, ""];
		const ended = () => {
			if (to <= 0 || (to - from) * minutes >= minRunMinutes - EPSILON) return;
			this.found("scheduling.plan-machine-run-short", { operation, machine: id }, { at: this.time(from) });
		};
		for (const block of blocks) {
			if (block.from > to) {
				ended();
				[from, to, operation] = [block.from, block.to, block.operation];
			} else to = Math.max(to, block.to);
		}
		ended();
	}

	private hours(machine: MachineSpec, block: Block): void {
		const where = { operation: block.operation, machine: machine.id };
		if (block.units > (machine.batchSize ?? 1)) this.found("scheduling.plan-batch-full", where);
		for (let t = Math.max(0, block.from); t < block.to; t++) {
			const from = this.startMs + t * this.stepMs;
			const to = from + this.stepMs;
			const closed = machine.maintenance?.some(({ start, end }) => Date.parse(start) < to && Date.parse(end) > from);
			let at = from;
			const shifts = [...(machine.shifts ?? [])].sort((a, b) => Date.parse(a.start) - Date.parse(b.start));
			for (const { start, end } of shifts) if (Date.parse(start) <= at && Date.parse(end) > at) at = Date.parse(end);
			if (closed || (machine.shifts && at < to)) {
				this.found("scheduling.plan-closed", where, { at: this.time(t) });
				return;
			}
		}
	}

	private between(machine: MachineSpec, before: Block | undefined, block: Block): number {
		const where = { operation: block.operation, machine: machine.id };
		if (before && block.from < before.to) {
			this.found("scheduling.plan-overlap", where, { other: before.operation, at: this.time(block.from) });
			return 0;
		}
		const minutes = intervalMinutesOf(this.problem);
		const gap = before ? (block.from - before.to) * minutes : 0;
		if (before && gap > 0 && gap < (machine.minPauseMinutes ?? 0) - EPSILON) {
			this.found("scheduling.plan-rest-short", where, { other: before.operation });
		}
		// A fixed operation that began before the horizon was set up for in the past.
		if (!before && block.from < 0) return 0;
		const family = before ? before.family : machine.initialFamily;
		const setup = machine.setups?.find(({ from, to }) => from === family && to === block.family);
		if (!setup) return 0;
		const room = before ? gap : block.from * minutes;
		if (room < setup.minutes - EPSILON) {
			this.found("scheduling.plan-setup-short", where, { other: before?.operation ?? machine.initialFamily });
		}
		return setup.costKrw ?? 0;
	}

	private cost(setupKrw: number): CostLines {
		const { problem } = this;
		const hours = intervalMinutesOf(problem) / 60;
		const bands = new Map<string, { band: string; kwh: number; krw: number }>();
		let carbonKrw = 0;
		for (let t = 0; t < problem.intervals; t++) {
			const kwh = (this.loadKw[t] ?? 0) * hours;
			const band = problem.bands?.[t] ?? "";
			const line = bands.get(band) ?? { band, kwh: 0, krw: 0 };
			line.kwh += kwh;
			line.krw += kwh * (problem.energyPriceKrwPerKwh[t] ?? 0);
			bands.set(band, line);
			const factor = problem.carbon?.kgPerKwh ?? 0;
			carbonKrw +=
				(kwh * (Array.isArray(factor) ? (factor[t] ?? 0) : factor) * (problem.carbon?.krwPerTonne ?? 0)) / 1000;
		}
		const { demandKrw, peakKw, peakAt } = this.demand();
		const energy = [...bands.values()].filter((line) => line.kwh !== 0);
		const energyKrw = energy.reduce((sum, line) => sum + line.krw, 0);
		const tardinessKrw = this.problem.jobs.reduce((sum, job) => sum + this.tardiness(job), 0);
		const totalKrw = energyKrw + carbonKrw + demandKrw + tardinessKrw + setupKrw;
		return { totalKrw, energy, energyKrw, carbonKrw, demandKrw, tardinessKrw, setupKrw, peakKw, peakAt };
	}

	private tardiness(job: JobSpec): number {
		if (job.due === undefined || !job.tardinessKrwPerHour) return 0;
		const ends = job.operations.map((operation, k) => this.ends.get(`${job.id}/${operationId(operation, k)}`) ?? 0);
		const lateHours = ((Math.max(...ends) - this.slot(job.due)) * this.stepMs) / 3_600_000;
		return Math.max(0, lateHours) * job.tardinessKrwPerHour * (job.priority ?? 1);
	}

	/** Adds the base load to the load of the site, and looks at its quarter-hours: against the cap, and at their price. */
	private demand(): { demandKrw: number; peakKw: number; peakAt: string } {
		const { problem, loadKw } = this;
		const base = (t: number) => (Array.isArray(problem.baseLoadKw) ? problem.baseLoadKw[t] : problem.baseLoadKw) ?? 0;
		const safe = (t: number) => (problem.baseLoadQuantile ? (problem.baseLoadQuantile.kw[t] ?? 0) : base(t));
		const width = Math.max(1, Math.round(15 / intervalMinutesOf(problem)));
		let [peakKw, peakAt] = [0, problem.start];
		const peaks = (problem.demandCharges ?? []).map(() => ({ withPlan: 0, without: 0 }));
		for (let from = 0; from < problem.intervals; from += width) {
			let [plan, own, held] = [0, 0, 0];
			let limit = Number.POSITIVE_INFINITY;
			for (let t = from; t < from + width && t < problem.intervals; t++) {
				plan += (loadKw[t] ?? 0) / width;
				own += base(t) / width;
				held += safe(t) / width;
				limit = Math.min(limit, capKw(problem, t));
			}
			if (plan > EPSILON && plan + held > limit + EPSILON * Math.max(1, limit)) {
				const over = { at: this.time(from), kw: plan + held, capKw: limit };
				this.found("scheduling.plan-cap", {}, over);
			}
			if (plan + own > peakKw) [peakKw, peakAt] = [plan + own, this.time(from)];
			problem.demandCharges?.forEach(({ counted }, k) => {
				const peak = peaks[k];
				if (!peak || !Array.from({ length: width }, (_, i) => counted?.[from + i] ?? true).some(Boolean)) return;
				peak.withPlan = Math.max(peak.withPlan, plan + own);
				peak.without = Math.max(peak.without, own);
			});
		}
		for (let t = 0; t < loadKw.length; t++) loadKw[t] = (loadKw[t] ?? 0) + base(t);
		const price = (steps: { aboveKw: number; krwPerKw: number }[], kw: number) =>
			steps.reduce((sum, { aboveKw, krwPerKw }, k) => {
				const to = Math.min(kw, steps[k + 1]?.aboveKw ?? Number.POSITIVE_INFINITY);
				return sum + Math.max(0, to - aboveKw) * krwPerKw;
			}, 0);
		const demandKrw = (problem.demandCharges ?? []).reduce(
			(sum, { steps }, k) => sum + price(steps, peaks[k]?.withPlan ?? 0) - price(steps, peaks[k]?.without ?? 0),
			0,
		);
		return { demandKrw, peakKw, peakAt };
	}
}

/** Whether an operation waits for another of its own job. */
const waitsInside = (job: JobSpec, k: number): boolean => {
	const { after, fixed } = job.operations[k] as OperationSpec;
	return !fixed && (after ? after.length > 0 : k > 0);
};

/** Whether another operation of its own job waits for it. */
const waitedForInside = (job: JobSpec, k: number): boolean =>
	job.operations.some((other, i) => {
		if (other.fixed || i === k) return false;
		const id = operationId(job.operations[k] as OperationSpec, k);
		return other.after ? other.after.some(({ operation }) => operation === id) : i === k + 1;
	});
