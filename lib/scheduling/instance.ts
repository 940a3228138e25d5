import {
	capKw,
	intervalMinutesOf,
	type JobSpec,
	type MachineSpec,
	modeLength,
	modePowerKw,
	type OperationSpec,
	operationId,
	type Plan,
	type SchedulingProblem,
} from "./problem.ts";

/** A machine that can do an operation, in intervals. */
export interface Mode {
	machine: number;
	length: number;
	kw: Float64Array;
	/** What it draws at least in any of its intervals. */
	leastKw: number;
	/** Energy and carbon cost of a run that starts at t; infinite where the machine is closed or time runs out. */
	run: Float64Array;
}

export interface Op {
	index: number;
	job: number;
	key: string;
	modes: Mode[];
	preds: Link[];
	succs: Link[];
	/** Number of its family, 0 for none. */
	family: number;
	size: number;
	preemptible: boolean;
	minRun: number;
	minPause: number;
	/** First interval it may start in, and the first one it may no longer run in; precedence is counted in. */
	earliest: number;
	latestEnd: number;
	/** Last interval it may start in, where something fixed says so. */
	latestStart: number;
	/** Cost of an interval of lateness, and from when; 0 where several operations end the job. */
	lateKrw: number;
	due: number;
	fixed: { mode: number; start: number } | null;
}

/** Starts `lag` intervals after the other has ended at the soonest, `maxLag` at the latest. */
export interface Link {
	op: number;
	lag: number;
	maxLag: number;
}

export interface Machine {
	id: string;
	open: Uint8Array;
	batch: number;
	/** Intervals that it rests at least, and that it runs at least without a gap. */
	minPause: number;
	minRun: number;
	/** Intervals and cost from family f to g at f × families + g; null without setups. */
	setupSlots: Int32Array | null;
	setupKrw: Float64Array | null;
	longestSetup: number;
	/** Whether taking something out can leave a gap that is too short: rests, or setups that are shorter by a detour. */
	fragile: boolean;
	initialFamily: number;
}

export interface Job {
	id: string;
	ops: number[];
	/** Operations that end it, where there are several and lateness costs; else empty. */
	sinks: number[];
	due: number;
	lateKrw: number;
}

export interface Charge {
	counted: Uint8Array;
	steps: { aboveKw: number; krwPerKw: number }[];
	/** Highest counted demand of the base load. */
	baseKw: number;
}

/** A problem as the solvers see it: whole intervals, typed arrays, names as numbers. */
export interface Instance {
	problem: SchedulingProblem;
	startMs: number;
	stepMs: number;
	slots: number;
	/** Energy and carbon, KRW of a kW over an interval. */
	kwKrw: Float64Array;
	/** Intervals of a demand window (a quarter-hour), and windows of the horizon. */
	width: number;
	windows: number;
	baseKw: Float64Array;
	/** What the jobs may take together, kW. */
	roomKw: Float64Array;
	charges: Charge[];
	machines: Machine[];
	families: number;
	jobs: Job[];
	ops: Op[];
	/** Operations that have to be placed, those before others first. */
	order: number[];
}

/** @param problem valid (`parseProblem`) */
export function compile(problem: SchedulingProblem): Instance {
	const startMs = Date.parse(problem.start);
	const stepMs = intervalMinutesOf(problem) * 60_000;
	const slots = problem.intervals;
	const hours = stepMs / 3_600_000;
	const carbon = problem.carbon;
	const kwKrw = Float64Array.from({ length: slots }, (_, t) => {
		const factor = Array.isArray(carbon?.kgPerKwh) ? (carbon.kgPerKwh[t] ?? 0) : (carbon?.kgPerKwh ?? 0);
		return hours * ((problem.energyPriceKrwPerKwh[t] ?? 0) + (factor * (carbon?.krwPerTonne ?? 0)) / 1000);
	});
	const families = new Map<string, number>();
	const familyOf = (name: string | undefined): number => {
		if (name === undefined) return 0;
		if (!families.has(name)) families.set(name, families.size + 1);
		return families.get(name) ?? 0;
	};
	for (const job of problem.jobs) for (const { family } of job.operations) familyOf(family);
	for (const { initialFamily } of problem.machines) familyOf(initialFamily);
	const count = families.size + 1;
	const time = { startMs, stepMs, slots };
	const machines = problem.machines.map((machine) => machineOf(machine, time, families, count));
	const { jobs, ops } = jobsOf(problem, machines, time, kwKrw, familyOf);
	detours(machines, ops, count);
	const instance = {
		problem,
		...time,
		kwKrw,
		machines,
		families: count,
		jobs,
		ops,
		order: orderOf(ops),
		...site(problem),
	};
	tighten(instance);
	return instance;
}

