/** What the editor saves and the runtime reads: one type for both halves. */
export interface ProductionPlanConfig {
	configVersion: 1;
	name: string;
	/** Id of an energy-site. */
	site: string;
	/** `follow` hands every question to the process that plans. */
	mode: "plan" | "follow";
	/** Who says that a plan is carried out. */
	approval: "operator" | "automatic";
	horizonHours: string | number;
	/** Minutes after which a plan is made anew without any other reason. */
	everyMinutes: string | number;
	/** What starts within so many minutes stays where it is. */
	frozenMinutes: string | number;
	/** Minutes that a start or an end may be late before a plan is made anew. */
	lateMinutes: string | number;
	/** A plan that could not be checked for so long is withdrawn. */
	staleMinutes: string | number;
	/** How long a machine that broke down is expected to stand still. */
	repairHours: string | number;
	/** Share below the limit of demand control that a plan keeps, per cent; empty: safety_margin of the configuration. */
	marginPercent: string | number;
	/** Limit where no demand control runs, kW; empty: peak_power_limit of the configuration. */
	peakLimitKw: string | number;
	/** Price of emissions; empty or 0: none. */
	carbonKrwPerTonne: string | number;
	/** Time for a plan, s. */
	seconds: string | number;
	/** A plan this close to the bound is good enough, per cent. */
	gapPercent: string | number;
	seed: string | number;
	/** Writes orders of a day for the simulated plant where there are few. */
	demoOrders: boolean;
	/** Commands and events of machines travel over MQTT. */
	publishMqtt: boolean;
	/** Empty: SMARTFACTORY_MQTT_BROKER. */
	brokerUrl: string;
}

export interface ProductionPlanCredentials {
	username: string;
	password: string;
}

export const defaults = {
	mode: "plan",
	approval: "operator",
	horizonHours: 24,
	everyMinutes: 15,
	frozenMinutes: 30,
	lateMinutes: 5,
	staleMinutes: 60,
	repairHours: 4,
	marginPercent: "",
	peakLimitKw: "",
	carbonKrwPerTonne: "",
	seconds: 10,
	gapPercent: 0.5,
	seed: 1,
	demoOrders: false,
	publishMqtt: true,
	brokerUrl: "",
} as const;

/** Least and most of each number, for dialog and runtime. */
export const ranges = {
	horizonHours: [1, 168],
	everyMinutes: [1, 1440],
	frozenMinutes: [0, 1440],
	lateMinutes: [1, 120],
	staleMinutes: [5, 1440],
	repairHours: [0.25, 168],
	marginPercent: [0, 90],
	peakLimitKw: [0, 10_000_000],
	carbonKrwPerTonne: [0, 10_000_000],
	seconds: [1, 600],
	gapPercent: [0, 50],
	seed: [1, 2_147_483_647],
} as const;
