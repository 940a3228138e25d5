import { EnergyError } from "../errors.ts";
import type { Store } from "../store/store.ts";
import type { PricePoint } from "../tariff/series.ts";

/** Dynamic prices are kept in the store, a document for each month (UTC). */
const KIND = "price-series";
const KEEP_MS = 400 * 86_400_000;

type DocumentStore = Pick<Store, "document" | "documents" | "saveDocuments">;
/** Epoch ms and price, in order. */
type Stored = [number, number][];

const monthOf = (ms: number): string => new Date(ms).toISOString().slice(0, 7);
const isStored = (value: unknown): value is Stored => Array.isArray(value);

/**
 * Prices of a message: `[{time, priceKrwPerKwh}]` (`price` and `krwPerKwh` are understood, too).
 * @throws EnergyError `tariff.series` with field, value and rule
 */
export function pricePoints(payload: unknown): PricePoint[] {
	const wrong = (field: string, value: unknown, rule: string): never => {
		throw new EnergyError("tariff.series", { field, value: value ?? "", rule });
	};
	if (!Array.isArray(payload) || payload.length === 0)
		return wrong("payload", typeof payload, "[{time, priceKrwPerKwh}]");
	return payload.map((entry: unknown, index) => {
		const given = typeof entry === "object" && entry !== null ? (entry as Readonly<Record<string, unknown>>) : {};
		const price = given.priceKrwPerKwh ?? given.krwPerKwh ?? given.price;
		const ms = typeof given.time === "string" ? Date.parse(given.time) : given.time;
		if (typeof ms !== "number" || !Number.isFinite(ms)) {
			return wrong(`payload[${index}].time`, given.time, "ISO 8601 with offset");
		}
		if (typeof price !== "number" || !Number.isFinite(price)) {
			return wrong(`payload[${index}].priceKrwPerKwh`, price, "a finite number, KRW/kWh");
		}
		return { time: ms, price };
	});
}

/** Keeps prices, newer ones above those of the same time. */
export async function savePrices(store: DocumentStore, site: string, points: readonly PricePoint[]): Promise<void> {
	const months = new Map<string, Map<number, number>>();
	for (const { time, price } of points) {
		const ms = Number(time);
		const month = months.get(monthOf(ms)) ?? new Map<number, number>();
		months.set(monthOf(ms), month.set(ms, price));
	}
	const put = await Promise.all(
		Array.from(months, async ([id, added]) => {
			const known = (await store.document(site, KIND, id))?.value;
			const merged = new Map([...(isStored(known) ? known : []), ...added]);
			const value = [...merged].sort(([a], [b]) => a - b);
			return { id, atMs: value.at(-1)?.[0] ?? 0, value };
		}),
	);
	await store.saveDocuments({ site, kind: KIND, put });
}

/** The prices of the last year and more that are kept, in order. */
export async function loadPrices(store: DocumentStore, site: string, nowMs: number): Promise<PricePoint[]> {
	const points: PricePoint[] = [];
	let cursor: string | undefined;
	do {
		const page = await store.documents({ site, kind: KIND, order: "asc", ...(cursor === undefined ? {} : { cursor }) });
		for (const { value } of page.items) {
			if (isStored(value)) points.push(...value.map(([time, price]) => ({ time, price })));
		}
		cursor = page.nextCursor;
	} while (cursor !== undefined);
	return points.filter(({ time }) => Number(time) >= nowMs - KEEP_MS);
}
