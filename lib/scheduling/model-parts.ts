import { lateKrwAt, type Machine, type Op } from "./instance.ts";
import type { Model, Occupancy } from "./model.ts";

/** More columns than this for the cost of setups would slow the model down more than they tighten it. */
const SETUP_COLUMNS = 6000;

/** The highest counted demand as steps above what is fixed, each at its price. */
export function charges(model: Model): void {
	const { instance, rows, fixed } = model;
	const most = highest(model);
	instance.charges.forEach((charge, k) => {
		const list = model.chargeRows[k];
		if (!list || charge.steps.every(({ krwPerKw }) => krwPerKw === 0)) return;
		const floor = fixed.peakOf(k);
		for (let q = 0; q < instance.windows; q++) {
			if (!charge.counted[q]) continue;
			const kw = (instance.baseKw[q] as number) + (fixed.planKw[q] as number);
			list[q] = rows.row(Number.NEGATIVE_INFINITY, floor - kw, `charge ${k} ${q}`);
		}
		let before: { column: number; width: number; open: number } | undefined;
		let price = 0;
		const steps = [{ aboveKw: 0, krwPerKw: 0 }, ...charge.steps];
		const concave = steps.some((step, i) => i > 0 && step.krwPerKw < (steps[i - 1]?.krwPerKw ?? 0));
		steps.forEach((step, i) => {
			price = step.krwPerKw;
			const from = Math.max(floor, step.aboveKw);
			const to = Math.min(most, steps[i + 1]?.aboveKw ?? most);
			if (to <= from) return;
			const column = rows.column(price, 0, to - from, false);
			for (const row of list) rows.set(row, column, -1);
			if (!concave) return;
			// Where a further kW is cheaper than the one before, the dearer ones must be used up first.
			const open = rows.column(0, 0, 1, true);
			const within = rows.row(Number.NEGATIVE_INFINITY, 0, `step ${k} ${i}`);
			rows.set(within, column, 1);
			rows.set(within, open, -(to - from));
			if (before) {
				const full = rows.row(0, Number.POSITIVE_INFINITY, `steps ${k} ${i}`);
				rows.set(full, before.column, 1);
				rows.set(full, open, -before.width);
			}
			before = { column, width: to - from, open };
		});
	});
}

/** More demand than this is impossible. */
function highest(model: Model): number {
	const { instance, fixed } = model;
	let own = 0;
	for (const op of instance.ops) {
		let most = 0;
		if (!op.fixed) for (const mode of op.modes) for (const kw of mode.kw) most = Math.max(most, kw);
		own += most;
	}
	let base = 0;
	for (let q = 0; q < instance.windows; q++) {
		base = Math.max(base, (instance.baseKw[q] as number) + (fixed.planKw[q] as number));
	}
	return base + own + 1;
}

/**
 * Setups and rests of machines. Where nothing is short enough to lie between, all starts that a busy interval forbids
 * are one clique; else each forbidden start has its row.
 */
export function setups(model: Model): void {
	model.instance.machines.forEach((machine, m) => {
		const list = model.occupancy[m];
		if (!list || list.length === 0) return;
		if (machine.setupSlots) setupRows(model, machine, m, list);
		if (machine.minPause > 1) restRows(model, machine, m, list);
		if (machine.minRun > 1) runRows(model, machine, m, list);
	});
}

function setupRows(model: Model, machine: Machine, m: number, list: readonly Occupancy[]): void {
	const { instance, rows, fixed } = model;
	const { families, slots } = instance;
	const setup = (f: number, g: number) => machine.setupSlots?.[f * families + g] ?? 0;
	const shortest = list.reduce((least, { from, to, starts, occupies }) => {
		return Math.min(least, occupies && starts ? to - from : 1);
	}, slots);
	const starts = byInterval(
		list.filter((entry) => entry.starts),
		slots,
		({ from }) => [from],
	);
	for (let f = 0; f < families; f++) {
		const own = list.filter((entry) => entry.family === f && entry.occupies);
		const reach = Math.max(...Array.from({ length: families }, (_, g) => setup(f, g)));
		const held = Array.from({ length: slots }, (_, t) => fixed.familyHeld(m, t) === f);
		if (reach === 0 || (own.length === 0 && !held.some(Boolean))) continue;
		const busy = byInterval(own, slots, ({ from, to }) => Array.from({ length: to - from }, (_, i) => from + i));
		const together = shortest >= reach && !machine.fragile;
		for (let u = 0; u < slots; u++) {
			if ((busy[u]?.length ?? 0) === 0 && !held[u]) continue;
			let row = -1;
			for (let t = u + 1; t <= Math.min(u + reach, slots - 1); t++) {
				const barred = (starts[t] ?? []).filter(({ family }) => setup(f, family) >= t - u);
				if (barred.length === 0) continue;
				if (row < 0 || !together) {
					row = rows.row(Number.NEGATIVE_INFINITY, held[u] ? 0 : 1, `setup ${m} ${f} ${u} ${t}`);
					for (const { column } of busy[u] ?? []) rows.add(row, column, 1);
				}
				for (const { column } of barred) rows.add(row, column, 1);
				if (machine.fragile) relief(model, m, list, row, u + 1, t);
			}
		}
	}
	initial(model, machine, m, list);
}