interface Time {
	startMs: number;
	stepMs: number;
	slots: number;
}

function site(problem: SchedulingProblem): Pick<Instance, "width" | "windows" | "baseKw" | "roomKw" | "charges"> {
	const width = Math.max(1, Math.round(15 / intervalMinutesOf(problem)));
	const windows = Math.ceil(problem.intervals / width);
	const baseKw = new Float64Array(windows);
	const roomKw = new Float64Array(windows);
	const at = (series: number | (number | null)[] | undefined, t: number) =>
		(Array.isArray(series) ? series[t] : series) ?? 0;
	for (let q = 0; q < windows; q++) {
		let [own, safe] = [0, 0];
		let limit = Number.POSITIVE_INFINITY;
		for (let t = q * width; t < Math.min((q + 1) * width, problem.intervals); t++) {
			own += at(problem.baseLoadKw, t) / width;
			safe += at(problem.baseLoadQuantile?.kw ?? problem.baseLoadKw, t) / width;
			limit = Math.min(limit, capKw(problem, t));
		}
		baseKw[q] = own;
		roomKw[q] = limit - safe;
	}
	const charges = (problem.demandCharges ?? []).map(({ steps, counted }): Charge => {
		const flags = Uint8Array.from({ length: windows }, (_, q) => {
			for (let t = q * width; t < (q + 1) * width; t++) if (counted?.[t] ?? true) return 1;
			return 0;
		});
		return { counted: flags, steps, baseKw: baseKw.reduce((most, kw, q) => (flags[q] ? Math.max(most, kw) : most), 0) };
	});
	return { width, windows, baseKw, roomKw, charges };
}

function machineOf(
	machine: MachineSpec,
	{ startMs, stepMs, slots }: Time,
	families: ReadonlyMap<string, number>,
	count: number,
): Machine {
	const open = new Uint8Array(slots).fill(machine.shifts ? 0 : 1);
	// Shifts that touch are one: an interval across their border is manned throughout.
	const shifts = (machine.shifts ?? [])
		.map(({ start, end }) => ({ from: Date.parse(start), to: Date.parse(end) }))
		.sort((a, b) => a.from - b.from);
	const joined: { from: number; to: number }[] = [];
	for (const shift of shifts) {
		const last = joined[joined.length - 1];
		if (last && shift.from <= last.to) last.to = Math.max(last.to, shift.to);
		else joined.push({ ...shift });
	}
	for (const { from, to } of joined) {
		open.fill(1, clamp(Math.ceil((from - startMs) / stepMs), slots), clamp(Math.floor((to - startMs) / stepMs), slots));
	}
	for (const { start, end } of machine.maintenance ?? []) {
		const from = clamp(Math.floor((Date.parse(start) - startMs) / stepMs), slots);
		open.fill(0, from, clamp(Math.ceil((Date.parse(end) - startMs) / stepMs), slots));
	}
	const slotsOf = (minutes: number) => Math.ceil((minutes * 60_000) / stepMs - 1e-9);
	let setupSlots: Int32Array | null = null;
	let setupKrw: Float64Array | null = null;
	for (const { from, to, minutes, costKrw } of machine.setups ?? []) {
		const [f, g] = [families.get(from), families.get(to)];
		if (f === undefined || g === undefined) continue;
		setupSlots ??= new Int32Array(count * count);
		setupKrw ??= new Float64Array(count * count);
		setupSlots[f * count + g] = slotsOf(minutes);
		setupKrw[f * count + g] = costKrw ?? 0;
	}
	const minPause = slotsOf(machine.minPauseMinutes ?? 0);
	return {
		id: machine.id,
		open,
		batch: machine.batchSize ?? 1,
		minPause,
		minRun: slotsOf(machine.minRunMinutes ?? 0),
		fragile: minPause > 1,
		setupSlots,
		setupKrw,
		longestSetup: setupSlots ? Math.max(...setupSlots) : 0,
		initialFamily: families.get(machine.initialFamily ?? "") ?? 0,
	};
}

