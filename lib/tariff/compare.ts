import type { Words } from "../calendar/holidays.ts";
import { billWords } from "./bill-line.ts";
import { Exact } from "./money.ts";
import { mainDemandCharge, type Tariff, type TariffRegistry } from "./registry.ts";
import { billYear, type YearBill, type YearRequest } from "./year.ts";

/** One way to be billed, and what the load costs that way. */
export interface Comparison {
	tariff: string;
	/** Named version; absent: the versions in force. */
	version?: string;
	contractKw: number;
	energy: number;
	demand: number;
	total: number;
	/** Total less that of the cheapest. */
	above: number;
}

export interface CompareRequest extends Omit<YearRequest, "tariff" | "version"> {
	tariffs: readonly Tariff[];
	/** Versions to compare, `undefined` for those in force; default only that. A tariff without it is left out. */
	versions?: readonly (string | undefined)[];
	/** Contract demands to compare; default the contract's own. */
	contractKws?: readonly number[];
}

/** The same load under each version, option and contract demand, cheapest first. */
export function compareTariffs({
	tariffs,
	versions = [undefined],
	contractKws,
	...request
}: CompareRequest): Comparison[] {
	const rows: Comparison[] = [];
	for (const tariff of tariffs) {
		for (const version of versions) {
			if (version !== undefined && !tariff.versions.some(({ effective }) => effective === version)) continue;
			for (const contractKw of contractKws ?? [request.contract.contractKw]) {
				const contract = { ...request.contract, contractKw };
				const { energy, demand, total } = billYear({
					...request,
					tariff,
					contract,
					...(version === undefined ? {} : { version }),
				});
				rows.push({
					tariff: tariff.id,
					...(version === undefined ? {} : { version }),
					contractKw,
					energy,
					demand,
					total,
					above: 0,
				});
			}
		}
	}
	rows.sort((a, b) => a.total - b.total);
	const best = Exact.of(rows[0]?.total ?? 0);
	return rows.map((row) => ({ ...row, above: Exact.of(row.total).minus(best).toNumber() }));
}

/** A change of the contract that would pay. */
export interface Advice {
	kind: "option" | "contract-demand";
	from: string | number;
	to: string | number;
	/** In the tariff's currency, with levies. */
	savingPerYear: number;
	reason: Words;
}

export interface AdviceRequest extends YearRequest {
	registry: TariffRegistry;
	/** How far the contract demand stays above the year's peak, %; default 5. */
	marginPercent?: number;
}

/**
 * What to change in the contract for this year's load: the option (its change holds for a year) and the contract
 * demand (whose share is the floor of the demand charge). Best first; empty where nothing pays.
 *
 * @throws EnergyError those of billYear
 */
export function adviseContract({ registry, marginPercent = 5, ...request }: AdviceRequest): Advice[] {
	const year: YearRequest = { history: "typical-year", ...request };
	const current = billYear(year);
	return [...optionAdvice(year, registry, current), ...contractAdvice(year, current, marginPercent)].sort(
		(a, b) => b.savingPerYear - a.savingPerYear,
	);
}

/** Tariffs of the same contract and voltage: those that differ in the option only. */
export function siblingsOf(tariff: Tariff, registry: TariffRegistry): Tariff[] {
	const family = tariff.id.slice(0, tariff.id.lastIndexOf("/") + 1);
	return registry
		.ids()
		.filter((id) => id.startsWith(family) && !id.slice(family.length).includes("/"))
		.map((id) => registry.get(id));
}

const saving = (now: YearBill, then: YearBill): number => Exact.of(now.total).minus(Exact.of(then.total)).toNumber();

function optionAdvice(request: YearRequest, registry: TariffRegistry, current: YearBill): Advice[] {
	const option = (id: string): string => id.slice(id.lastIndexOf("/") + 1);
	const billed = siblingsOf(request.tariff, registry)
		.filter(({ id }) => id !== request.tariff.id)
		.map((tariff) => ({ tariff, year: billYear({ ...request, tariff }) }))
		.sort((a, b) => a.year.total - b.year.total);
	const best = billed[0];
	if (!best || saving(current, best.year) <= 0) return [];
	const hours = Math.round(current.importKwh / (request.months ?? 12) / (current.peakKw || 1));
	return [
		{
			kind: "option",
			from: request.tariff.id,
			to: best.tariff.id,
			savingPerYear: saving(current, best.year),
			reason: billWords("adviceOption", { from: option(request.tariff.id), to: option(best.tariff.id), hours }),
		},
	];
}

function contractAdvice(request: YearRequest, current: YearBill, marginPercent: number): Advice[] {
	const { min = 1, below = Number.POSITIVE_INFINITY } = request.tariff.contract.sizeKw ?? {};
	const from = request.contract.contractKw;
	const wanted = Math.ceil((current.peakKw * (100 + marginPercent)) / 100);
	const to = Math.min(Math.max(wanted, min), below - 1);
	if (to === from || mainDemandCharge(request.tariff)?.floor === undefined) return [];
	const contract = { ...request.contract, contractKw: to };
	const better = billYear({ ...request, contract });
	// A contract above the peak costs nothing but the floor; one below it is surcharged from the second month on.
	const notices = request.priorNotices ?? { overContract: 1, powerFactor: 1 };
	const now = current.peakKw > from ? billYear({ ...request, priorNotices: notices }) : current;
	if (saving(now, better) <= 0) return [];
	return [
		{
			kind: "contract-demand",
			from,
			to,
			savingPerYear: saving(now, better),
			reason: billWords(to < from ? "adviceLower" : "adviceRaise", { from, to, peak: current.peakKw }),
		},
	];
}
