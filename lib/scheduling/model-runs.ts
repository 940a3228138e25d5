import { lateKrwAt, type Mode, type Op } from "./instance.ts";
import { event, type Model, power } from "./model.ts";

/** Batches: a column for each recipe and start on a machine carries the run; members need room in it. */
export function batches(model: Model, capacity: readonly Int32Array[]): void {
	const { instance, rows, groups } = model;
	const joined = new Map<
		string,
		{ columns: number[]; sizes: number[]; machine: number; mode: Mode; op: Op; start: number }
	>();
	for (const run of model.runs) {
		const op = instance.ops[groups.ops[run.group]?.ops[0] ?? -1] as Op;
		const mode = op.modes[run.mode] as Mode;
		if ((instance.machines[mode.machine]?.batch ?? 1) === 1 || op.family === 0) continue;
		const key = `${mode.machine} ${op.family} ${run.start}`;
		const entry = joined.get(key) ?? {
			...{ columns: [], sizes: [], machine: mode.machine, mode, op, start: run.start },
		};
		entry.columns.push(run.column);
		entry.sizes.push(op.size);
		joined.set(key, entry);
	}
	for (const [key, { columns, sizes, machine, mode, op, start }] of joined) {
		const column = rows.column(mode.run[start] as number, 0, 1, true);
		model.batchColumns.set(key, column);
		const end = start + mode.length;
		const machines = groups.groupOfMachine[machine] as number;
		for (let u = start; u < end; u++) rows.set(capacity[machines]?.[u] as number, column, 1);
		power(model, column, mode, start);
		model.occupancy[machine]?.push({
			...{ column, family: op.family, from: start, to: end, starts: true, occupies: true },
		});
		const room = rows.row(Number.NEGATIVE_INFINITY, 0, `batch ${key}`);
		// A batch of nothing would fill gaps that must not be, and join runs that are too short.
		const some = rows.row(Number.NEGATIVE_INFINITY, 0, `some in batch ${key}`);
		rows.set(some, column, 1);
		rows.set(room, column, -(instance.machines[machine]?.batch ?? 1));
		columns.forEach((member, k) => {
			rows.set(room, member, sizes[k] ?? 1);
			rows.set(some, member, -1);
			if (columns.length === 1) return;
			const within = rows.row(Number.NEGATIVE_INFINITY, 0, `in batch ${key}`);
			rows.set(within, member, 1);
			rows.set(within, column, -Math.floor((instance.machines[machine]?.batch ?? 1) / (sizes[k] ?? 1)));
		});
	}
}

/**
 * An interruptible operation: a column for each mode, unit of its work and interval; units follow each other, pieces are
 * long enough and so are the pauses.
 */
export function preemptible(model: Model, op: Op, capacity: readonly Int32Array[]): void {
	const { rows } = model;
	const assign = rows.row(1, 1, `op ${op.index}`);
	op.modes.forEach((mode, m) => {
		const units = unitColumns(model, op, m, capacity);
		for (const column of units[0]?.values() ?? []) rows.set(assign, column, 1);
		inOrder(model, op, mode, units);
		pieces(model, op, mode, units);
	});
}

type Units = Map<number, number>[];

function unitColumns(model: Model, op: Op, m: number, capacity: readonly Int32Array[]): Units {
	const { rows, instance, fixed, groups } = model;
	const mode = op.modes[m] as Mode;
	const machines = groups.groupOfMachine[mode.machine] as number;
	const linked = op.preds.length + op.succs.length > 0;
	return Array.from({ length: mode.length }, (_, unit) => {
		const of = new Map<number, number>();
		for (let t = op.earliest + unit; t < op.latestEnd - (mode.length - unit - 1); t++) {
			if (!fixed.admitsUnit(mode, unit, t) || (unit === 0 && t > op.latestStart)) continue;
			const last = unit === mode.length - 1;
			const krw = (mode.kw[unit] as number) * (instance.kwKrw[t] as number);
			const column = rows.column(krw + (last ? lateKrwAt(op, t + 1) : 0), 0, 1, true);
			of.set(t, column);
			model.units.push({ column, op: op.index, mode: m, unit, slot: t });
			rows.set(capacity[machines]?.[t] as number, column, 1);
			power(model, column, mode, t, unit, unit + 1);
			model.occupancy[mode.machine]?.push({
				...{ column, family: op.family, from: t, to: t + 1, starts: false, occupies: true },
			});
			if (linked) event(model, op, column, unit === 0 ? t : null, last ? t + 1 : null);
		}
		return of;
	});
}

