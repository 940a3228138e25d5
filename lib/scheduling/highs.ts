import type { Highs, Model as HighsModel } from "highs";
import type { Matrix } from "./rows.ts";

export interface SolverResult {
	status: "optimal" | "infeasible" | "stopped" | "failed";
	/** Values of the matrix's columns; null where none were found. */
	values: Float64Array | null;
	/** Cost of the values. */
	objective: number;
	/** No solution costs less. */
	bound: number;
	/** Of an LP: what a column would add to the cost for each unit. */
	reducedCosts: Float64Array | null;
	/** Of an LP: what a unit more of a row's limit would save. */
	prices: Float64Array | null;
}

export interface SolverOptions {
	/** Whether whole numbers are asked for, or only the relaxation. */
	integer: boolean;
	seconds: number;
	gap: number;
	/** Rows of an LP that are left out until its solution breaks them: most never are, and dense ones cost much. */
	lazy?: readonly number[];
	/** A solution to begin with; values of the columns that must be whole. */
	start?: Float64Array;
	stopped: () => boolean;
	onIncumbent?: (values: Float64Array, objective: number) => void;
	onBound?: (bound: number) => void;
}

/** HiGHS in this thread. Its calls block: run it in a worker wherever somebody waits. */
export class Solver {
	private readonly highs: Highs;

	constructor(highs: Highs) {
		this.highs = highs;
	}

	solve(matrix: Matrix, options: SolverOptions): SolverResult {
		const model = this.highs.createModel();
		try {
			return this.run(model, matrix, options);
		} finally {
			model.dispose();
		}
	}

	private run(model: HighsModel, matrix: Matrix, options: SolverOptions): SolverResult {
		const { highs } = this;
		const numCols = matrix.cost.length;
		const numRows = matrix.rowLower.length;
		const { starts, indices, values } = matrix;
		const integrality = options.integer
			? Int32Array.from(matrix.whole, (whole) =>
					whole ? highs.constants.variableType.integer : highs.constants.variableType.continuous,
				)
			: undefined;
		const lazy = new Set(options.integer ? [] : options.lazy);
		model.options.set({ output_flag: false, time_limit: Math.max(0.05, options.seconds), random_seed: 1 });
		model.passModel({
			numCols,
			numRows,
			colCost: matrix.cost,
			colLower: matrix.lower,
			colUpper: matrix.upper,
			rowLower: without(matrix.rowLower, lazy, Number.NEGATIVE_INFINITY),
			rowUpper: without(matrix.rowUpper, lazy, Number.POSITIVE_INFINITY),
			matrix: { format: "csc", numRows, numCols, starts, indices, values },
			...(integrality ? { integrality } : {}),
		});
		if (options.integer) this.prepare(model, matrix, options);
		let bound = Number.NEGATIVE_INFINITY;
		const { callbackType } = highs.constants;
		const interrupt = (event: { interrupt(): void }): undefined => {
			if (options.stopped()) event.interrupt();
		};
		const callbacks: Parameters<HighsModel["run"]>[0] = {
			[callbackType.simplexInterrupt]: interrupt,
			[callbackType.mipInterrupt]: interrupt,
			[callbackType.mipImprovingSolution]: ({ data }) => {
				if (data.mip_solution) options.onIncumbent?.(data.mip_solution, data.objective_function_value ?? 0);
			},
			[callbackType.mipLogging]: ({ data }) => {
				if (data.mip_dual_bound === undefined || data.mip_dual_bound <= bound) return;
				bound = data.mip_dual_bound;
				options.onBound?.(bound);
			},
		};
		model.run(callbacks);
		while (lazy.size > 0) {
			const objective = model.getObjectiveValue();
			if (!this.added(model, matrix, lazy)) break;
			// The LP without some of its rows is a relaxation too.
			options.onBound?.(objective);
			model.run(callbacks);
		}
		return this.result(model, options, bound);
	}

	/** Adds the rows that the solution breaks. @returns whether there were any */
	private added(model: HighsModel, matrix: Matrix, lazy: Set<number>): boolean {
		if (model.getModelStatus() !== this.highs.constants.modelStatus.optimal) return false;
		const { rowValue } = model.getSolution();
		const broken = [...lazy].filter((row) => {
			const [low, value, high] = [matrix.rowLower[row] ?? 0, rowValue[row] ?? 0, matrix.rowUpper[row] ?? 0];
			return value > high + 1e-7 * Math.max(1, Math.abs(high)) || value < low - 1e-7 * Math.max(1, Math.abs(low));
		});
		for (const row of broken) {
			lazy.delete(row);
			model.changeRowBounds(row, matrix.rowLower[row] as number, matrix.rowUpper[row] as number);
		}
		return broken.length > 0;
	}

	private prepare(model: HighsModel, matrix: Matrix, { gap, start }: SolverOptions): void {
		model.options.set({ mip_rel_gap: gap, mip_abs_gap: 1e-6 });
		if (!start) return;
		const whole: number[] = [];
		for (let c = 0; c < matrix.whole.length; c++) if (matrix.whole[c]) whole.push(c);
		model.setSolution({ indices: Int32Array.from(whole), values: Float64Array.from(whole, (c) => start[c] ?? 0) });
	}

	private result(model: HighsModel, options: SolverOptions, seen: number): SolverResult {
		const { modelStatus } = this.highs.constants;
		const status = model.getModelStatus();
		const none = { values: null, objective: Number.POSITIVE_INFINITY, bound: seen, reducedCosts: null, prices: null };
		if (status === modelStatus.infeasible) return { ...none, status: "infeasible", bound: Number.POSITIVE_INFINITY };
		const optimal = status === modelStatus.optimal;
		if (!options.integer && !optimal) return { ...none, status: options.stopped() ? "stopped" : "failed" };
		if (
			!optimal &&
			seen === Number.NEGATIVE_INFINITY &&
			status !== modelStatus.timeLimit &&
			status !== modelStatus.interrupted
		) {
			return { ...none, status: "failed" };
		}
		const objective = model.getObjectiveValue();
		const bound = options.integer ? Math.max(seen, Number(model.info.get("mip_dual_bound"))) : objective;
		// Primal solution status 2 is feasible; without one there is nothing to read.
		if (model.info.get("primal_solution_status") !== 2) return { ...none, status: "stopped", bound };
		const solution = model.getSolution();
		return {
			status: optimal ? "optimal" : "stopped",
			values: solution.colValue,
			objective,
			bound,
			reducedCosts: options.integer ? null : solution.colDual,
			prices: options.integer ? null : solution.rowDual.map((price) => -price),
		};
	}
}

const without = (bounds: Float64Array, rows: ReadonlySet<number>, open: number): Float64Array =>
	rows.size === 0 ? bounds : bounds.map((bound, row) => (rows.has(row) ? open : bound));

let loading: Promise<Solver | null> | undefined;

/** HiGHS as WebAssembly, loaded when it is first wanted; null where the optional package `highs` is not installed. */
export function loadSolver(): Promise<Solver | null> {
	loading ??= load();
	return loading;
}

async function load(): Promise<Solver | null> {
	try {
		// The package's one declaration file serves its CommonJS and its module build, and fits only the former.
		const loaded: unknown = await import("highs");
		const { default: loader } = loaded as { default: () => Promise<Highs> };
		return new Solver(await loader());
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "ERR_MODULE_NOT_FOUND") return null;
		throw error;
	}
}