/** What lies between two blocks makes them no neighbours: where a detour is shorter, that has to be said. */
function relief(model: Model, m: number, list: readonly Occupancy[], row: number, from: number, to: number): void {
	for (const entry of list) {
		if (entry.occupies && entry.from >= from && entry.to <= to) model.rows.add(row, entry.column, -1);
	}
	for (let t = from; t < to; t++) if (model.fixed.familyHeld(m, t) >= 0) model.rows.free(row);
}

/** At the start of the horizon the machine is set up for something, or a fixed operation runs. */
function initial(model: Model, machine: Machine, m: number, list: readonly Occupancy[]): void {
	const { families } = model.instance;
	if (model.fixed.familyHeld(m, 0) >= 0) return;
	for (const { column, family, from, starts } of list) {
		if (!starts) continue;
		const needed = machine.setupSlots?.[machine.initialFamily * families + family] ?? 0;
		if (from >= needed) continue;
		if (!machine.fragile) {
			model.rows.forbid(column);
			continue;
		}
		const row = model.rows.row(Number.NEGATIVE_INFINITY, 0, `setup first ${m} ${column}`);
		model.rows.add(row, column, 1);
		relief(model, m, list, row, 0, from);
	}
}

/** By interval, the columns that would have a machine run there, and whether a fixed operation does (0 or 1). */
function occupied({ instance: { slots }, fixed }: Model, m: number, list: readonly Occupancy[]) {
	const busy = byInterval(
		list.filter((entry) => entry.occupies),
		slots,
		({ from, to }) => Array.from({ length: to - from }, (_, i) => from + i),
	);
	return { busy, held: Array.from({ length: slots }, (_, t) => (fixed.isTaken(m, t) ? 1 : 0)) };
}

/** A machine that stopped rests long enough. */
function restRows(model: Model, machine: Machine, m: number, list: readonly Occupancy[]): void {
	const { instance, rows } = model;
	const { slots } = instance;
	const { busy, held } = occupied(model, m, list);
	for (let a = 0; a < slots; a++) {
		for (let b = a + 2; b < Math.min(slots, a + 1 + machine.minPause); b++) {
			const constant = (held[a] ?? 0) + (held[b] ?? 0) - (held[a + 1] ?? 0);
			const row = rows.row(Number.NEGATIVE_INFINITY, 1 - constant, `rest ${m} ${a} ${b}`);
			for (const { column } of busy[a] ?? []) rows.add(row, column, 1);
			for (const { column } of busy[a + 1] ?? []) rows.add(row, column, -1);
			for (const { column } of busy[b] ?? []) rows.add(row, column, 1);
		}
	}
}

/** A machine that has begun to run goes on long enough. */
function runRows(model: Model, machine: Machine, m: number, list: readonly Occupancy[]): void {
	const { instance, rows, fixed } = model;
	const { slots } = instance;
	const { busy, held } = occupied(model, m, list);
	const running = instance.ops.find((op) => op.fixed && op.fixed.start < 0 && fixed.holds(op, m, 0))?.fixed?.start;
	for (let t = running ?? 0; t < slots; t++) {
		// What ran before the horizon began then; from there on a start is an interval that none before it holds.
		if (running !== undefined && t > running && t <= 0) continue;
		for (let u = Math.max(0, t + 1); u < t + machine.minRun; u++) {
			if (u >= slots && (busy[t]?.length ?? 0) + (held[t] ?? 0) === 0) break;
			const constant = (t < 0 ? 1 : (held[t] ?? 0)) - (held[t - 1] ?? 0) - (held[u] ?? 0);
			const row = rows.row(Number.NEGATIVE_INFINITY, -constant, `running ${m} ${t} ${u}`);
			for (const { column } of busy[t] ?? []) rows.add(row, column, 1);
			for (const { column } of busy[t - 1] ?? []) rows.add(row, column, -1);
			for (const { column } of busy[u] ?? []) rows.add(row, column, -1);
			if (u >= slots) break;
		}
	}
}

