import { type Instance, lateKrwAt, type Mode, type Op, type Placement } from "./instance.ts";
import { State } from "./state.ts";

/** Why an operation lies where it does; `code` names the message that says it. */
export interface Reason {
	job: string;
	operation: string;
	/** Energy, carbon and lateness of the operation where it lies. */
	costKrw: number;
	code:
		| "scheduling.reason-fixed"
		| "scheduling.reason-cheapest"
		| "scheduling.reason-busy"
		| "scheduling.reason-cap"
		| "scheduling.reason-setup"
		| "scheduling.reason-order"
		| "scheduling.reason-demand"
		| "scheduling.reason-together";
	/** Start of the cheaper place that is not free, what stands there, and what it would have saved. */
	details: { at?: string; other?: string; krw?: number; demandKrw?: number };
}

/** The reason of each operation, told by the cheapest place it could have had alone. */
export function reasonsOf(instance: Instance, placements: readonly (Placement | null)[]): Reason[] {
	const state = new State(instance);
	for (const index of instance.order) {
		const placement = placements[index];
		if (placement) state.place(instance.ops[index] as Op, placement);
	}
	return instance.ops.map((op) => reasonOf(state, op, placements[op.index] ?? null));
}

function reasonOf(state: State, op: Op, placement: Placement | null): Reason {
	const { instance } = state;
	const spec = instance.problem.jobs[op.job];
	const [job, operation] = [spec?.id ?? "", op.key.slice((spec?.id ?? "").length + 1)];
	const mode = op.modes[placement?.mode ?? 0] as Mode;
	const costKrw = placement ? costOf(instance, op, mode, placement) : 0;
	const base = { job, operation, costKrw };
	if (op.fixed || !placement) return { ...base, code: "scheduling.reason-fixed", details: {} };
	const ideal = cheapestAlone(op);
	const krw = costKrw - (ideal?.krw ?? costKrw);
	if (!ideal || krw <= 1e-6 * Math.max(1, Math.abs(costKrw))) {
		return { ...base, code: "scheduling.reason-cheapest", details: {} };
	}
	state.remove(op);
	const obstacle = state.obstacle(op, ideal.mode, ideal.start);
	state.place(op, placement);
	const at = new Date(instance.startMs + ideal.start * instance.stepMs).toISOString();
	const code = `scheduling.reason-${obstacle.kind === "none" ? "together" : obstacle.kind}` as Reason["code"];
	const other = obstacle.op === undefined ? undefined : instance.ops[obstacle.op]?.key;
	return {
		...base,
		code,
		details: {
			...{ at, krw: Math.round(krw) },
			...(other === undefined ? {} : { other }),
			...(obstacle.krw === undefined ? {} : { demandKrw: Math.round(obstacle.krw) }),
		},
	};
}

function costOf(instance: Instance, op: Op, mode: Mode, { pieces }: Placement): number {
	let krw = lateKrwAt(op, pieces[pieces.length - 1] ?? 0);
	let unit = 0;
	for (let p = 0; p < pieces.length; p += 2) {
		for (let t = pieces[p] as number; t < (pieces[p + 1] as number); t++, unit++) {
			krw += (mode.kw[unit] ?? 0) * (instance.kwKrw[t] ?? 0);
		}
	}
	return krw;
}

function cheapestAlone(op: Op): { mode: Mode; start: number; krw: number } | null {
	let best: { mode: Mode; start: number; krw: number } | null = null;
	for (const mode of op.modes) {
		for (let t = op.earliest; t + mode.length <= op.latestEnd; t++) {
			const krw = (mode.run[t] as number) + lateKrwAt(op, t + mode.length);
			if (krw < (best?.krw ?? Number.POSITIVE_INFINITY)) best = { mode, start: t, krw };
		}
	}
	return best;
}
