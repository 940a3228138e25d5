import type { PlacedOperation, PlanSummary, StoredPlan } from "../../../../lib/operation/types.ts";

/** Where an operation lay before, in another plan. */
export interface Before {
	machine: string;
	start: string;
	end: string;
}

export const keyOf = ({ job, operation }: Pick<PlacedOperation, "job" | "operation">): string => `${job}/${operation}`;

/** What changed from one plan to the next, by `job/operation`. */
export interface Changes {
	/** Lie elsewhere than before. */
	moved: ReadonlyMap<string, Before>;
	added: ReadonlySet<string>;
	/** No longer planned, and not because they are done. */
	removed: readonly PlacedOperation[];
}

const none: Changes = { moved: new Map(), added: new Set(), removed: [] };

/** How a plan differs from the one before it; nothing where there is none. */
export function changesOf(plan: StoredPlan | null, before: StoredPlan | null): Changes {
	if (!plan || !before || before.id === plan.id) return none;
	const known = new Map(before.operations.map((operation) => [keyOf(operation), operation]));
	const moved = new Map<string, Before>();
	const added = new Set<string>();
	for (const operation of plan.operations) {
		const key = keyOf(operation);
		const old = known.get(key);
		known.delete(key);
		if (!old) added.add(key);
		else if (old.machine !== operation.machine || Date.parse(old.start) !== Date.parse(operation.start))
			moved.set(key, { machine: old.machine, start: old.start, end: old.end });
	}
	const removed = [...known.values()].filter(({ state }) => state !== "done" && state !== "failed");
	return { moved, added, removed };
}

export interface BandCost {
	band: string;
	kwh: number;
	krw: number;
}

/** Energy and its cost of one operation, by band in the order of the tariff; bands without any are left out. */
export function energyOf(operation: PlacedOperation, plan: StoredPlan, bands: readonly string[]): BandCost[] {
	const hours = plan.horizon.intervalMinutes / 60;
	const stepMs = hours * 3_600_000;
	const prices = plan.prices.map((price) => ({ ...price, ms: Date.parse(price.start) }));
	const found = new Map<string, BandCost>();
	let run = 0;
	for (const { start, end } of operation.pieces ?? [operation]) {
		for (let ms = Date.parse(start); ms < Date.parse(end); ms += stepMs, run++) {
			const price = prices.findLast((one) => one.ms <= ms);
			if (!price) continue;
			const kwh = powerAt(operation.powerKw, run) * hours;
			const sum = found.get(price.band) ?? { band: price.band, kwh: 0, krw: 0 };
			sum.kwh += kwh;
			sum.krw += kwh * price.krwPerKwh;
			found.set(price.band, sum);
		}
	}
	return inOrder([...found.values()], bands);
}

/** A profile that is too short goes on with its last value. */
function powerAt(powerKw: number | readonly number[], k: number): number {
	if (typeof powerKw === "number") return powerKw;
	return powerKw[Math.min(k, powerKw.length - 1)] ?? 0;
}

/** The same of a whole plan. */
export function energyOfPlan(plan: StoredPlan, bands: readonly string[]): BandCost[] {
	const found = new Map<string, BandCost>();
	for (const operation of plan.operations) {
		for (const { band, kwh, krw } of energyOf(operation, plan, bands)) {
			const sum = found.get(band) ?? { band, kwh: 0, krw: 0 };
			found.set(band, { band, kwh: sum.kwh + kwh, krw: sum.krw + krw });
		}
	}
	return inOrder([...found.values()], bands);
}

function inOrder(list: BandCost[], bands: readonly string[]): BandCost[] {
	const place = (band: string): number => {
		const at = bands.indexOf(band);
		return at < 0 ? bands.length : at;
	};
	return list.sort((a, b) => place(a.band) - place(b.band) || a.band.localeCompare(b.band));
}

/** The bands of a plan, cheapest first, where the tariff did not tell its own order. */
export function bandsOf(plan: StoredPlan): string[] {
	const lowest = new Map<string, number>();
	for (const { band, krwPerKwh } of plan.prices)
		lowest.set(band, Math.min(krwPerKwh, lowest.get(band) ?? Number.POSITIVE_INFINITY));
	return [...lowest].sort((a, b) => a[1] - b[1]).map(([band]) => band);
}

export type CostLine = "energy" | "carbon" | "demand" | "tardiness" | "setup";
const costLines: readonly CostLine[] = ["energy", "demand", "tardiness", "setup", "carbon"];

/** One step from what it would cost otherwise to what the plan costs. */
export interface Fall {
	line: CostLine;
	/** What this line costs in the plan. */
	krw: number;
	/** Negative where the plan saves. */
	changeKrw: number;
	fromKrw: number;
	toKrw: number;
}

/** The way from the cost without a plan to that of the plan, line by line; lines that neither has are left out. */
export function fallsOf({ cost }: Pick<PlanSummary, "cost">): Fall[] {
	const { plan, asSoonAsPossible } = cost;
	if (!asSoonAsPossible) return [];
	let sum = asSoonAsPossible.totalKrw;
	return costLines.flatMap((line): Fall[] => {
		const krw = plan[`${line}Krw`];
		const changeKrw = krw - asSoonAsPossible[`${line}Krw`];
		// The demand charge is told even where it stays: what peaks cost is half of the question.
		if (Math.abs(changeKrw) < 0.5 && line !== "energy" && line !== "demand") return [];
		const fromKrw = sum;
		sum += changeKrw;
		return [{ line, krw, changeKrw, fromKrw, toKrw: sum }];
	});
}

/** What a plan saves against starting everything as soon as possible; null where that is not known. */
export function savedKrw({ cost }: Pick<PlanSummary, "cost">): number | null {
	return cost.asSoonAsPossible ? cost.asSoonAsPossible.totalKrw - cost.plan.totalKrw : null;
}

/** How good a plan is known to be: which sentence says it, and with what. */
export type Proof = { kind: "optimal" } | { kind: "within"; percent: string; krw: number } | { kind: "unknown" };

/** A gap this small is nothing that a bill would show. */
const NO_GAP = 5e-5;

export function proofOf({ solution, gap, boundKrw, cost }: PlanSummary): Proof {
	if (solution === "optimal" || (gap !== null && gap <= NO_GAP)) return { kind: "optimal" };
	if (gap === null || boundKrw === null) return { kind: "unknown" };
	return { kind: "within", percent: percentOf(gap), krw: Math.max(0, cost.plan.totalKrw - boundKrw) };
}

/** 0.4, 2.1, 13: two digits, never "0". */
function percentOf(share: number): string {
	const percent = share * 100;
	return percent >= 10 ? percent.toFixed(0) : String(Number(percent.toPrecision(percent < 1 ? 1 : 2)));
}
