/** A load as its row in the table holds it: text until it is read. */
export interface LoadRow {
	machine: string;
	kw: string;
	priority: string;
	minOnS: string;
	minOffS: string;
	/** Reductions that the machine knows, kW, separated by commas; empty: it can only be stopped. */
	stepsKw: string;
}

/** What the editor saves and the runtime reads: one type for both halves. */
export interface DemandGuardConfig {
	configVersion: 1;
	name: string;
	/** Id of an energy-site. */
	site: string;
	/** `target`: a figure of the plant's own; `contract`: the contract demand; `bill`: what is paid for anyway. */
	limitKind: "target" | "contract" | "bill";
	/** Target, kW; with `bill` the least it may fall to. */
	limitKw: string | number;
	contractKw: string | number;
	/** `site`: the site's contract; a tariff id, e.g. `kepco/industrial-b/high-a/II`; empty: every kW above the limit counts. */
	tariff: string;
	billingDay: string | number;
	/** JSON, e.g. `{"2026-01": 132}`: counted peaks of months that the store does not know. */
	previousPeaks: string;
	lockoutS: string | number;
	restoreMarginKw: string | number;
	silentAfterS: string | number;
	silentPolicy: "hold" | "shed-all" | "estimate";
	responseS: string | number;
	loads: LoadRow[];
	/** Advice only: nothing leaves the command output. */
	dryRun: boolean;
}
