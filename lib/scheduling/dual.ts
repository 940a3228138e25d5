import type { Model } from "./model.ts";
import type { Guide } from "./places.ts";
import type { Matrix } from "./rows.ts";

export interface RelaxOptions {
	/** Cost of the best plan: the steps aim at it. */
	target: number;
	stopAtMs: number;
	stopped: () => boolean;
	iterations?: number;
}

/** Rows that get a price; what links runs in other ways is left out, which only lowers the bound. */
const PRICED = new Set(["machine", "cap", "charge", "setup", "rest", "batch", "in"]);

/**
 * Lagrangian relaxation: machine-intervals, power and setups are given prices, every operation takes its cheapest run,
 * and what they pay together is a lower bound (Held and Karp's subgradient with Polyak's step). Reaches the bound of the
 * LP within a fraction of a per cent where the LP itself would take minutes, and needs no solver.
 *
 * @returns the bound, KRW (infinite where an operation has no run at all), and the prices of the rows it was reached at
 */
export function relaxed(
	model: Model,
	{ target, stopAtMs, stopped, iterations = 600 }: RelaxOptions,
): { boundKrw: number; prices: Float64Array } {
	const dual = new Dual(model);
	let best = Number.NEGATIVE_INFINITY;
	let prices: Float64Array = new Float64Array(0);
	let step = 1;
	let since = 0;
	for (let k = 0; k < iterations; k++) {
		const bound = dual.bound();
		if (bound > best + 1e-9 * Math.abs(best)) since = 0;
		else since++;
		if (bound > best) [best, prices] = [bound, dual.copy()];
		if (since >= 12) [step, since] = [step * 0.7, 0];
		const goal = Number.isFinite(target) ? target : Math.abs(best) * 1.05 + 1;
		if (step < 1e-4 || bound >= goal - 1e-9 * Math.abs(goal) || performance.now() > stopAtMs || stopped()) break;
		if (!dual.move(step * (Math.max(goal, best) - bound + 1e-3 * Math.abs(goal)))) break;
	}
	return { boundKrw: best + model.offsetKrw, prices };
}

/** What each start of each operation takes from the others, at the prices of machine-intervals and power. */
export function guideOf(model: Model, prices: Float64Array): Guide {
	const { instance, groups } = model;
	const { slots, width } = instance;
	const machineKrw = groups.machines.map((_, g) =>
		Float64Array.from({ length: slots }, (_, t) => prices[model.capacity[g]?.[t] ?? -1] ?? 0),
	);
	const kwKrw = Float64Array.from({ length: slots }, (_, t) => {
		const q = Math.floor(t / width);
		return [model.capRows, ...model.chargeRows].reduce((sum, list) => sum + (prices[list[q] ?? -1] ?? 0), 0) / width;
	});
	return instance.ops.map((op) =>
		op.modes.map((mode) => {
			const machine = machineKrw[groups.groupOfMachine[mode.machine] as number] as Float64Array;
			return Float64Array.from({ length: slots }, (_, t) => {
				let krw = 0;
				for (let i = 0; i < mode.length && t + i < slots; i++) {
					krw += (machine[t + i] as number) + (mode.kw[i] as number) * (kwKrw[t + i] as number);
				}
				return krw;
			});
		}),
	);
}

class Dual {
	private readonly matrix: Matrix;
	private readonly prices: Float64Array;
	private readonly priced: Uint8Array;
	private readonly slack: Float64Array;
	private readonly direction: Float64Array;
	/** Column ranges of what must be chosen: for each group of operations its runs. */
	private readonly groups: { columns: number[]; count: number }[];
	private readonly unitGroups: { modes: number[][][] }[];
	private readonly others: number[];
	private readonly charges: { rows: number[]; krw: number }[];

	constructor(model: Model) {
		const { rows } = model;
		this.matrix = rows.matrix();
		const count = this.matrix.rowUpper.length;
		this.prices = new Float64Array(count);
		this.slack = new Float64Array(count);
		this.direction = new Float64Array(count);
		this.priced = Uint8Array.from({ length: count }, (_, row) => {
			const limited = Number.isFinite(this.matrix.rowUpper[row]) && !Number.isFinite(this.matrix.rowLower[row]);
			return limited && PRICED.has(rows.nameOf(row).split(" ", 1)[0] ?? "") ? 1 : 0;
		});
		this.groups = model.groups.ops.map(({ ops }) => ({ columns: [], count: ops.length }));
		for (const run of model.runs) this.groups[run.group]?.columns.push(run.column);
		const chosen = new Uint8Array(rows.columns);
		for (const { column } of model.runs) chosen[column] = 1;
		const byOp = new Map<number, number[][][]>();
		for (const { column, op, mode, unit } of model.units) {
			chosen[column] = 1;
			const modes = byOp.get(op) ?? [];
			byOp.set(op, modes);
			modes[mode] ??= [];
			const units = modes[mode] as number[][];
			units[unit] ??= [];
			units[unit]?.push(column);
		}
		this.unitGroups = [...byOp.values()].map((modes) => ({ modes: modes.filter(Boolean) }));
		this.groups = this.groups.filter(
			({ columns }, g) => columns.length > 0 || !byOp.has(model.groups.ops[g]?.ops[0] ?? -1),
		);
		this.others = Array.from({ length: rows.columns }, (_, c) => c).filter((c) => !chosen[c]);
		this.charges = model.chargeRows.map((list, k) => ({
			rows: [...list].filter((row) => row >= 0),
			krw: Math.max(0, ...(model.instance.charges[k]?.steps ?? []).map(({ krwPerKw }) => krwPerKw)),
		}));
	}

