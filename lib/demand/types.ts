/** What the projected bill says about one demand, as lib/tariff works it out; demand control only asks. */
export interface PeakPrice {
	/** What the demand adds to the bills of this and the coming months, all together, KRW (VAT excluded). */
	krw: number;
	/** The same for one month, as people speak of it, KRW a month. */
	krwPerMonth: number;
	/** Last month that pays for it, `2027-08`; null where nothing is paid. */
	until: string | null;
	/** The demand above which a kW starts to cost: the projected billing demand without this quarter-hour, kW. */
	incumbentKw: number;
	/** Why: the quarter-hour does not count, a higher peak covers it, or it raises the bill. */
	reason: "not-counted" | "covered" | "raises";
}

/**
 * Price of ending the quarter-hour that starts at `atMs` with the demand `kw`. Asked about once a second at most while
 * the demand is above the incumbent, once a quarter-hour otherwise.
 */
export type PeakPricer = (kw: number, atMs: number) => PeakPrice;

export type LimitPolicy =
	/** A figure of the plant's own. */
	| { kind: "target"; kw: number }
	/** The contract demand; where it changes by date, that of the quarter-hour. */
	| { kind: "contract"; kw: number; kwAt?: (atMs: number) => number }
	/** The level above which the projected bill rises; `atLeastKw` keeps a quiet month from asking for the impossible. */
	| { kind: "bill"; atLeastKw?: number };

/** A load that may be shed. */
export interface Load {
	machine: string;
	/** What stopping it saves while it runs, kW. */
	kw: number;
	/** Runs at least this long before it may be shed, s. */
	minOnS: number;
	/** Stays shed at least this long before it may return, s. */
	minOffS: number;
	/** 1 is shed first and restored last. */
	priority: number;
	/** For a load that can be limited instead of stopped: the reductions it knows, kW, each above 0 and at most `kw`. */
	stepsKw?: readonly number[];
}

/** What happens while the main meter is silent. */
export type SilentPolicy =
	/** Nothing is shed or restored until it speaks again. */
	| "hold"
	/** Everything that may be shed is, in quarter-hours that count. */
	| "shed-all"
	/** The last power counts on, and the upper end of the interval decides. */
	| "estimate";

export interface DemandConfig {
	/** Meters whose sum is the site: the main meters, or the sub-meters where there is none. */
	meters: readonly string[];
	/** `true` where the meters are main meters: export is then not demand, and counts as 0. */
	main: boolean;
	limit: LimitPolicy;
	/** No shedding in so many first seconds of a quarter-hour: the prediction is still a guess. */
	lockoutS: number;
	/** A load returns only while the prediction with it stays this far below the limit, kW. */
	restoreMarginKw: number;
	/** Silence of the main meter that is an alarm, s; at most 120. */
	silentAfterS: number;
	silentPolicy: SilentPolicy;
	loads: readonly Load[];
	/** A machine that still draws more than half of what it was told to shed after so long did not follow, s. */
	responseS: number;
	/** Power that no meter of the site can reach: a counter that jumps further was exchanged or reset, kW. */
	plausibleKw: number;
	/** Value at which a counter starts again at 0, kWh, per meter. */
	rolloverKwh?: Readonly<Record<string, number>>;
}

/** `lockout`…`restore` as they follow each other in a quarter-hour; `silent` stands above all. */
export type GuardState = "lockout" | "ok" | "watch" | "shed" | "restore" | "silent";

export interface LoadCommand {
	machine: string;
	/** `limit` says by `limitKw` what the machine may still draw. */
	command: "stop" | "limit" | "release";
	limitKw: number | null;
	/** What it saves (negative for a release: what returns), kW. */
	savesKw: number;
	/** Code of lib/demand/messages.json that says why. */
	reason: string;
	details: Readonly<Record<string, unknown>>;
}

/** Something a person should know; text by `demandText`. */
export interface DemandEvent {
	code:
		| "demand.silent"
		| "demand.late"
		| "demand.irregular"
		| "demand.clock-ahead"
		| "demand.speaks-again"
		| "demand.limit-ahead"
		| "demand.shed"
		| "demand.moved"
		| "demand.restored"
		| "demand.not-enough"
		| "demand.not-followed"
		| "demand.pulse-missing"
		| "demand.pulse-stray"
		| "demand.closed";
	severity: "info" | "warning" | "alarm";
	atMs: number;
	details: Readonly<Record<string, unknown>>;
}

/** The quarter-hour as it stands. The object is reused by the next evaluation: copy what is kept. */
export interface DemandStatus {
	state: GuardState;
	atMs: number;
	/** Label of the quarter-hour, a multiple of 15 minutes since the epoch; a pulse may shift the real boundary. */
	windowStartMs: number;
	/** When it ends by pulse or clock, epoch ms. */
	endsAtMs: number;
	elapsedS: number;
	/** Energy of the quarter-hour that is known (measured and held), kWh. */
	energySoFarKwh: number;
	/** The part of it that was bridged over a silence, kWh. */
	estimatedKwh: number;
	/** Mean power of the last minute, kW; null before the first reading. */
	powerKw: number | null;
	/** Demand at its end if the last minute goes on, kW; null before the first reading. */
	predictedKw: number | null;
	/** A nine-in-ten interval around it, kW. */
	lowKw: number | null;
	highKw: number | null;
	/** `history`: from the last hours' changes; `wide`: too little of them, so anything between nothing and the most seen. */
	basis: "history" | "wide";
	/** null where nothing has to be kept. */
	limitKw: number | null;
	/** limitKw − predictedKw. */
	headroomKw: number | null;
	/** Seconds at the start that nobody saw; the prediction fills them with the last minute. */
	unknownS: number;
	partial: boolean;
	silentMeters: readonly string[];
	/** What is shed now, kW. */
	shedKw: number;
	/** What the prediction would cost; null without a tariff. */
	price: PeakPrice | null;
	/** Of the intervals given halfway through past quarter-hours, how many held the outcome. */
	intervalHits: number;
	intervalTrials: number;
	/** How the loads were chosen last, and why not by MIP. */
	method: string;
	commands: readonly LoadCommand[];
	events: readonly DemandEvent[];
}