/** Marks machines on which a setup is shorter by way of another family's work than directly. */
function detours(machines: readonly Machine[], ops: readonly Op[], families: number): void {
	machines.forEach((machine, m) => {
		const { setupSlots } = machine;
		if (!setupSlots) return;
		const least = new Map<number, number>();
		for (const op of ops) {
			const mode = op.modes.find((entry) => entry.machine === m);
			const length = op.preemptible ? 1 : mode?.length;
			if (mode && length) least.set(op.family, Math.min(least.get(op.family) ?? length, length));
		}
		const at = (f: number, g: number) => setupSlots[f * families + g] ?? 0;
		for (const [via, length] of least) {
			for (let f = 0; f < families; f++) {
				for (const g of least.keys()) if (at(f, g) > at(f, via) + length + at(via, g)) machine.fragile = true;
			}
		}
	});
}

const clamp = (slot: number, slots: number): number => Math.min(Math.max(slot, 0), slots);

function jobsOf(
	problem: SchedulingProblem,
	machines: readonly Machine[],
	{ startMs, stepMs, slots }: Time,
	kwKrw: Float64Array,
	familyOf: (name: string | undefined) => number,
): { jobs: Job[]; ops: Op[] } {
	const ops: Op[] = [];
	const minutes = stepMs / 60_000;
	const slotsOf = (length: number | undefined) => Math.ceil((length ?? 0) / minutes - 1e-9);
	const machineIndex = new Map(machines.map(({ id }, index) => [id, index]));
	const jobs = problem.jobs.map((job, index): Job => {
		const at = (time: string | undefined, other: number) =>
			time === undefined ? other : (Date.parse(time) - startMs) / stepMs;
		const made = job.operations.map((operation, k): Op => {
			const modes = operation.modes.map((mode): Mode => {
				const length = modeLength(mode, minutes);
				const kw = Float64Array.from({ length }, (_, i) => modePowerKw(mode, i));
				return {
					machine: machineIndex.get(mode.machine) ?? 0,
					length,
					kw,
					leastKw: kw.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY),
					run: new Float64Array(0),
				};
			});
			return {
				index: ops.length + k,
				job: index,
				key: `${job.id}/${operationId(operation, k)}`,
				modes,
				preds: [],
				succs: [],
				family: familyOf(operation.family),
				size: operation.size ?? 1,
				preemptible: operation.preemptible ?? false,
				minRun: Math.max(1, slotsOf(operation.minRunMinutes)),
				minPause: Math.max(1, slotsOf(operation.minPauseMinutes)),
				earliest: Math.max(0, Math.ceil(Math.max(at(job.release, 0), at(operation.release, 0)) - 1e-9)),
				latestEnd: Math.min(slots, Math.floor(at(job.deadline, slots) + 1e-9)),
				latestStart: slots,
				lateKrw: 0,
				due: at(job.due, slots),
				fixed: fixedOf(operation, startMs, stepMs),
			};
		});
		ops.push(...made);
		const lateKrw = job.due === undefined ? 0 : ((job.tardinessKrwPerHour ?? 0) * (job.priority ?? 1) * minutes) / 60;
		return { id: job.id, ops: made.map((op) => op.index), sinks: [], due: at(job.due, slots), lateKrw };
	});
	precedence(problem.jobs, jobs, ops, slotsOf, (length) => Math.floor(length / minutes + 1e-9));
	for (const job of jobs) lateness(job, ops);
	for (const op of ops) for (const mode of op.modes) mode.run = runCosts(mode, machines, kwKrw, slots);
	return { jobs, ops };
}

