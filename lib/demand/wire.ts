import { languages } from "../messages.ts";
import type { DemandEvent, DemandStatus, GuardState, LoadCommand, PeakPrice } from "./types.ts";
import { commandText, eventText, statusText } from "./words.ts";

/** A text in every language of ours. */
type Words = Record<(typeof languages)[number], string>;

/** A level of demand worth knowing: the plant's target, the contract demand, or what is paid for anyway. */
export interface DemandLevel {
	kind: "target" | "contract" | "incumbent";
	kw: number;
}

/** The quarter-hour as it stands, for cards and programs; null is "not known", never 0. */
export interface DemandMessage {
	site: string;
	/** When it was made, ISO 8601. */
	time: string;
	state: GuardState;
	/** Nothing is switched: what would be shed is only said. */
	advice: boolean;
	windowStart: string;
	windowEnd: string;
	elapsedS: number;
	energySoFarKwh: number;
	/** The part of it that was bridged over a silence. */
	estimatedKwh: number;
	/** Mean power of the last minute. */
	powerKw: number | null;
	/** Demand at the end of the quarter-hour, with a nine-in-ten interval around it. */
	predictedKw: number | null;
	lowKw: number | null;
	highKw: number | null;
	basis: DemandStatus["basis"];
	/** What is kept; null where nothing has to be. */
	limitKw: number | null;
	headroomKw: number | null;
	/** Every level that is known, lowest first. */
	levels: DemandLevel[];
	shedKw: number;
	/** What the prediction adds to the bills to come; null without a tariff. */
	price: {
		krw: number;
		krwPerMonth: number;
		/** Last month that pays for it, `2027-08`. */
		until: string | null;
		incumbentKw: number | null;
		overKw: number;
		reason: PeakPrice["reason"];
	} | null;
	/** The beginning was not seen; `unknownS` says how much of it. */
	partial: boolean;
	unknownS: number;
	silentMeters: string[];
	interval: { nominal: number; hits: number; trials: number };
	method: string;
	text: Words;
}

/** The plant's own levels, where it has some. */
export interface OwnLevels {
	targetKw?: number;
	contractKw?: number;
}

const inAll = (say: (language: (typeof languages)[number]) => string): Words =>
	Object.fromEntries(languages.map((language) => [language, say(language)])) as Words;
const iso = (ms: number): string => new Date(ms).toISOString();
const kw = (value: number): number => Math.round(value * 100) / 100;
const kwOrNull = (value: number | null): number | null => (value === null ? null : kw(value));

function levelsOf({ price }: DemandStatus, { targetKw = 0, contractKw = 0 }: OwnLevels): DemandLevel[] {
	const incumbentKw = price && Number.isFinite(price.incumbentKw) ? price.incumbentKw : 0;
	const levels: DemandLevel[] = [
		{ kind: "target", kw: kw(targetKw) },
		{ kind: "contract", kw: kw(contractKw) },
		{ kind: "incumbent", kw: kw(incumbentKw) },
	];
	return levels.filter((level) => level.kw > 0).sort((a, b) => a.kw - b.kw);
}

/** The quarter-hour as `msg.payload` and `GET /api/v1/demand` carry it. */
export function wireStatus(status: DemandStatus, site: string, advice: boolean, own: OwnLevels = {}): DemandMessage {
	const { price, predictedKw } = status;
	return {
		site,
		time: iso(status.atMs),
		state: status.state,
		advice,
		windowStart: iso(status.windowStartMs),
		windowEnd: iso(status.endsAtMs),
		elapsedS: Math.round(status.elapsedS),
		energySoFarKwh: Math.round(status.energySoFarKwh * 1000) / 1000,
		estimatedKwh: Math.round(status.estimatedKwh * 1000) / 1000,
		powerKw: kwOrNull(status.powerKw),
		predictedKw: kwOrNull(predictedKw),
		lowKw: kwOrNull(status.lowKw),
		highKw: kwOrNull(status.highKw),
		basis: status.basis,
		limitKw: kwOrNull(status.limitKw),
		headroomKw: kwOrNull(status.headroomKw),
		levels: levelsOf(status, own),
		shedKw: kw(status.shedKw),
		price: price && {
			krw: Math.round(price.krw),
			krwPerMonth: Math.round(price.krwPerMonth),
			until: price.until,
			incumbentKw: Number.isFinite(price.incumbentKw) ? kw(price.incumbentKw) : null,
			overKw: kw(Math.max(0, (predictedKw ?? 0) - price.incumbentKw)),
			reason: price.reason,
		},
		partial: status.partial,
		unknownS: Math.round(status.unknownS),
		silentMeters: [...status.silentMeters],
		interval: { nominal: 0.9, hits: status.intervalHits, trials: status.intervalTrials },
		method: status.method,
		text: inAll((language) => statusText(status, language)),
	};
}

/** A command as it travels on `…/command`, with its reason in words. */
export function wireCommand(command: LoadCommand, atMs: number): object {
	return {
		machine: command.machine,
		command: command.command,
		...(command.limitKw === null ? {} : { limitKw: command.limitKw }),
		savesKw: kw(command.savesKw),
		time: iso(atMs),
		source: "demand-guard",
		reason: command.reason,
		text: inAll((language) => commandText(command, language)),
	};
}

/** An event for the live feed and the alarm node. */
export function wireEvent(event: DemandEvent, site: string, advice: boolean): object {
	return {
		site,
		code: event.code,
		severity: event.severity,
		time: iso(event.atMs),
		advice,
		details: event.details,
		text: inAll((language) => eventText(event, language, advice)),
	};
}
