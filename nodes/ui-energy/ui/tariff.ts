import type { Words } from "../../../lib/calendar/holidays.ts";
import type { LiveBand } from "../../../lib/tariff/messages-live.ts";
import { language } from "./shell.ts";

/** A text of the tariff in the reader's language. */
export function words(text: Words): string {
	return text[language.value];
}

export function bandName(bands: readonly LiveBand[], band: string): string {
	const known = bands.find((each) => each.band === band);
	return known ? words(known.name) : band;
}
