import type { Words } from "../calendar/holidays.ts";
import { billWords } from "./bill-line.ts";
import { Exact } from "./money.ts";
import { mainDemandCharge, type Tariff, type TariffRegistry } from "./registry.ts";
import { billYear, type YearRequest } from "./year.ts";

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
	kind: "option" | "contract-demand" | "both";
	/** What the advice changes, now and then. */
	from: { tariff: string; contractKw: number };
	to: { tariff: string; contractKw: number };
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
 * What to change in the contract for this year's load: the option (its change holds for a year), the contract demand
 * (whose share is the floor of the demand charge), or both where that saves more than either. Best first; empty where
 * nothing pays.
 *
 * @throws EnergyError those of billYear
 */
export function adviseContract({ registry, marginPercent = 5, ...request }: AdviceRequest): Advice[] {
	const { tariff } = request;
	const { contractKw } = request.contract;
	// Demand above the contract is surcharged from the second month on, so a year of it is billed as noticed before.
	const year: YearRequest = {
		history: "typical-year",
		...request,
		priorNotices: request.priorNotices ?? { overContract: 1, powerFactor: 1 },
	};
	const now = billYear(year);
	const candidate = (to: Tariff, kw: number): Candidate => {
		const then = billYear({ ...year, tariff: to, contract: { ...request.contract, contractKw: kw } });
		return { tariff: to, contractKw: kw, saving: Exact.of(now.total).minus(Exact.of(then.total)).toNumber() };
	};
	const others = siblingsOf(tariff, registry).filter(({ id }) => id !== tariff.id);
	const wantedKw = wantedContract(tariff, now.peakKw, contractKw, marginPercent);
	const option = best(others.map((to) => candidate(to, contractKw)));
	const contract = wantedKw === contractKw ? undefined : candidate(tariff, wantedKw);
	const both = wantedKw === contractKw ? undefined : best(others.map((to) => candidate(to, wantedKw)));
	const hours = Math.round(now.importKwh / (request.months ?? 12) / (now.peakKw || 1));
	const optionWords = (to: Tariff): Words =>
		billWords("adviceOption", { from: optionOf(tariff), to: optionOf(to), hours });
	const contractWords = billWords(wantedKw < contractKw ? "adviceLower" : "adviceRaise", {
		from: contractKw,
		to: wantedKw,
		peak: now.peakKw,
	});
	const advice: Advice[] = [];
	const add = (kind: Advice["kind"], to: Candidate | undefined, reason: (to: Tariff) => Words): void => {
		if (!to || to.saving <= 0) return;
		advice.push({
			kind,
			from: { tariff: tariff.id, contractKw },
			to: { tariff: to.tariff.id, contractKw: to.contractKw },
			savingPerYear: to.saving,
			reason: reason(to.tariff),
		});
	};
	add("option", option, optionWords);
	add("contract-demand", contract, () => contractWords);
	if (both && both.saving > Math.max(option?.saving ?? 0, contract?.saving ?? 0)) {
		add("both", both, (to) => billWords("adviceBoth", { first: contractWords, second: optionWords(to) }));
	}
	return advice.sort((a, b) => b.savingPerYear - a.savingPerYear);
}

interface Candidate {
	tariff: Tariff;
	contractKw: number;
	saving: number;
}

const best = (candidates: readonly Candidate[]): Candidate | undefined =>
	[...candidates].sort((a, b) => b.saving - a.saving)[0];

const optionOf = ({ id }: Tariff): string => id.slice(id.lastIndexOf("/") + 1);

/** Tariffs of the same contract and voltage: those that differ in the option only. */
export function siblingsOf(tariff: Tariff, registry: TariffRegistry): Tariff[] {
	const family = tariff.id.slice(0, tariff.id.lastIndexOf("/") + 1);
	return registry
		.ids()
		.filter((id) => id.startsWith(family) && !id.slice(family.length).includes("/"))
		.map((id) => registry.get(id));
}

/** The least contract demand that leaves the year's peak its margin, within the sizes of the contract. */
function wantedContract(tariff: Tariff, peakKw: number, contractKw: number, marginPercent: number): number {
	if (mainDemandCharge(tariff)?.floor === undefined) return contractKw;
	const { min = 1, below = Number.POSITIVE_INFINITY } = tariff.contract.sizeKw ?? {};
	const wanted = Math.ceil((peakKw * (100 + marginPercent)) / 100);
	return Math.min(Math.max(wanted, min), below - 1);
}
