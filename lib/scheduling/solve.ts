import { type CostLines, checkPlan } from "./check.ts";
import { Companion, hasCompany } from "./companion.ts";
import { guideOf, relaxed } from "./dual.ts";
import { loadSolver, type Solver } from "./highs.ts";
import { compile, type Instance, planOf } from "./instance.ts";
import { foundOf, type Model, modelOf, valuesOf } from "./model.ts";
import type { Guide } from "./places.ts";
import type { Plan, SchedulingProblem } from "./problem.ts";
import { asSoonAsPossible, better, cheaper, constructed, type Found, polished, Search } from "./search.ts";

export interface SolveOptions {
	/** Time it may take, s; default 30. */
	seconds?: number;
	/** The same seed gives the same plan, as long as time does not run out, and of large problems with one thread. */
	seed?: number;
	/** Gap between cost and bound at which it is good enough; default 0.001. */
	gap?: number;
	/** Rounds of search after the first; default by the time there is. */
	rounds?: number;
	/** false: list scheduling and search only. */
	exact?: boolean;
	/** 1: no second search beside branch and cut, so that a seed repeats the plan of a large problem too. */
	threads?: number;
}

export interface Progress {
	costKrw: number | null;
	boundKrw: number | null;
	method: Method;
	seconds: number;
}

/** search: list scheduling and large-neighbourhood search; relaxation: their plan, proven by a bound; mip: branch and cut. */
export type Method = "search" | "relaxation" | "mip";

export interface Solution {
	status: "optimal" | "feasible" | "infeasible" | "unknown";
	plan: Plan | null;
	cost: CostLines | null;
	loadKw: number[];
	/** No plan costs less; null where nothing is known. */
	boundKrw: number | null;
	/** (cost − bound) / cost. */
	gap: number | null;
	method: Method;
	/** Code of the message that says why a weaker method was used; null where none was. */
	fallback: "scheduling.solver-missing" | "scheduling.solver-failed" | "scheduling.out-of-time" | null;
	seconds: number;
	iterations: number;
}

export interface Watch {
	stopped: () => boolean;
	onProgress?: (progress: Progress) => void;
	/** Every better plan, checked. */
	onPlan?: (plan: Plan, cost: CostLines) => void;
}

/** A better plan is offered at most so often while a search goes on, ms. */
const OFFER_MS = 250;
/** Steps of the long search: for each second there is, and no more than for each pair of operations. */
const STEPS_PER_SECOND = 24_000;
const STEPS_PER_PAIR = 80;
const FEWEST_STEPS = 2000;
/** The second search has the time of branch and cut, too: so many times the steps. */
const COMPANY_STEPS = 3;
/** Larger models are bounded by Lagrangian relaxation instead of an LP, and are not branched on. */
const LP_COLUMNS = 60_000;
/** With more runs than this, branch and cut begins with those that cost at most this share of the gap more. */
const CORE_COLUMNS = 5000;
const CORE_SHARE = 0.03;
/** Share of the time left that the long search may take before branch and cut, of such a model. */
const LONG_SHARE = 0.8;

/**
 * Solves a valid problem in this thread: search for a plan, a relaxation for the bound, branch and cut while a gap
 * remains. Whatever happens, the best plan so far is returned, and none that the independent checker refuses.
 */
export async function solve(problem: SchedulingProblem, options: SolveOptions, watch: Watch): Promise<Solution> {
	return new Solve(problem, options, watch).run();
}

class Solve {
	private readonly problem: SchedulingProblem;
	private readonly options: Required<Omit<SolveOptions, "rounds" | "threads">> & Pick<SolveOptions, "rounds">;
	private readonly watch: Watch;
	private readonly alone: boolean;
	private readonly startedMs = performance.now();
	private readonly stopAtMs: number;
	private readonly instance: Instance;
	private best: Found | null = null;
	private checked: { plan: Plan; cost: CostLines; loadKw: number[] } | null = null;
	private bound = Number.NEGATIVE_INFINITY;
	private method: Method = "search";
	private fallback: Solution["fallback"] = null;
	private infeasible = false;
	private exhausted = false;
	private iterations = 0;
	private guide: Guide | null = null;
	private companion: Companion | null = null;

