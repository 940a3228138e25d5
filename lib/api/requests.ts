import { Rate } from "../metrics/rate.ts";

/** Upper bounds of the classes that durations are counted in, ms: a fifth apart, so a quantile is at most a fifth too high. */
const bounds = Float64Array.from({ length: 80 }, (_, i) => 0.05 * 1.2 ** i);
const WINDOW_S = 60;

/** Counts of one operation since the start, and its requests of the last minute. */
export class RouteMeter {
	readonly method: string;
	readonly path: string;
	count = 0;
	errors = 0;
	totalMs = 0;
	maxMs = 0;
	bytes = 0;
	readonly byStatus = new Map<number, number>();
	readonly #classes = new Float64Array(bounds.length + 1);
	readonly #rate = new Rate(WINDOW_S);

	constructor(method: string, path: string) {
		this.method = method;
		this.path = path;
	}

	add(status: number, durationMs: number, bytes: number, nowMs: number): void {
		this.count++;
		if (status >= 500) this.errors++;
		this.totalMs += durationMs;
		this.maxMs = Math.max(this.maxMs, durationMs);
		this.bytes += bytes;
		this.byStatus.set(status, (this.byStatus.get(status) ?? 0) + 1);
		const at = classOf(durationMs);
		this.#classes[at] = (this.#classes[at] ?? 0) + 1;
		this.#rate.add(1, nowMs);
	}

	/** Requests a second, over the last minute. */
	perSecond(nowMs: number): number {
		return this.#rate.perSecond(nowMs);
	}

	/** The duration that this share of all requests kept within, ms; null before the first. */
	quantileMs(share: number): number | null {
		if (this.count === 0) return null;
		const wanted = Math.ceil(share * this.count);
		let seen = 0;
		for (const [i, count] of this.#classes.entries()) {
			seen += count;
			if (seen >= wanted) return Math.min(bounds[i] ?? this.maxMs, this.maxMs);
		}
		return this.maxMs;
	}

	/** Requests that took at most so long, for a histogram; `ms` ascending. */
	within(ms: readonly number[]): number[] {
		return ms.map((limit) => {
			let sum = 0;
			for (const [i, count] of this.#classes.entries())
				if ((bounds[i] ?? Number.POSITIVE_INFINITY) <= limit) sum += count;
			return sum;
		});
	}
}

function classOf(ms: number): number {
	if (ms <= 0.05) return 0;
	return Math.min(bounds.length, Math.ceil(Math.log(ms / 0.05) / Math.log(1.2)));
}

/** What was asked of this process over HTTP, by operation. */
class RequestMeters {
	readonly routes = new Map<string, RouteMeter>();
	/** Requests that are being worked on. */
	running = 0;

	add(
		id: string,
		method: string,
		path: string,
		status: number,
		durationMs: number,
		bytes: number,
		nowMs: number,
	): void {
		const route = this.routes.get(id) ?? new RouteMeter(method, path);
		this.routes.set(id, route);
		route.add(status, durationMs, bytes, nowMs);
	}
}

// One for the process, however often the package is loaded.
const key = Symbol.for("smartfactory.api.requests");
const holder = globalThis as { [key]?: RequestMeters };
holder[key] ??= new RequestMeters();

export const requestMeters: RequestMeters = holder[key];
