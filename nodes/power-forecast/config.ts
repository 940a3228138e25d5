/** What the editor saves and the runtime reads: one type for both halves. */
export interface PowerForecastConfig {
	configVersion: 1;
	name: string;
	/** Id of an energy-site. */
	site: string;
	/** How far forecasts reach, minutes: 15…10080 in steps of 15. */
	horizonMinutes: number;
	/** Minutes between scheduled forecasts; 0: on demand only. */
	everyMinutes: number;
	/** Share of values that an interval is to hold, percent. */
	intervalPercent: number;
	/** Days of history that a model learns from. */
	historyDays: number;
	/** Days for which issued forecasts are kept. */
	keepDays: number;
	nightly: boolean;
	/** Local hour of the nightly training. */
	nightlyHour: number;
	trainOnDrift: boolean;
	/** What runs trained models; absent is `auto`. */
	engine?: EngineName;
	/** Where onnxruntime runs models; absent is `cpu`. */
	provider?: ProviderName;
}

export const engines = ["auto", "typescript", "onnx"] as const;
export type EngineName = (typeof engines)[number];
export const providers = ["cpu", "cuda", "dml", "coreml"] as const;
export type ProviderName = (typeof providers)[number];

export const defaults = {
	horizonMinutes: 2880,
	everyMinutes: 15,
	intervalPercent: 90,
	historyDays: 365,
	keepDays: 30,
	nightlyHour: 2,
} as const;
