import type { Signal } from "../../../lib/alarms/book.ts";

export const S = 1_000;
export const MIN = 60_000;
export const start = Date.UTC(2026, 10, 22, 1);

/** A signal of a rule at a machine; what a test does not name is the plainest there is. */
export function signal(more: Partial<Signal> = {}): Signal {
	const { rule = "high-power", machine = "compressor-1" } = more;
	return {
		...{ rule, machine, group: `alarm:${rule}.${machine}`, on: true, priority: "medium" },
		...{ cause: { code: "alarms.cause.condition", details: {} }, suppress: null, excessKw: null },
		...{ onDelayMs: 0, offDelayMs: 0 },
		...more,
	};
}
