import type { Quality, QualityReason } from "./reading.ts";
import type { SilentMachine, ValidationSummary } from "./validate.ts";

/** What was judged between two instants, and who is quiet now. */
export interface PeriodSummary extends ValidationSummary {
	/** ISO 8601. */
	from: string;
	to: string;
	silent: { machine: string; reason: "Bad_NotConnected"; lastArrival: string | null; silentS: number }[];
}

const compact = (count: number): string =>
	count < 10_000 ? String(count) : count < 1e6 ? `${Math.floor(count / 1000)}k` : `${(count / 1e6).toFixed(1)}M`;

/** Adds up the summaries of single messages until somebody takes the sum. */
export class Tally {
	#fromMs: number;
	#received = 0;
	#accepted = 0;
	#rejected = 0;
	#repeated = 0;
	#quality: Record<Quality, number> = { good: 0, uncertain: 0, bad: 0 };
	#reasons: Partial<Record<QualityReason, number>> = {};
	#acceptedEver = 0;
	#rejectedEver = 0;
	#rejectedBefore = 0;

	constructor(nowMs: number = Date.now()) {
		this.#fromMs = nowMs;
	}

	add({ received, accepted, rejected, repeated, quality, reasons }: ValidationSummary): void {
		this.#received += received;
		this.#accepted += accepted;
		this.#rejected += rejected;
		this.#repeated += repeated;
		this.#acceptedEver += accepted;
		this.#rejectedEver += rejected;
		for (const word of ["good", "uncertain", "bad"] as const) this.#quality[word] += quality[word];
		for (const reason of Object.keys(reasons) as QualityReason[])
			this.#reasons[reason] = (this.#reasons[reason] ?? 0) + (reasons[reason] ?? 0);
	}

	/** Whether this period or the one before turned readings away. */
	get rejectedLately(): boolean {
		return this.#rejected + this.#rejectedBefore > 0;
	}

	/** Taken and turned away since the start, short enough for a node's status. */
	text(): string {
		return `${compact(this.#acceptedEver)} ✓ ${compact(this.#rejectedEver)} ✗`;
	}

	/** The sum since it was last taken; starts the next period. */
	take(site: string, silent: readonly SilentMachine[], nowMs: number): PeriodSummary {
		const iso = (ms: number): string => new Date(ms).toISOString();
		const summary: PeriodSummary = {
			site,
			from: iso(this.#fromMs),
			to: iso(nowMs),
			received: this.#received,
			accepted: this.#accepted,
			rejected: this.#rejected,
			repeated: this.#repeated,
			quality: this.#quality,
			reasons: this.#reasons,
			silent: silent.map(({ machine, reason, lastArrivalMs, silentMs }) => ({
				machine,
				reason,
				lastArrival: lastArrivalMs === null ? null : iso(lastArrivalMs),
				silentS: Math.round(silentMs / 1000),
			})),
		};
		this.#rejectedBefore = this.#rejected;
		this.#fromMs = nowMs;
		this.#received = this.#accepted = this.#rejected = this.#repeated = 0;
		this.#quality = { good: 0, uncertain: 0, bad: 0 };
		this.#reasons = {};
		return summary;
	}
}
