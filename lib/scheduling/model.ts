import { type Groups, group, type OpGroup } from "./groups.ts";
import { type Instance, lateKrwAt, type Mode, type Op, type Placement } from "./instance.ts";
import { charges, setupCosts, setups, tardiness } from "./model-parts.ts";
import { batches, preemptible } from "./model-runs.ts";
import { Places } from "./places.ts";
import { Rows } from "./rows.ts";
import { better, type Found, found } from "./search.ts";
import { State } from "./state.ts";

/** A column that stands for runs: so many operations of a group start in an interval on a group of machines. */
export interface RunColumn {
	column: number;
	group: number;
	machines: number;
	mode: number;
	start: number;
}

/** A column that stands for one interval's work of an interruptible operation. */
export interface UnitColumn {
	column: number;
	op: number;
	mode: number;
	unit: number;
	slot: number;
}

/** What occupies a machine, or begins to, told by its column; for setups and rests. */
export interface Occupancy {
	column: number;
	family: number;
	from: number;
	to: number;
	/** Whether a block begins here (units of an interrupted run have their own columns for that). */
	starts: boolean;
	occupies: boolean;
}

export interface Model {
	instance: Instance;
	groups: Groups;
	rows: Rows;
	runs: RunColumn[];
	units: UnitColumn[];
	/** Columns of batches: machine × slots + start, family → column. */
	batchColumns: Map<string, number>;
	/** Cost of what is fixed, which no column carries. */
	offsetKrw: number;
	/** Only the fixed operations. */
	fixed: State;
	/** By machine, for setups and rests; null where a machine has neither. */
	occupancy: (Occupancy[] | null)[];
	/** Columns that start and end an operation, by interval, where others wait for it or it for others. */
	starts: Map<number, Map<number, number[]>>;
	ends: Map<number, Map<number, number[]>>;
	/** Rows of power by demand window: cap, and one for each charge. */
	capRows: Int32Array;
	chargeRows: Int32Array[];
	/** Whether some operation has no run at all: then there is no plan, and nothing to solve. */
	impossible: boolean;
	/** Rows of machine-intervals, by group of machines. */
	capacity: Int32Array[];
}

/**
 * The time-indexed model of an instance: one column for each group of operations, group of machines and start. Every
 * plan is a solution and every solution a plan; only the cost of setups is left out where a problem is large. Rows are of the tight kind: capacity per interval, precedence by
 * cumulative starts and ends, setups as cliques.
 */
export function modelOf(instance: Instance): Model {
	const fixed = new State(instance);
	const { slots, machines, windows } = instance;
	const model: Model = {
		instance,
		groups: group(instance),
		rows: new Rows(),
		runs: [],
		units: [],
		batchColumns: new Map(),
		offsetKrw: fixed.planKrw,
		fixed,
		occupancy: machines.map((machine) =>
			machine.setupSlots || machine.minPause > 1 || machine.minRun > 1 ? [] : null,
		),
		starts: new Map(),
		ends: new Map(),
		capRows: new Int32Array(windows).fill(-1),
		chargeRows: instance.charges.map(() => new Int32Array(windows).fill(-1)),
		impossible: false,
		capacity: [],
	};
	powerRows(model);
	model.capacity = model.groups.machines.map((members, g) => {
		const count = members.length;
		const first = members[0] as number;
		return Int32Array.from({ length: slots }, (_, t) =>
			fixed.isTaken(first, t) ? -1 : model.rows.row(Number.NEGATIVE_INFINITY, count, `machine ${g} ${t}`),
		);
	});
	const { capacity } = model;
	model.groups.ops.forEach((entry, g) => {
		const op = instance.ops[entry.ops[0] as number] as Op;
		if (op.preemptible) preemptible(model, op, capacity);
		else runColumns(model, entry, g, op, capacity);
	});
	const able = new Set([
		...model.runs.map((run) => model.groups.ops[run.group]?.ops[0]),
		...model.units.map(({ op }) => op),
	]);
	model.impossible = model.groups.ops.some(({ ops }) => !able.has(ops[0]));
	batches(model, capacity);
	precedence(model);
	setups(model);
	setupCosts(model);
	tardiness(model);
	return model;
}