	copy(): Float64Array {
		return this.prices.slice();
	}

	/** The bound at the present prices; notes by how much the choice exceeds what there is. */
	bound(): number {
		const { matrix, prices, slack, priced } = this;
		let total = 0;
		for (let row = 0; row < slack.length; row++) {
			if (!priced[row]) continue;
			const limit = matrix.rowUpper[row] as number;
			slack[row] = -limit;
			total -= (prices[row] as number) * limit;
		}
		for (const entry of this.groups) total += this.choose(entry.columns, entry.count);
		for (const { modes } of this.unitGroups) total += this.chooseUnits(modes);
		for (const column of this.others) {
			const cost = this.reduced(column);
			const amount = cost < 0 ? (matrix.upper[column] as number) : (matrix.lower[column] as number);
			if (amount === 0) continue;
			if (!Number.isFinite(amount)) return Number.NEGATIVE_INFINITY;
			total += cost * amount;
			this.use(column, amount);
		}
		return total;
	}

	private reduced(column: number): number {
		const { starts, indices, values, cost } = this.matrix;
		let sum = cost[column] as number;
		for (let k = starts[column] as number; k < (starts[column + 1] as number); k++) {
			sum += (this.prices[indices[k] as number] as number) * (values[k] as number);
		}
		return sum;
	}

	private use(column: number, amount: number): void {
		const { starts, indices, values } = this.matrix;
		for (let k = starts[column] as number; k < (starts[column + 1] as number); k++) {
			const row = indices[k] as number;
			this.slack[row] = (this.slack[row] as number) + amount * (values[k] as number);
		}
	}

	/** So many of the cheapest, each column up to its upper bound. */
	private choose(columns: readonly number[], count: number): number {
		if (count === 1) {
			let [best, at] = [Number.POSITIVE_INFINITY, -1];
			for (const column of columns) {
				if (this.matrix.upper[column] === 0) continue;
				const cost = this.reduced(column);
				if (cost < best) [best, at] = [cost, column];
			}
			if (at >= 0) this.use(at, 1);
			return best;
		}
		const costs = columns.map((column) => ({ column, cost: this.reduced(column) })).sort((a, b) => a.cost - b.cost);
		let [left, total] = [count, 0];
		for (const { column, cost } of costs) {
			const amount = Math.min(left, this.matrix.upper[column] as number);
			if (amount === 0) continue;
			total += amount * cost;
			this.use(column, amount);
			left -= amount;
			if (left === 0) return total;
		}
		return Number.POSITIVE_INFINITY;
	}

	private chooseUnits(modes: readonly number[][][]): number {
		let best = Number.POSITIVE_INFINITY;
		let picked: number[] = [];
		for (const units of modes) {
			let total = 0;
			const columns: number[] = [];
			for (const unit of units) {
				let [least, at] = [Number.POSITIVE_INFINITY, -1];
				for (const column of unit ?? []) {
					const cost = this.reduced(column);
					if (cost < least) [least, at] = [cost, column];
				}
				total += least;
				columns.push(at);
			}
			if (total < best) [best, picked] = [total, columns];
		}
		for (const column of picked) this.use(column, 1);
		return best;
	}

	/** Moves the prices along the (smoothed) excess. @returns false where nothing is in excess */
	move(length: number): boolean {
		const { prices, slack, direction, priced } = this;
		let norm = 0;
		for (let row = 0; row < prices.length; row++) {
			if (!priced[row]) continue;
			const excess = slack[row] as number;
			const wanted = prices[row] === 0 && excess < 0 ? 0 : excess;
			direction[row] = 0.7 * wanted + 0.3 * (direction[row] as number);
			norm += (direction[row] as number) ** 2;
		}
		if (norm < 1e-12) return false;
		const step = length / norm;
		for (let row = 0; row < prices.length; row++) {
			if (priced[row]) prices[row] = Math.max(0, (prices[row] as number) + step * (direction[row] as number));
		}
		// More than a kW's price for all its quarter-hours together would only be taken back by the charge itself.
		for (const { rows, krw } of this.charges) {
			const sum = rows.reduce((total, row) => total + (prices[row] as number), 0);
			if (sum > krw) for (const row of rows) prices[row] = ((prices[row] as number) * krw) / sum;
		}
		return true;
	}
}
