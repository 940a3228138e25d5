import type { Site } from "../../lib/telemetry/site.ts";
import type { Reader } from "../desk-wire.ts";
import { pastQuery, predictOrder } from "./forecast-query.ts";
import { sharesFor, type WireForecast, type WirePast, wireHeading, wirePoint, wireServed } from "./forecast-wire.ts";
import type { SiteForecast } from "./site-forecast.ts";

const STEP_MS = 900_000;

/**
 * What had been forecast for a time, beside what came.
 *
 * @param asked see {@link pastQuery}
 * @throws EnergyError `models.bad-input`, `models.machine-unknown`, `store.bad-query`
 */
export async function pastOf(
	forecasts: SiteForecast,
	site: Site,
	asked: Readonly<Record<string, unknown>>,
	reader: Reader,
	nowMs = Date.now(),
): Promise<WirePast> {
	const { machine, fromMs, toMs, leadMs, asOfMs } = pastQuery(site, asked, nowMs);
	const [points, newest] = await Promise.all([
		forecasts.at(machine, fromMs, toMs, leadMs, asOfMs),
		forecasts.newest(machine, asOfMs),
	]);
	const pastMs = Math.min(toMs, Math.floor(nowMs / STEP_MS) * STEP_MS);
	const actual = fromMs < pastMs ? await forecasts.actual(machine, fromMs, pastMs) : undefined;
	const items = points.map((point) => wirePoint(point, actual?.values[(point.startMs - actual.startMs) / STEP_MS]));
	return {
		...{ site: site.id, machine, from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() },
		leadMinutes: leadMs / 60_000,
		...(asOfMs !== undefined && { asOf: new Date(asOfMs).toISOString() }),
		items,
		accuracy: worthOf(items, newest?.share ?? 0.9),
		newest: newest ? wireHeading(newest, reader) : null,
	};
}

/** Issued forecasts beside what came, where anything came. */
function worthOf(items: WirePast["items"], promised: number): WirePast["accuracy"] {
	let values = 0;
	let error = 0;
	let energy = 0;
	let held = 0;
	for (const { energyKwh, lowerKwh, upperKwh, actualKwh } of items) {
		if (actualKwh === null) continue;
		values++;
		error += Math.abs(energyKwh - actualKwh);
		energy += Math.abs(actualKwh);
		if (actualKwh >= lowerKwh && actualKwh <= upperKwh) held++;
	}
	if (values === 0) return null;
	return { values, maeKwh: error / values, wape: error / (energy || 1), coverage: held / values, promised };
}

/**
 * A forecast that nobody will be held to: by any version of a model, from any recent values, with any quantiles.
 *
 * @param asked see {@link predictOrder}
 * @throws EnergyError those of `predictOrder` and `SiteForecast.predict`
 */
export async function predictionOf(
	forecasts: SiteForecast,
	site: Site,
	asked: Readonly<Record<string, unknown>>,
	reader: Reader,
): Promise<WireForecast> {
	const { quantiles, ...order } = predictOrder(site, asked);
	const { machine, served } = await forecasts.predict({ ...order, shares: sharesFor(quantiles) });
	return wireServed(machine, served, quantiles, reader);
}