function powerRows(model: Model): void {
	const { instance, rows, fixed } = model;
	for (let q = 0; q < instance.windows; q++) {
		const room = (instance.roomKw[q] as number) - (fixed.planKw[q] as number);
		if (Number.isFinite(room)) model.capRows[q] = rows.row(Number.NEGATIVE_INFINITY, Math.max(0, room), `cap ${q}`);
	}
	charges(model);
}

/** Books the power of a column: in the cap's rows and in those of the demand charges. */
export function power(model: Model, column: number, mode: Mode, start: number, from = 0, to = mode.length): void {
	const { width } = model.instance;
	let q = -1;
	let kw = 0;
	const book = () => {
		if (q < 0 || kw === 0) return;
		const cap = model.capRows[q] as number;
		if (cap >= 0) model.rows.set(cap, column, kw);
		for (const list of model.chargeRows) {
			const row = list[q] as number;
			if (row >= 0) model.rows.set(row, column, kw);
		}
	};
	for (let i = from; i < to; i++) {
		const at = Math.floor((start + i - from) / width);
		if (at !== q) {
			book();
			[q, kw] = [at, 0];
		}
		kw += (mode.kw[i] as number) / width;
	}
	book();
}

function runColumns(model: Model, entry: OpGroup, g: number, op: Op, capacity: readonly Int32Array[]): void {
	const { rows, instance, fixed } = model;
	const assign = rows.row(entry.ops.length, entry.ops.length, `op ${op.index}`);
	const linked = op.preds.length + op.succs.length > 0;
	for (const { machines, mode: m } of entry.modes) {
		const mode = op.modes[m] as Mode;
		const members = model.groups.machines[machines]?.length ?? 1;
		const machine = instance.machines[mode.machine];
		const shared = (machine?.batch ?? 1) > 1 && op.family > 0;
		for (let t = op.earliest; t + mode.length <= op.latestEnd && t <= op.latestStart; t++) {
			if (!fixed.admits(op, mode, t)) continue;
			const end = t + mode.length;
			const krw = (shared ? 0 : (mode.run[t] as number)) + lateKrwAt(op, end);
			const column = rows.column(krw, 0, Math.min(entry.ops.length, shared ? entry.ops.length : members), true);
			model.runs.push({ column, group: g, machines, mode: m, start: t });
			rows.set(assign, column, 1);
			if (!shared) {
				for (let u = t; u < end; u++) rows.set(capacity[machines]?.[u] as number, column, 1);
				power(model, column, mode, t);
				model.occupancy[mode.machine]?.push({
					...{ column, family: op.family, from: t, to: end, starts: true, occupies: true },
				});
			}
			if (linked) event(model, op, column, t, end);
		}
	}
}

/** Notes which columns start and end an operation that others wait for or that waits. */
export function event(model: Model, op: Op, column: number, start: number | null, end: number | null): void {
	const note = (map: Map<number, Map<number, number[]>>, at: number) => {
		const of = map.get(op.index) ?? new Map<number, number[]>();
		map.set(op.index, of);
		const list = of.get(at);
		if (list) list.push(column);
		else of.set(at, [column]);
	};
	if (start !== null) note(model.starts, start);
	if (end !== null) note(model.ends, end);
}

