/** What the editor saves and the runtime reads: one type for both halves. */
export interface EnergyReportConfig {
	configVersion: 1;
	name: string;
	/** Id of an energy-site. */
	site: string;
	kind: "day" | "month";
	format: "json" | "csv" | "pdf";
	/** Table of a CSV. */
	table: "intervals" | "days" | "bands" | "machines" | "bill";
	language: "en-US" | "ko";
	/** `site`: the site's contract; a tariff id, e.g. `kepco/industrial-b/high-a/II`; empty: a report without bill and bands. */
	tariff: string;
	contractKw: string | number;
	billingDay: string | number;
	/** JSON, e.g. `{"2026-01": 132}`: counted peaks of months that the store does not know. */
	previousPeaks: string;
	/** Grid of the emission factors; empty: no carbon. */
	grid: string;
	/** Folder that files are written to as well; empty: none. */
	folder: string;
}
