/** How long to wait; 0 means go ahead. */
export type WaitMs = number;

/** A Map that forgets its oldest keys: whoever invents keys costs memory only up to a bound. */
class BoundedMap<V> {
	private readonly entries = new Map<string, V>();
	private readonly size: number;

	constructor(size: number) {
		this.size = size;
	}

	get(key: string): V | undefined {
		return this.entries.get(key);
	}

	set(key: string, value: V): void {
		this.entries.delete(key);
		this.entries.set(key, value);
		if (this.entries.size <= this.size) return;
		const oldest = this.entries.keys().next();
		if (!oldest.done) this.entries.delete(oldest.value);
	}

	delete(key: string): void {
		this.entries.delete(key);
	}
}

/**
 * At most `limit` events of a key in any window, counted as the two neighbouring windows weighed by how much of each the
 * sliding one covers: two numbers a key instead of a list of times.
 */
export class SlidingWindow {
	private readonly counts: BoundedMap<{ window: number; count: number; before: number }>;
	private readonly limit: number;
	private readonly windowMs: number;
	private readonly now: () => number;

	constructor(limit: number, windowMs: number, now: () => number = Date.now, keys = 10_000) {
		this.limit = limit;
		this.windowMs = windowMs;
		this.now = now;
		this.counts = new BoundedMap(keys);
	}

	/** Counts so many events of the key where they still fit; otherwise says how long until they may. */
	take(key: string, amount = 1): WaitMs {
		const nowMs = this.now();
		const window = Math.floor(nowMs / this.windowMs);
		const kept = this.counts.get(key);
		const count = kept?.window === window ? kept.count : 0;
		const before = kept?.window === window ? kept.before : kept?.window === window - 1 ? kept.count : 0;
		const leftMs = (window + 1) * this.windowMs - nowMs;
		// What is more than a whole window fits where nothing else is counted, or it would never come.
		const most = Math.max(0, this.limit - amount);
		if (count + before * (leftMs / this.windowMs) > most) {
			// The earlier window loses weight as time goes by; where this one is full by itself, only its end helps.
			return count > most || before === 0
				? leftMs
				: Math.min(leftMs, Math.ceil(leftMs - ((most - count) / before) * this.windowMs) + 1);
		}
		this.counts.set(key, { window, count: count + amount, before });
		return 0;
	}

	/** Takes back what was counted for something that was then not done. */
	giveBack(key: string, amount = 1): void {
		const kept = this.counts.get(key);
		if (!kept) return;
		// Of the window before where a new one has begun meanwhile; where that is over too, nothing counts any more.
		const fromNow = Math.min(kept.count, amount);
		const before = Math.max(0, kept.before - (amount - fromNow));
		this.counts.set(key, { ...kept, count: kept.count - fromNow, before });
	}
}

export interface BackOffOptions {
	/** Failures that cost nothing: people mistype. */
	free: number;
	/** Wait after the first failure beyond those; doubles with each further one. */
	firstMs: number;
	longestMs: number;
	/** Failures are forgotten after this long without one. */
	forgetMs: number;
}

/** Where failures are kept: in memory, or where they outlive a restart. */
export interface FailureStore {
	get(key: string): Failures | undefined;
	set(key: string, failures: Failures): void;
	delete(key: string): void;
}

export interface Failures {
	failures: number;
	lastMs: number;
	untilMs: number;
}

/** Makes each further wrong guess slower. */
export class BackOff {
	private readonly kept: FailureStore;
	private readonly options: BackOffOptions;
	private readonly now: () => number;

	constructor(options: BackOffOptions, now: () => number = Date.now, kept: FailureStore = new BoundedMap(10_000)) {
		this.options = options;
		this.now = now;
		this.kept = kept;
	}

	/** How long this key has to wait before it may try again. */
	waitMs(key: string): WaitMs {
		const kept = this.kept.get(key);
		// A clock that was set back must not lock anybody out for longer than was ever meant.
		return kept ? Math.min(this.options.longestMs, Math.max(0, kept.untilMs - this.now())) : 0;
	}

	/**
	 * Counts an attempt as failed. Called before the password is looked at, so that a thousand attempts at once are a
	 * thousand failures and not one.
	 */
	fail(key: string): void {
		const { free, firstMs, longestMs, forgetMs } = this.options;
		const nowMs = this.now();
		const kept = this.kept.get(key);
		const failures = (kept && nowMs - kept.lastMs < forgetMs ? kept.failures : 0) + 1;
		const waitMs = failures < free ? 0 : Math.min(longestMs, firstMs * 2 ** Math.min(30, failures - free));
		this.kept.set(key, { failures, lastMs: nowMs, untilMs: nowMs + waitMs });
	}

	/** The attempt was right after all. */
	clear(key: string): void {
		this.kept.delete(key);
	}
}