	constructor(problem: SchedulingProblem, options: SolveOptions, watch: Watch) {
		this.problem = problem;
		this.options = { seconds: 30, seed: 1, gap: 0.001, exact: true, ...options };
		this.alone = (options.threads ?? 2) < 2;
		this.watch = watch;
		this.stopAtMs = this.startedMs + this.options.seconds * 1000;
		this.instance = compile(problem);
	}

	async run(): Promise<Solution> {
		try {
			return await this.found();
		} finally {
			this.companion?.end();
		}
	}

	private async found(): Promise<Solution> {
		const { instance } = this;
		const small = instance.ops.length;
		if (!this.fixedHold()) {
			this.infeasible = true;
			return this.answer();
		}
		const limits = { stopAtMs: this.stopAtMs, stopped: this.watch.stopped };
		const first = constructed(instance, limits);
		const soon = asSoonAsPossible(instance);
		this.offer(better(soon, first) ? soon : first);
		this.search(2000, 0, better(soon, first) ? soon : first);
		if (this.options.exact && !this.over()) await this.exact();
		this.look(Number.POSITIVE_INFINITY);
		// Where branch and cut ended, only what the model leaves out can still be improved.
		const rounds = this.exhausted ? 1 : this.rounds();
		for (let round = 1; round <= rounds && !this.over() && !this.closed() && !this.infeasible; round++) {
			this.search(20_000 + 100 * small, round);
		}
		this.settle();
		return this.answer();
	}

	/**
	 * What is fixed cannot be planned around: where it breaks a rule by itself, there is no plan. Only a run of a machine
	 * may still become long enough by what follows.
	 */
	private fixedHold(): boolean {
		const placements = this.instance.ops.map(({ fixed, modes }) =>
			fixed ? { mode: fixed.mode, pieces: [fixed.start, fixed.start + (modes[fixed.mode]?.length ?? 0)] } : null,
		);
		const { violations } = checkPlan(this.problem, planOf(this.instance, placements));
		const mendable = new Set(["scheduling.plan-missing", "scheduling.plan-machine-run-short"]);
		return violations.every(({ code }) => mendable.has(code));
	}

	/** Rounds of search are counted, not timed, so that a seed repeats; time only cuts them short. */
	private rounds(): number {
		return this.options.rounds ?? Math.ceil(this.options.seconds * (this.instance.ops.length > 300 ? 0.5 : 1));
	}

	private over(): boolean {
		return this.stopped() || performance.now() > this.stopAtMs;
	}

	private stopped(): boolean {
		this.look();
		return this.watch.stopped();
	}

	/** Takes what the second search found meanwhile. */
	private look(nowMs?: number): void {
		const found = this.companion?.look(nowMs);
		if (found) this.offer(found);
	}

	/** A second search at the prices of the relaxation, for as long as there is time. */
	private accompany(): void {
		if (this.alone || !this.best || this.companion || !hasCompany()) return;
		const { seed, gap } = this.options;
		this.companion = new Companion({
			...{ problem: this.problem, guide: this.guide, from: this.best, seed: seed + 104_729 },
			...{ iterations: COMPANY_STEPS * this.patience(), spanMs: 1000 * this.left() },
			goalKrw: this.bound + gap * Math.abs(this.bound),
		});
	}

	private seconds(): number {
		return (performance.now() - this.startedMs) / 1000;
	}

	private left(): number {
		return Math.max(0, (this.stopAtMs - performance.now()) / 1000);
	}

	private gap(): number {
		if (!this.checked || !Number.isFinite(this.bound)) return Number.POSITIVE_INFINITY;
		const { totalKrw } = this.checked.cost;
		return (totalKrw - this.bound) / Math.max(1e-9, Math.abs(totalKrw));
	}

	private closed(): boolean {
		return this.gap() <= this.options.gap;
	}

	/** Takes a plan if it is complete, better, and if the independent checker finds nothing. */
	private offer(found: Found): void {
		if (found.missing > 0 || (this.best && !better(found, this.best))) return;
		const plan = planOf(this.instance, found.placements);
		const { violations, cost, loadKw } = checkPlan(this.problem, plan);
		if (violations.length > 0) return;
		if (this.checked && !cheaper(cost.totalKrw, this.checked.cost.totalKrw)) return;
		this.best = { ...found, krw: cost.totalKrw };
		this.checked = { plan, cost, loadKw };
		this.watch.onPlan?.(plan, cost);
		this.report();
	}

