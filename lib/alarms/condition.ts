import { EnergyError } from "../errors.ts";
import type { MachineState } from "../telemetry/reading.ts";

/** What a condition may ask for: the quantities of a reading, and what is derived from them. */
export const measures = {
	powerKw: "kW",
	energyKwh: "kWh",
	powerFactor: "",
	reactivePowerKvar: "kvar",
	voltageV: "V",
	currentA: "A",
	frequencyHz: "Hz",
	temperatureC: "°C",
	productionCount: "",
	/** Power in per cent of the machine's rating. */
	loadPercent: "%",
	/** Of anomaly detection, 0…1. */
	score: "",
	/** Against the machine's own best decile, 0…1. */
	efficiency: "",
	/** Share of energy drawn while idle, 0…1. */
	idleShare: "",
	/** kWh a unit made. */
	specificEnergyKwh: "kWh",
} as const;
export type Measure = keyof typeof measures;

const states: readonly string[] = ["off", "idle", "starting", "running", "stopping", "fault"] satisfies MachineState[];

/** `clears` is the recovery threshold: once true, the comparison stays true until the value is beyond it. */
export type Condition =
	| { kind: "compare"; measure: Measure; above: boolean; orEqual: boolean; limit: number; clears: number }
	| { kind: "state"; states: readonly string[]; not: boolean }
	| { kind: "all" | "any"; parts: readonly Condition[] };

/** What is known of a machine at an instant; what is not known is absent. */
export type Known = Readonly<Partial<Record<Measure, number>>> & { readonly state?: string };

/**
 * Reads a condition as people write it:
 * `powerKw > 200 clears 190`, `score >= 0.7 and state is running`, `powerFactor < 0.85 or (temperatureC > 80 and …)`.
 *
 * `and` binds closer than `or`. Without `clears` the comparison ends where it began.
 *
 * @throws EnergyError `alarms.bad-condition` with the place where reading stopped
 */
export function parseCondition(source: string): Condition {
	const tokens = [...source.matchAll(/[<>]=?|[(),]|[^\s<>=(),]+|=/g)].map((match) => ({
		text: match[0],
		at: match.index,
	}));
	let next = 0;
	const peek = (): string => tokens[next]?.text ?? "";
	const fail = (expected: string): never => {
		const found = peek() || "…";
		throw new EnergyError("alarms.bad-condition", {
			condition: source,
			found,
			place: (tokens[next]?.at ?? source.length) + 1,
			expected,
		});
	};
	const word = (...allowed: string[]): boolean => {
		if (!allowed.includes(peek().toLowerCase())) return false;
		next++;
		return true;
	};
	const number = (): number => {
		const value = peek() === "" ? Number.NaN : Number(peek());
		if (!Number.isFinite(value)) fail("a number");
		next++;
		return value;
	};
	const several = (kind: "all" | "any", joint: string, part: () => Condition): Condition => {
		const parts = [part()];
		while (word(joint)) parts.push(part());
		return parts.length === 1 ? (parts[0] as Condition) : { kind, parts };
	};
	const either = (depth: number): Condition => several("any", "or", () => several("all", "and", () => single(depth)));
	const single = (depth: number): Condition => {
		if (depth > 20) fail("fewer brackets");
		if (word("(")) {
			const inner = either(depth + 1);
			if (!word(")")) fail(")");
			return inner;
		}
		if (word("state")) return stateIs();
		const measure = peek();
		if (!Object.hasOwn(measures, measure)) fail(`one of ${Object.keys(measures).join(", ")}, state`);
		next++;
		const sign = peek();
		if (!/^[<>]=?$/.test(sign)) fail("<, <=, > or >=");
		next++;
		const above = sign.startsWith(">");
		const limit = number();
		const clearsAt = next;
		const clears = word("clears") ? number() : limit;
		if (above ? clears > limit : clears < limit) {
			next = clearsAt + 1;
			fail(above ? `at most ${limit}` : `at least ${limit}`);
		}
		return { kind: "compare", measure: measure as Measure, above, orEqual: sign.length === 2, limit, clears };
	};
	const stateIs = (): Condition => {
		if (!word("is", "=")) fail("is");
		const not = word("not");
		const named: string[] = [];
		do {
			if (!states.includes(peek())) fail(`one of ${states.join(", ")}`);
			named.push(peek());
			next++;
		} while (word(","));
		return { kind: "state", states: named, not };
	};
	const condition = either(0);
	if (next < tokens.length) fail("and, or, or the end");
	return condition;
}

/** A condition with its memory: which of its comparisons hold since when they last crossed their limits. */
export interface Watch {
	/** Whether it holds; null where too little is known to say. */
	update(known: Known): boolean | null;
	/** The first comparison that holds (or, if none does, that there is), with the value it saw last. */
	reason(): { measure: Measure; above: boolean; limit: number; value: number } | undefined;
}

/** The memory of a condition at one machine. */
export function watch(condition: Condition): Watch {
	if (condition.kind === "compare") return watchLimit(condition);
	if (condition.kind === "state") {
		const { states: named, not } = condition;
		return {
			update: ({ state }) => (state === undefined ? null : named.includes(state) !== not),
			reason: () => undefined,
		};
	}
	const parts = condition.parts.map(watch);
	const held: (boolean | null)[] = parts.map(() => null);
	// Kleene's logic: one part can decide although others are not known.
	const deciding = condition.kind === "any";
	return {
		update(known) {
			let result: boolean | null = !deciding;
			for (const [index, part] of parts.entries()) {
				// All are updated, for each has its own memory.
				const value = part.update(known);
				held[index] = value;
				if (value === deciding) result = deciding;
				else if (value === null && result !== deciding) result = null;
			}
			return result;
		},
		reason() {
			const reasons = parts.map((part, index) => ({ reason: part.reason(), holds: held[index] === true }));
			return (reasons.find(({ reason, holds }) => reason && holds) ?? reasons.find(({ reason }) => reason))?.reason;
		},
	};
}

function watchLimit({ measure, above, orEqual, limit, clears }: Condition & { kind: "compare" }): Watch {
	let holds: boolean | null = null;
	let value = Number.NaN;
	return {
		update(known) {
			const now = known[measure];
			if (now === undefined) return holds;
			value = now;
			const beyond = above ? now > limit : now < limit;
			if (beyond || (orEqual && now === limit)) holds = true;
			else if (holds !== true || limit === clears) holds = false;
			else holds = above ? now > clears : now < clears;
			return holds;
		},
		reason: () => (Number.isNaN(value) ? undefined : { measure, above, limit, value }),
	};
}
