import type { IntervalsQuery, Page, ReadingsQuery, Series, SeriesQuery } from "../../../lib/store/store.ts";
import type { Interval } from "../../../lib/telemetry/interval.ts";
import type { Quantities, Reading } from "../../../lib/telemetry/reading.ts";
import type { Site } from "../../../lib/telemetry/site.ts";

const QUARTER = 900_000;
const SEOUL = 9 * 3_600_000;

export const site: Site = {
	id: "gwangyang",
	name: "광양 제1공장",
	timeZone: "Asia/Seoul",
	unknownMachines: "reject",
	machines: [
		{ id: "main", name: "Main meter", area: "substation", role: "main", ratedKw: 900 },
		{
			id: "furnace",
			name: "유도로 1호",
			names: { "en-US": "Induction furnace 1" },
			area: "melting",
			role: "sub",
			ratedKw: 320,
		},
		{ id: "press", name: "프레스", names: { "en-US": "Press" }, area: "forming", role: "sub", ratedKw: 120 },
		{ id: "compressor", name: "공기압축기", area: "utility", role: "sub", ratedKw: 90 },
		{ id: "line", name: "조립 라인", area: "assembly", role: "sub", ratedKw: 60 },
		{ id: "lighting", name: "조명·공조", area: "utility", role: "sub", ratedKw: 50 },
	],
};

export const contract = { tariff: "kepco/industrial-b/high-a/II", contractKw: 700 };

/** Power of a machine in a quarter-hour: shifts on working days, a furnace that cycles, light at night. */
function powerKw(machine: string, startMs: number): number {
	const local = startMs + SEOUL;
	const weekday = new Date(local).getUTCDay();
	const hour = (local % 86_400_000) / 3_600_000;
	const quarter = Math.floor(local / QUARTER);
	const wobble = Math.abs(Math.sin(quarter * 12.9898) * 43758.5453) % 1;
	const works = weekday >= 1 && weekday <= 5 && hour >= 8 && hour < 20;
	const half = weekday === 6 && hour >= 8 && hour < 13;
	const lunch = hour >= 12 && hour < 13;
	const on = works || half;
	switch (machine) {
		case "furnace":
			return on ? (quarter % 7 < 5 ? 240 + 70 * wobble : 40) : 12;
		case "press":
			return on && !lunch ? 70 + 40 * wobble : 3;
		case "compressor":
			return on ? 55 + 20 * wobble : 8;
		case "line":
			return works && !lunch ? 38 + 12 * wobble : 4;
		case "lighting":
			return on ? 42 : 14 + (hour > 18 ? 10 : 0);
		default:
			return ["furnace", "press", "compressor", "line", "lighting"].reduce((sum, id) => sum + powerKw(id, startMs), 18);
	}
}

export interface SampleOptions {
	/** The main meter says nothing of these quarter-hours: epoch ms [from, to). */
	gap?: readonly [number, number];
	/** These were bridged: epoch ms [from, to). */
	bridged?: readonly [number, number];
	/** Nothing is stored before. */
	sinceMs?: number;
	/** Nothing is stored from here on. */
	untilMs?: number;
	/** What the main meter tells beside its power, every quarter-hour; a power factor of 0.94 unless told. */
	reactive?: (startMs: number) => Quantities;
}

const within = (atMs: number, span: readonly [number, number] | undefined): boolean =>
	span !== undefined && atMs >= span[0] && atMs < span[1];

/** A store that knows the sample plant from a day in 2025 on; it answers in small pages. */
export class SampleStore {
	readonly asked: IntervalsQuery[] = [];
	private readonly options: SampleOptions;

	constructor(options: SampleOptions = {}) {
		this.options = options;
	}

	async intervals(query: IntervalsQuery): Promise<Page<Interval>> {
		this.asked.push(query);
		const { machine = "main", resolution, limit = 1000, cursor } = query;
		const durationMs = resolution === "hour" ? 4 * QUARTER : QUARTER;
		const sinceMs = Math.max(query.fromMs, this.options.sinceMs ?? Date.UTC(2025, 9, 1));
		const untilMs = Math.min(query.toMs, this.options.untilMs ?? Number.POSITIVE_INFINITY);
		const items: Interval[] = [];
		let at = cursor === undefined ? sinceMs : Number(cursor);
		for (; at < untilMs && items.length < limit; at += durationMs) {
			const interval = this.interval(query.site, machine, at, durationMs);
			if (interval) items.push(interval);
		}
		return at < untilMs ? { items, nextCursor: String(at) } : { items };
	}

	private interval(of: string, machine: string, startMs: number, durationMs: number): Interval | undefined {
		const { gap, bridged } = this.options;
		if (machine === "main" && within(startMs, gap)) return undefined;
		let energyKwh = 0;
		for (let at = startMs; at < startMs + durationMs; at += QUARTER) energyKwh += powerKw(machine, at) / 4;
		const guessed = machine === "main" && within(startMs, bridged);
		const meanKw = (energyKwh * 3_600_000) / durationMs;
		return {
			...{ site: of, machine, startMs, durationMs, energyKwh, estimatedKwh: guessed ? energyKwh : 0 },
			...{ meanKw, maxKw: meanKw * 1.1, minKw: meanKw * 0.9, coverage: guessed ? 0 : 1 },
			...{ quality: guessed ? "uncertain" : "good", samples: guessed ? 0 : 900 },
		};
	}

	async readings({ machine = "main", site: of, ...query }: ReadingsQuery): Promise<Page<Reading>> {
		const sinceMs = Math.max(query.fromMs, this.options.sinceMs ?? Date.UTC(2025, 9, 1));
		const { reactive = () => ({ powerFactor: 0.94 }), untilMs = Number.POSITIVE_INFINITY, gap } = this.options;
		const items: Reading[] = [];
		let at = query.cursor === undefined ? sinceMs : Number(query.cursor);
		const { limit = 1000 } = query;
		for (; at < Math.min(query.toMs, untilMs) && items.length < limit; at += QUARTER) {
			if (machine !== "main" || within(at, gap)) continue;
			items.push({ site: of, machine, timeMs: at, powerKw: powerKw(machine, at), ...reactive(at) });
		}
		return at < Math.min(query.toMs, untilMs) ? { items, nextCursor: String(at) } : { items };
	}

	async series({ machines: [machine = ""], fromMs, toMs, maxPoints }: SeriesQuery): Promise<Series[]> {
		const count = Math.min(maxPoints, 200);
		const timesMs = Array.from({ length: count }, (_, k) => fromMs + ((toMs - fromMs) * k) / count);
		return [{ machine, timesMs, values: timesMs.map((_, k) => (k % 20 === 0 ? null : 0.94)) }];
	}
}
