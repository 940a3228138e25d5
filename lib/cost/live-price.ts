import { clockOf } from "../calendar/zone-clock.ts";
import { EnergyError } from "../errors.ts";
import { explain } from "../messages.ts";
import type { SiteContract } from "../tariff/contract.ts";
import type { BandChangeEvent, CostToday, PriceMessage } from "../tariff/messages-live.ts";
import type { Pricer } from "../tariff/pricer.ts";
import { type Warning, warning } from "../tariff/warning.ts";
import { QUARTER_HOUR_MS } from "../telemetry/interval.ts";
import { priceOf, priceSteps } from "./steps.ts";

const DAY_QUARTERS = 96;

/** Price now, the day before and the day ahead, with what today has cost. */
export function priceMessage(
	site: string,
	{ tariff }: SiteContract,
	pricer: Pricer,
	nowMs: number,
	{ today, warnings: told }: { today: CostToday | null; warnings: readonly Warning[] },
): PriceMessage {
	const startMs = Math.floor(nowMs / QUARTER_HOUR_MS) * QUARTER_HOUR_MS;
	const { steps: horizon, missing } = priceSteps(pricer, startMs, DAY_QUARTERS);
	const warnings = [...told];
	const [gap] = missing;
	if (gap) warnings.push(warning("tariff.prices-unknown", gap));
	return {
		type: "price",
		site,
		time: new Date(nowMs).toISOString(),
		tariff: tariff.id,
		tariffName: tariff.contract.name,
		currency: tariff.book.currency,
		bands: tariff.book.bands.map(({ id: band, name }) => ({ band, name })),
		now: priceOf(pricer, nowMs),
		horizon,
		past: pastSteps(pricer, startMs),
		knownUntil: gap?.from ?? null,
		todayCostKrw: today?.costKrw ?? null,
		today,
		warnings,
	};
}

/** A tariff that began within the last day has no prices before. */
function pastSteps(pricer: Pricer, startMs: number): PriceMessage["horizon"] {
	try {
		return priceSteps(pricer, startMs - DAY_QUARTERS * QUARTER_HOUR_MS, DAY_QUARTERS).steps;
	} catch {
		return [];
	}
}

/** The next change of band or price, as an event for the live feed; undefined where none comes within a week. */
export function bandChange(site: string, pricer: Pricer, nowMs: number): BandChangeEvent | undefined {
	const { tariff } = pricer;
	const now = priceOf(pricer, nowMs);
	if (!now.next) return undefined;
	const { at, band, priceKrwPerKwh } = now.next;
	const minutesAhead = Math.max(0, Math.round((Date.parse(at) - nowMs) / 60_000));
	const nameOf = (id: string, language: "en-US" | "ko"): string =>
		tariff.book.bands.find((each) => each.id === id)?.name[language] ?? id;
	const said = (language: "en-US" | "ko"): string => {
		const won = (price: number | null): string => (price === null ? "–" : String(price));
		const details = {
			...{ minutes: minutesAhead, at: at.slice(11, 16) },
			...{ from: nameOf(now.band, language), to: nameOf(band, language) },
			...{ fromPrice: won(now.priceKrwPerKwh), toPrice: won(priceKrwPerKwh) },
		};
		return explain(new EnergyError("price.band-change", details), language);
	};
	return {
		...{ site, code: "price.band-change", severity: "info" },
		time: clockOf(tariff.book.timeZone).isoAt(nowMs),
		...{ at, minutesAhead },
		from: { band: now.band, priceKrwPerKwh: now.priceKrwPerKwh },
		to: { band, priceKrwPerKwh },
		text: { "en-US": said("en-US"), ko: said("ko") },
	};
}