function byInterval<T>(list: readonly T[], slots: number, of: (entry: T) => number[]): T[][] {
	const at: T[][] = Array.from({ length: slots }, () => []);
	for (const entry of list) for (const t of of(entry)) at[t]?.push(entry);
	return at;
}

/** What a machine is set up for, as a flow through the intervals: each change costs. Only where it is small enough. */
export function setupCosts(model: Model): void {
	const { instance, rows } = model;
	const { slots, families } = instance;
	const costly = instance.machines.flatMap((machine, m) =>
		machine.setupKrw?.some((krw) => krw > 0) && model.occupancy[m]?.length ? [m] : [],
	);
	if (costly.length * slots * families * families > SETUP_COLUMNS) return;
	for (const m of costly) {
		const machine = instance.machines[m] as Machine;
		const list = model.occupancy[m] ?? [];
		const used = new Set<number>([machine.initialFamily, ...list.map(({ family }) => family)]);
		for (let t = 0; t < slots; t++) if (model.fixed.familyHeld(m, t) >= 0) used.add(model.fixed.familyHeld(m, t));
		const states = [...used];
		let into = states.map((family) => {
			const here = family === machine.initialFamily ? 1 : 0;
			return { row: rows.row(-here, -here, `set up ${m} ${family}`) };
		});
		// A fixed operation that began in the past was set up for then.
		const past = model.fixed.familyHeld(m, 0) >= 0 && startedBefore(model, m);
		for (let t = 0; t < slots; t++) {
			const next = states.map((family) => ({ row: rows.row(0, 0, `set up ${m} ${family} ${t}`) }));
			const held = model.fixed.familyHeld(m, t);
			const busy = states.map((family) => {
				const row = rows.row(held === family ? 1 : 0, Number.POSITIVE_INFINITY, `set up for ${m} ${family} ${t}`);
				for (const entry of list) {
					if (entry.occupies && entry.family === family && entry.from <= t && t < entry.to)
						rows.add(row, entry.column, -1);
				}
				return row;
			});
			// It is set up for something only to begin with it: no detour by way of what is cheap to change to.
			const changed = states.map((family) => {
				const row = rows.row(Number.NEGATIVE_INFINITY, held === family ? 1 : 0, `change ${m} ${family} ${t}`);
				for (const entry of list) {
					if (entry.starts && entry.family === family && entry.from === t) rows.add(row, entry.column, -1);
				}
				return row;
			});
			states.forEach((f, i) => {
				states.forEach((g, k) => {
					const krw = t === 0 && past ? 0 : (machine.setupKrw?.[f * families + g] ?? 0);
					const column = rows.column(f === g ? 0 : krw, 0, 1, false);
					rows.set(into[i]?.row ?? -1, column, -1);
					rows.set(next[k]?.row ?? -1, column, 1);
					rows.set(busy[k] as number, column, 1);
					if (f !== g) rows.set(changed[k] as number, column, 1);
				});
			});
			into = next;
		}
		// The last flow goes nowhere.
		for (const { row } of into) rows.free(row);
	}
}

function startedBefore(model: Model, m: number): boolean {
	return model.instance.ops.some(({ fixed, modes }) => fixed && fixed.start < 0 && modes[fixed.mode]?.machine === m);
}

/** The lateness of a job that several operations may end: that of the last of them. */
export function tardiness(model: Model): void {
	const { instance, rows, groups } = model;
	for (const job of instance.jobs) {
		if (job.sinks.length === 0) continue;
		const least = job.sinks.reduce((end, op) => Math.max(end, instance.ops[op]?.fixed ? model.fixed.endOf(op) : 0), 0);
		const late = rows.column(1, Math.max(0, (least - job.due) * job.lateKrw), Number.POSITIVE_INFINITY, false);
		model.offsetKrw -= Math.max(0, (least - job.due) * job.lateKrw);
		for (const sink of job.sinks) {
			const op = instance.ops[sink] as Op;
			if (op.fixed) continue;
			const row = rows.row(Number.NEGATIVE_INFINITY, 0, `late ${sink}`);
			rows.set(row, late, -1);
			const own = { ...op, lateKrw: job.lateKrw, due: job.due };
			const g = groups.groupOfOp[sink];
			for (const run of model.runs) {
				const end = run.start + (op.modes[run.mode]?.length ?? 0);
				if (run.group === g) rows.set(row, run.column, lateKrwAt(own, end));
			}
			for (const unit of model.units) {
				const last = unit.unit === (op.modes[unit.mode]?.length ?? 0) - 1;
				if (unit.op === sink && last) rows.set(row, unit.column, lateKrwAt(own, unit.slot + 1));
			}
		}
	}
}