/** Every unit is done if the first is, and none by t unless the one before was by t - 1. */
function inOrder(model: Model, op: Op, mode: Mode, units: Units): void {
	const { rows } = model;
	let before: Map<number, number> | undefined;
	for (const [k, of] of units.entries()) {
		const all = rows.row(0, 0, `unit ${op.index} ${mode.machine} ${k}`);
		const sums = new Map<number, number>();
		let last = -1;
		for (let t = op.earliest; t < op.latestEnd; t++) {
			const column = of.get(t);
			if (column !== undefined) {
				const sum = rows.column(0, 0, 1, false);
				const row = rows.row(0, 0, `units ${op.index} ${mode.machine} ${k} ${t}`);
				rows.set(row, sum, 1);
				rows.set(row, column, -1);
				if (last >= 0) rows.set(row, last, -1);
				last = sum;
				if (before) {
					const order = rows.row(Number.NEGATIVE_INFINITY, 0, `order ${op.index} ${mode.machine} ${k} ${t}`);
					rows.set(order, sum, 1);
					const earlier = before.get(t - 1);
					if (earlier !== undefined) rows.set(order, earlier, -1);
				}
			}
			if (last >= 0) sums.set(t, last);
		}
		if (k > 0) {
			for (const column of of.values()) rows.set(all, column, 1);
			for (const column of units[0]?.values() ?? []) rows.set(all, column, -1);
		}
		before = sums;
	}
}

function pieces(model: Model, op: Op, mode: Mode, units: Units): void {
	const { rows } = model;
	const at = (t: number) => units.flatMap((of) => of.get(t) ?? []);
	const run = Math.min(op.minRun, mode.length);
	const needed = run > 1 || model.occupancy[mode.machine] !== null;
	const begins = new Map<number, number>();
	for (let t = op.earliest; needed && t < op.latestEnd; t++) {
		const here = at(t);
		if (here.length === 0) continue;
		const column = rows.column(0, 0, 1, false);
		begins.set(t, column);
		const row = rows.row(0, Number.POSITIVE_INFINITY, `piece ${op.index} ${mode.machine} ${t}`);
		rows.set(row, column, 1);
		for (const unit of here) rows.set(row, unit, -1);
		for (const unit of at(t - 1)) rows.set(row, unit, 1);
		// A piece of nothing would let tools be changed on the way to others.
		const some = rows.row(0, Number.POSITIVE_INFINITY, `piece of ${op.index} ${mode.machine} ${t}`);
		rows.set(some, column, -1);
		for (const unit of here) rows.set(some, unit, 1);
		model.occupancy[mode.machine]?.push({
			...{ column, family: op.family, from: t, to: t + 1, starts: true, occupies: false },
		});
	}
	for (let t = op.earliest; run > 1 && t < op.latestEnd; t++) {
		for (let u = Math.max(op.earliest, t - run + 1); u < t; u++) {
			const begin = begins.get(u);
			if (begin === undefined) continue;
			const row = rows.row(Number.NEGATIVE_INFINITY, 0, `run ${op.index} ${mode.machine} ${u} ${t}`);
			rows.set(row, begin, 1);
			for (const unit of at(t)) rows.set(row, unit, -1);
		}
	}
	// A piece that would run over the end of the window cannot be long enough.
	for (const [t, column] of begins) if (t + run > op.latestEnd) rows.forbid(column);
	for (let a = op.earliest; op.minPause > 1 && a < op.latestEnd; a++) {
		for (let b = a + 2; b < Math.min(op.latestEnd, a + 1 + op.minPause); b++) {
			const row = rows.row(Number.NEGATIVE_INFINITY, 1, `pause ${op.index} ${mode.machine} ${a} ${b}`);
			for (const unit of at(a)) rows.set(row, unit, 1);
			for (const unit of at(a + 1)) rows.set(row, unit, -1);
			for (const unit of at(b)) rows.set(row, unit, 1);
		}
	}
}