	private report(): void {
		this.watch.onProgress?.({
			costKrw: this.checked?.cost.totalKrw ?? null,
			boundKrw: Number.isFinite(this.bound) ? this.bound : null,
			method: this.method,
			seconds: this.seconds(),
		});
	}

	private raise(bound: number): void {
		if (bound <= this.bound) return;
		this.bound = bound;
		this.report();
	}

	private search(iterations: number, round: number, from?: Found, share = 1): void {
		if (this.instance.order.length === 0) return;
		const start = from ?? this.best;
		const { seed, gap } = this.options;
		this.iterations += iterations;
		let offeredMs = 0;
		const search = new Search(this.instance, {
			...{ seed: seed + 7919 * round, iterations, stopped: () => this.stopped() || this.closed() },
			stopAtMs: share < 1 ? performance.now() + 1000 * share * this.left() : this.stopAtMs,
			...(start ? { from: start } : {}),
			goalKrw: this.bound + gap * Math.abs(this.bound),
			guide: this.guide,
			onBetter: (better) => {
				// Every better plan would be checked too often; the last one is, below.
				if (performance.now() - offeredMs < OFFER_MS) return;
				this.offer(better);
				offeredMs = performance.now();
			},
		});
		this.offer(search.run());
	}

	/** One long search cools better than many short ones. */
	private patience(): number {
		const most = Math.max(FEWEST_STEPS, STEPS_PER_PAIR * this.instance.order.length ** 2);
		return Math.round(Math.min(STEPS_PER_SECOND * this.options.seconds, most));
	}

	private async exact(): Promise<void> {
		const solver = await loadSolver();
		const model = modelOf(this.instance);
		if (model.impossible) {
			this.infeasible = true;
			return;
		}
		if (!solver || model.rows.columns > LP_COLUMNS) {
			if (!solver) this.fallback = "scheduling.solver-missing";
			this.relax(model);
			return;
		}
		try {
			this.branch(solver, model);
		} catch (error) {
			// The solver's own failure must not cost the plan that is already there.
			this.fallback = "scheduling.solver-failed";
			if (!(error instanceof Error)) throw error;
		}
	}

	/** A bound without a solver, and the prices of machines and power that guide another search. */
	private relax(model: Model): void {
		const target = this.checked?.cost.totalKrw ?? Number.POSITIVE_INFINITY;
		const stopAtMs = performance.now() + 500 * this.left();
		const { boundKrw, prices } = relaxed(model, { target, stopAtMs, stopped: this.watch.stopped });
		if (boundKrw < Number.POSITIVE_INFINITY) this.raise(boundKrw);
		else this.infeasible = !this.best;
		this.guide = guideOf(model, prices);
		if (!this.closed()) this.accompany();
		if (this.best) this.method = "relaxation";
		if (!this.closed()) this.search(this.patience(), 1000);
	}

	private branch(solver: Solver, model: Model): void {
		const { rows } = model;
		const all = rows.matrix();
		const stopped = () => this.stopped();
		const lazy = [model.capRows, ...model.chargeRows].flatMap((rows) => [...rows].filter((row) => row >= 0));
		const onBound = (bound: number) => this.raise(bound + model.offsetKrw);
		const lp = solver.solve(all, { integer: false, seconds: this.left(), gap: 0, lazy, stopped, onBound });
		if (lp.status === "infeasible") {
			this.infeasible = true;
			return;
		}
		if (lp.status !== "optimal" || !lp.values || !lp.reducedCosts) {
			this.fallback = "scheduling.out-of-time";
			return;
		}
		this.method = "relaxation";
		this.raise(lp.objective + model.offsetKrw);
		this.offer(foundOf(model, lp.values));
		if (this.closed()) return;
		// Where many operations are each other's equals, branch and cut is quick and search is not.
		const alike = model.groups.ops.length * 2 < this.instance.order.length;
		if (!alike) {
			this.guide = lp.prices && guideOf(model, lp.prices);
			if (model.runs.length > CORE_COLUMNS) this.accompany();
			this.search(this.patience(), 1000, undefined, model.runs.length > CORE_COLUMNS ? LONG_SHARE : 0.3);
		}
		if (this.closed() || this.over()) return;
		this.integer(solver, model, lp.reducedCosts, lp.objective);
	}

