import type { Words } from "../calendar/holidays.ts";
import { EnergyError } from "../errors.ts";
import { explain } from "../messages.ts";

/** Something a reader of a result must know: a code for programs, details, and words for people. */
export interface Warning {
	code: string;
	details: Readonly<Record<string, unknown>>;
	message: Words;
}

export function warning(code: string, details: Readonly<Record<string, unknown>> = {}): Warning {
	const said = new EnergyError(code, details);
	return { code, details, message: { "en-US": explain(said, "en-US"), ko: explain(said, "ko") } };
}