function fixedOf(operation: OperationSpec, startMs: number, stepMs: number): Op["fixed"] {
	const { fixed } = operation;
	if (!fixed) return null;
	const mode = operation.modes.findIndex(({ machine }) => machine === fixed.machine);
	return { mode, start: Math.floor((Date.parse(fixed.start) - startMs) / stepMs + 1e-9) };
}

type Lags = { lagMinutes?: number; maxLagMinutes?: number };

function precedence(
	specs: readonly JobSpec[],
	jobs: readonly Job[],
	ops: readonly Op[],
	slotsOf: (minutes: number | undefined) => number,
	slotsWithin: (minutes: number) => number,
): void {
	const byId = new Map(jobs.map((job) => [job.id, job]));
	const link = (from: number | undefined, to: number | undefined, { lagMinutes, maxLagMinutes }: Lags) => {
		const [a, b] = [ops[from ?? -1], ops[to ?? -1]];
		if (!a || !b || b.fixed) return;
		const maxLag = maxLagMinutes === undefined ? Number.POSITIVE_INFINITY : slotsWithin(maxLagMinutes);
		const lag = slotsOf(lagMinutes);
		a.succs.push({ op: b.index, lag, maxLag });
		b.preds.push({ op: a.index, lag, maxLag });
	};
	specs.forEach((spec, index) => {
		const job = jobs[index];
		const ids = new Map(spec.operations.map((operation, k) => [operationId(operation, k), job?.ops[k]]));
		spec.operations.forEach((operation, k) => {
			if (operation.after) {
				for (const other of operation.after) link(ids.get(other.operation), job?.ops[k], other);
			} else if (k > 0) link(job?.ops[k - 1], job?.ops[k], {});
		});
	});
	specs.forEach((spec, index) => {
		const job = jobs[index];
		// Of a job that waits for another, those wait that wait for nothing else of their own job.
		const own = new Set(job?.ops);
		const ends = (other: Job) => other.ops.filter((op) => !ops[op]?.succs.some((to) => other.ops.includes(to.op)));
		const started = job?.ops.some((op) => ops[op]?.fixed) ?? false;
		const heads = (job?.ops ?? []).filter((op) => started || !ops[op]?.preds.some((from) => own.has(from.op)));
		for (const other of spec.after ?? []) {
			const earlier = byId.get(other.job);
			if (!earlier) continue;
			for (const from of ends(earlier)) {
				for (const to of heads) {
					const { lagMinutes = 0 } = other;
					const begins = !ops[to]?.preds.some((link) => own.has(link.op));
					link(from, to, begins ? other : { lagMinutes });
				}
			}
		}
	});
}

/** Lateness goes to the operation that ends a job; where several may, the job is told so. */
function lateness(job: Job, ops: readonly Op[]): void {
	if (job.lateKrw === 0) return;
	const sinks = job.ops.filter((op) => !ops[op]?.succs.some((to) => job.ops.includes(to.op)));
	const only = ops[sinks[0] ?? -1];
	if (sinks.length === 1 && only) only.lateKrw = job.lateKrw;
	else job.sinks = sinks;
}

function runCosts(mode: Mode, machines: readonly Machine[], kwKrw: Float64Array, slots: number): Float64Array {
	const { length, kw } = mode;
	const run = new Float64Array(slots).fill(Number.POSITIVE_INFINITY);
	const open = machines[mode.machine]?.open ?? new Uint8Array(slots);
	let openFor = 0;
	for (let t = slots - 1; t >= 0; t--) {
		openFor = open[t] ? openFor + 1 : 0;
		if (openFor < length) continue;
		let krw = 0;
		for (let i = 0; i < length; i++) krw += (kw[i] ?? 0) * (kwKrw[t + i] ?? 0);
		run[t] = krw;
	}
	return run;
}

