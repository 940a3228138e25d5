import { EnergyError } from "./errors.ts";
import { explain, type Language, statusOf } from "./messages.ts";

/** RFC 9457 problem details. */
export interface Problem {
	type: string;
	title: string;
	status: number;
	detail: string;
	/** Field, value and rule, as the error carries them. */
	[extension: string]: unknown;
}

/** The one place that turns an error into an HTTP problem. */
export function problemOf(error: unknown, language: Language): Problem {
	const status = statusOf(error);
	const code = error instanceof EnergyError ? error.code : "nodes.unexpected";
	return {
		type: `urn:smartfactory:problem:${code}`,
		title: code,
		status,
		detail: explain(error, language),
		...(error instanceof EnergyError && status < 500 ? { details: error.details } : {}),
	};
}
