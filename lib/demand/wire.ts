import { languages } from "../messages.ts";
import type { DemandEvent, DemandStatus, LoadCommand } from "./types.ts";
import { commandText, eventText, statusText } from "./words.ts";

/** A text in every language of ours. */
type Words = Record<(typeof languages)[number], string>;

const inAll = (say: (language: (typeof languages)[number]) => string): Words =>
	Object.fromEntries(languages.map((language) => [language, say(language)])) as Words;
const iso = (ms: number): string => new Date(ms).toISOString();
const kw = (value: number): number => Math.round(value * 100) / 100;
const kwOrNull = (value: number | null): number | null => (value === null ? null : kw(value));

/** The quarter-hour as `msg.payload` and `GET /api/v1/demand` carry it; null is "not known", never 0. */
export function wireStatus(status: DemandStatus, site: string, advice: boolean): object {
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