/** Operations in an order in which nothing comes before what it waits for; fixed ones are left out. */
function orderOf(ops: readonly Op[]): number[] {
	const waits = ops.map((op) => op.preds.length);
	const ready = ops.filter((op) => op.preds.length === 0).map((op) => op.index);
	const order: number[] = [];
	for (let at = ready.shift(); at !== undefined; at = ready.shift()) {
		const op = ops[at] as Op;
		order.push(at);
		for (const to of op.succs) {
			waits[to.op] = (waits[to.op] ?? 0) - 1;
			if (waits[to.op] === 0) ready.push(to.op);
		}
	}
	return order.filter((op) => !ops[op]?.fixed);
}

/** Narrows each operation's window by what comes before and after it and by the hours of its machines. */
function tighten(instance: Instance): void {
	const { ops, order, machines } = instance;
	const endOf = (op: Op): number => {
		if (op.fixed) return op.fixed.start + (op.modes[op.fixed.mode]?.length ?? 0);
		let end = Number.POSITIVE_INFINITY;
		for (const mode of op.modes) end = Math.min(end, firstEnd(op, mode, machines));
		return end;
	};
	for (const index of order) {
		const op = ops[index] as Op;
		for (const { op: from, lag, maxLag } of op.preds) {
			const before = ops[from] as Op;
			const end = endOf(before) + lag;
			op.earliest = Math.max(op.earliest, Number.isFinite(end) ? end : instance.slots);
			op.latestStart = Math.min(op.latestStart, (before.fixed ? endOf(before) : before.latestEnd) + maxLag);
		}
	}
	for (let k = order.length - 1; k >= 0; k--) {
		const op = ops[order[k] as number] as Op;
		for (const { op: to, lag } of op.succs) {
			const next = ops[to] as Op;
			const length = Math.min(...next.modes.map((mode) => mode.length));
			op.latestEnd = Math.min(op.latestEnd, next.latestEnd - length - lag);
		}
	}
}

function firstEnd(op: Op, mode: Mode, machines: readonly Machine[]): number {
	if (op.preemptible) {
		const open = machines[mode.machine]?.open;
		let left = mode.length;
		for (let t = op.earliest; t < mode.run.length; t++) if (open?.[t] && --left === 0) return t + 1;
		return Number.POSITIVE_INFINITY;
	}
	for (let t = op.earliest; t < mode.run.length; t++)
		if (mode.run[t] !== Number.POSITIVE_INFINITY) return t + mode.length;
	return Number.POSITIVE_INFINITY;
}

/** Where an operation lies: pieces as from, to, from, to, … */
export interface Placement {
	mode: number;
	pieces: number[];
}

/** Cost of ending at `end`, as far as it is the operation's own. */
export const lateKrwAt = (op: Op, end: number): number =>
	op.lateKrw > 0 && end > op.due ? (end - op.due) * op.lateKrw : 0;

/** Demand charge of a highest counted demand. */
export function chargeKrw(charge: Charge, kw: number): number {
	let krw = 0;
	const { steps } = charge;
	for (let k = 0; k < steps.length; k++) {
		const step = steps[k] as { aboveKw: number; krwPerKw: number };
		if (kw <= step.aboveKw) break;
		krw += (Math.min(kw, steps[k + 1]?.aboveKw ?? Number.POSITIVE_INFINITY) - step.aboveKw) * step.krwPerKw;
	}
	return krw;
}

/** The plan in the words of the problem. */
export function planOf(instance: Instance, placements: readonly (Placement | null)[]): Plan {
	const time = (slot: number) => new Date(instance.startMs + slot * instance.stepMs).toISOString();
	const operations = instance.ops
		.filter((op) => placements[op.index])
		.map((op) => {
			const spec = instance.problem.jobs[op.job];
			const k = instance.jobs[op.job]?.ops.indexOf(op.index) ?? 0;
			const operation = spec?.operations[k];
			const placement = placements[op.index];
			const pieces = placement?.pieces ?? [];
			return {
				job: spec?.id ?? "",
				operation: operation ? operationId(operation, k) : "",
				machine: operation?.modes[placement?.mode ?? 0]?.machine ?? "",
				pieces: Array.from({ length: pieces.length / 2 }, (_, i) => ({
					start: time(pieces[2 * i] ?? 0),
					end: time(pieces[2 * i + 1] ?? 0),
				})),
			};
		});
	return { operations };
}