/** Nothing has started by t unless what it waits for had ended by then: cumulative columns keep the rows sparse. */
function precedence(model: Model): void {
	const { instance, rows } = model;
	const { slots } = instance;
	const sums = new Map<string, Int32Array>();
	const cumulative = (kind: "starts" | "ends", op: number): Int32Array => {
		const key = `${kind} ${op}`;
		const known = sums.get(key);
		if (known) return known;
		const events = model[kind].get(op);
		const of = new Int32Array(slots + 1).fill(-1);
		let last = -1;
		for (let t = 0; t <= slots; t++) {
			const columns = events?.get(t);
			if (columns) {
				const sum = rows.column(0, 0, 1, false);
				const row = rows.row(0, 0, `sum ${key} ${t}`);
				rows.set(row, sum, 1);
				if (last >= 0) rows.set(row, last, -1);
				for (const column of columns) rows.set(row, column, -1);
				last = sum;
			}
			of[t] = last;
		}
		sums.set(key, of);
		return of;
	};
	for (const op of instance.ops) {
		for (const { op: before, lag, maxLag } of op.preds) {
			if (instance.ops[before]?.fixed || op.fixed) continue;
			const started = cumulative("starts", op.index);
			const ended = cumulative("ends", before);
			for (let t = 0; t <= slots; t++) {
				const column = started[t] as number;
				if (column < 0 || (t > 0 && column === started[t - 1])) continue;
				const row = rows.row(Number.NEGATIVE_INFINITY, 0, `after ${before} ${op.index} ${t}`);
				rows.set(row, column, 1);
				const earlier = t - lag >= 0 ? (ended[t - lag] as number) : -1;
				if (earlier >= 0) rows.set(row, earlier, -1);
			}
			// What had ended by t is followed within the longest lag.
			for (let t = 0; t + maxLag < slots; t++) {
				const column = ended[t] as number;
				if (column < 0 || (t > 0 && column === ended[t - 1])) continue;
				const row = rows.row(Number.NEGATIVE_INFINITY, 0, `soon ${before} ${op.index} ${t}`);
				rows.set(row, column, 1);
				const later = started[t + maxLag] as number;
				if (later >= 0) rows.set(row, later, -1);
			}
		}
	}
}

/** Column values of a plan: the whole-number ones, which determine the others. */
export function valuesOf(model: Model, found: Found): Float64Array {
	const { instance, groups } = model;
	const values = new Float64Array(model.rows.columns);
	const at = new Map<string, number>();
	for (const run of model.runs) at.set(`${run.group} ${run.machines} ${run.start}`, run.column);
	const unitAt = new Map<string, number>();
	for (const unit of model.units) unitAt.set(`${unit.op} ${unit.mode} ${unit.unit} ${unit.slot}`, unit.column);
	for (const op of instance.ops) {
		const placement = found.placements[op.index];
		if (op.fixed || !placement) continue;
		const mode = op.modes[placement.mode] as Mode;
		if (op.preemptible) {
			let unit = 0;
			for (let p = 0; p < placement.pieces.length; p += 2) {
				for (let t = placement.pieces[p] as number; t < (placement.pieces[p + 1] as number); t++, unit++) {
					const column = unitAt.get(`${op.index} ${placement.mode} ${unit} ${t}`);
					if (column !== undefined) values[column] = 1;
				}
			}
			continue;
		}
		const start = placement.pieces[0] as number;
		const column = at.get(`${groups.groupOfOp[op.index]} ${groups.groupOfMachine[mode.machine]} ${start}`);
		if (column !== undefined) values[column] = (values[column] as number) + 1;
		const batch = model.batchColumns.get(`${mode.machine} ${op.family} ${start}`);
		if (batch !== undefined) values[batch] = 1;
	}
	return values;
}