	/**
	 * Branch and cut without the columns that cannot matter: what costs more than the best plan can be worth is in no
	 * better plan. First among the few that the relaxation finds nearly as good as its own, which gives good plans soon
	 * but proves nothing; then among all that are left.
	 */
	private integer(solver: Solver, model: Model, reducedCosts: Float64Array, lpKrw: number): void {
		if (this.best && model.runs.length > CORE_COLUMNS) {
			this.cut(solver, model, reducedCosts, { spareKrw: CORE_SHARE * this.spare(model, lpKrw), core: true });
		}
		if (this.closed() || this.over()) return;
		this.cut(solver, model, reducedCosts, { spareKrw: this.spare(model, lpKrw), core: false });
	}

	/** What a better plan may cost more than the relaxation. */
	private spare(model: Model, lpKrw: number): number {
		return this.best ? this.best.krw - model.offsetKrw - lpKrw + 1e-6 : Number.POSITIVE_INFINITY;
	}

	private cut(
		solver: Solver,
		model: Model,
		reducedCosts: Float64Array,
		{ spareKrw, core }: { spareKrw: number; core: boolean },
	): void {
		const { rows } = model;
		const { whole } = rows.matrix();
		const values = this.best ? valuesOf(model, this.best) : null;
		const keep = Uint8Array.from(whole, (integer, c) =>
			!integer || (reducedCosts[c] as number) <= spareKrw || (values?.[c] ?? 0) > 0 ? 1 : 0,
		);
		const matrix = rows.matrix(keep);
		const spread = (part: Float64Array) => {
			const full = new Float64Array(rows.columns);
			matrix.columns.forEach((c, k) => {
				full[c] = part[k] as number;
			});
			return full;
		};
		const known = this.best ? this.best.krw : Number.POSITIVE_INFINITY;
		this.method = "mip";
		const result = solver.solve(matrix, {
			integer: true,
			seconds: core ? 0.35 * this.left() : this.left(),
			gap: core ? this.options.gap / 4 : this.options.gap,
			...(values ? { start: Float64Array.from(matrix.columns, (c) => values[c] as number) } : {}),
			stopped: () => this.stopped() || this.closed(),
			onIncumbent: (part) => this.offer(foundOf(model, spread(part))),
			onBound: (bound) => {
				if (!core) this.raise(Math.min(bound + model.offsetKrw, known));
			},
		});
		if (result.values) this.offer(foundOf(model, spread(result.values)));
		if (core) return;
		this.exhausted = result.status === "optimal" || result.status === "infeasible";
		if (result.status === "failed") this.fallback = "scheduling.solver-failed";
		// Without a plan nothing was left out: there is none. With one, none is better.
		if (result.status === "infeasible" && !this.best) this.infeasible = true;
		else this.raise(Math.min(result.bound + model.offsetKrw, known));
	}

	private settle(): void {
		if (!this.best || !this.checked) return;
		const tidy = polished(this.instance, this.best);
		const plan = planOf(this.instance, tidy.placements);
		const { violations, cost, loadKw } = checkPlan(this.problem, plan);
		const slack = 1e-6 * Math.max(1, Math.abs(this.checked.cost.totalKrw));
		if (violations.length === 0 && cost.totalKrw <= this.checked.cost.totalKrw + slack) {
			this.checked = { plan, cost, loadKw };
		}
	}

	private answer(): Solution {
		const { checked } = this;
		const bound = Number.isFinite(this.bound) ? this.bound : null;
		const shared = { method: this.method, seconds: this.seconds(), iterations: this.iterations };
		if (!checked) {
			const status = this.infeasible ? "infeasible" : "unknown";
			const fallback = status === "unknown" ? (this.fallback ?? "scheduling.out-of-time") : this.fallback;
			return { ...shared, status, plan: null, cost: null, loadKw: [], boundKrw: bound, gap: null, fallback };
		}
		const gap = Number.isFinite(this.gap()) ? Math.max(0, this.gap()) : null;
		const status = gap !== null && gap <= 1e-6 ? "optimal" : "feasible";
		return { ...shared, status, ...checked, boundKrw: bound, gap, fallback: this.fallback };
	}
}