/** The plan that whole column values stand for; equal machines are told apart by filling one after the other. */
export function foundOf(model: Model, values: ArrayLike<number>): Found {
	const { instance, groups } = model;
	const placements: (Placement | null)[] = instance.ops.map(() => null);
	const left = groups.ops.map(({ ops }) => [...ops]);
	const byMachines = new Map<number, { op: number; start: number; end: number }[]>();
	for (const run of model.runs) {
		const many = Math.round(values[run.column] ?? 0);
		for (let k = 0; k < many; k++) {
			const op = left[run.group]?.pop();
			if (op === undefined) break;
			const length = instance.ops[op]?.modes[run.mode]?.length ?? 0;
			const list = byMachines.get(run.machines) ?? [];
			list.push({ op, start: run.start, end: run.start + length });
			byMachines.set(run.machines, list);
		}
	}
	for (const [g, list] of byMachines) {
		const members = groups.machines[g] ?? [];
		const freeAt = members.map(() => 0);
		list.sort((a, b) => a.start - b.start);
		for (const { op, start, end } of list) {
			// The one that became free last: machines that need not run stay off.
			let pick = 0;
			members.forEach((_, k) => {
				const [here, best] = [freeAt[k] as number, freeAt[pick] as number];
				if (here <= start && (best > start || here > best)) pick = k;
			});
			freeAt[pick] = end;
			const mode = instance.ops[op]?.modes.findIndex(({ machine }) => machine === members[pick]) ?? -1;
			placements[op] = { mode, pieces: [start, end] };
		}
	}
	unitPlacements(model, values, placements);
	return replayed(instance, placements);
}

function unitPlacements(model: Model, values: ArrayLike<number>, placements: (Placement | null)[]): void {
	const slots = new Map<number, { mode: number; at: number[] }>();
	for (const unit of model.units) {
		if (Math.round(values[unit.column] ?? 0) !== 1) continue;
		const known = slots.get(unit.op) ?? { mode: unit.mode, at: [] };
		known.at.push(unit.slot);
		slots.set(unit.op, known);
	}
	for (const [op, { mode, at }] of slots) {
		const pieces: number[] = [];
		for (const slot of at.sort((a, b) => a - b)) {
			if (pieces[pieces.length - 1] === slot) pieces[pieces.length - 1] = slot + 1;
			else pieces.push(slot, slot + 1);
		}
		placements[op] = { mode, pieces };
	}
}

/** Places everything anew, so that cost and fit come from the state and not from a solver's tolerances. */
export function replayed(instance: Instance, placements: readonly (Placement | null)[]): Found {
	const state = new State(instance);
	const places = new Places(state);
	for (const index of [...instance.order].sort((a, b) => startOf(placements, a) - startOf(placements, b))) {
		const op = instance.ops[index] as Op;
		const placement = placements[index];
		if (placement && places.krwOf(op, placement) < Number.POSITIVE_INFINITY) state.place(op, placement);
	}
	// What a rounding left over is put where it fits.
	for (const index of instance.order) {
		const op = instance.ops[index] as Op;
		if (state.placements[index]) continue;
		const best = places.best(op);
		if (best) state.place(op, best.placement);
	}
	const result = found(state);
	const moved = instance.order.some((op) => state.placements[op] !== placements[op]);
	const exact = moved ? together(instance, placements) : null;
	if (exact && better(exact, result)) return exact;
	return state.sound() ? result : { ...result, missing: result.missing + 1 };
}

/** Everything where it is said to be, judged when all is there: one's gap may be what another fills. */
function together(instance: Instance, placements: readonly (Placement | null)[]): Found | null {
	const state = new State(instance);
	const places = new Places(state);
	for (const index of [...instance.order].sort((a, b) => startOf(placements, a) - startOf(placements, b))) {
		const op = instance.ops[index] as Op;
		const placement = placements[index];
		if (!placement) return null;
		const batch = (instance.machines[op.modes[placement.mode]?.machine ?? -1]?.batch ?? 1) > 1;
		const fits = batch ? places.krwOf(op, placement) < Number.POSITIVE_INFINITY : places.hasRoom(op, placement);
		if (!fits) return null;
		state.place(op, placement);
	}
	return state.sound() ? found(state) : null;
}

const startOf = (placements: readonly (Placement | null)[], op: number): number =>
	placements[op]?.pieces[0] ?? Number.POSITIVE_INFINITY;
