import { EnergyError } from "./errors.ts";
import { explain, type Language, statusOf } from "./messages.ts";
import { isMisfits, ruleIn } from "./rules.ts";

/** One place of a request that is wrong. */
export interface ProblemPlace {
	/** Where the pointer begins; absent where the error does not know. */
	in?: "body" | "query" | "path" | "header";
	/** JSON pointer (RFC 6901) as a URI fragment: `#/load/uniformKw`, of a query `#/from`. */
	pointer: string;
	/** The rule, in the caller's language. */
	detail: string;
}

/** RFC 9457 problem details. */
export interface Problem {
	/** Stable, and a page of this server: what the code means and what to do. */
	type: string;
	/** The code, for programs. */
	title: string;
	status: number;
	detail: string;
	/** Every place that is wrong, where the error names places. */
	errors?: ProblemPlace[];
	/** Field, value and rule, as the error carries them. */
	[extension: string]: unknown;
}

/** Where every code is explained; the fragment is the code. */
export const problemPage = "/api/docs/problems";

/** The one place that turns an error into an HTTP problem. */
export function problemOf(error: unknown, language: Language): Problem {
	const status = statusOf(error);
	const code = error instanceof EnergyError ? error.code : "nodes.unexpected";
	const details = error instanceof EnergyError && status < 500 ? error.details : undefined;
	const errors = details && placesOf(details, language);
	return {
		type: `${problemPage}#${code}`,
		title: code,
		status,
		detail: explain(error, language),
		...(errors && errors.length > 0 && { errors }),
		...(details && { details }),
	};
}

function placesOf(details: Readonly<Record<string, unknown>>, language: Language): ProblemPlace[] {
	const { misfits, problems, field, rule, header } = details;
	if (Array.isArray(misfits) && misfits.length > 0) {
		return (misfits as { field: string; rule: string }[]).map((misfit) => placeOf(misfit.field, misfit.rule));
	}
	if (isMisfits(problems)) {
		return problems.slice(0, 20).map((misfit) => placeOf(misfit.path, ruleIn(language, misfit.rule)));
	}
	if (typeof field !== "string") return [];
	const said = typeof rule === "string" ? ruleIn(language, rule) : "";
	return [{ ...placeOf(field, said), ...(header !== undefined && { in: "header" as const }) }];
}

const parts = { body: "body", query: "query", params: "path", headers: "header" } as const;

/** Fields are named as pointers (`/body/0/time`), or by dots and brackets (`load.intervals[3]`). */
function placeOf(field: string, detail: string): ProblemPlace {
	const [, part, rest = ""] = /^\/(body|query|params|headers)(\/.*)?$/.exec(field) ?? [];
	if (part) return { in: parts[part as keyof typeof parts], pointer: `#${encodeURI(rest)}`, detail };
	if (field.startsWith("/") || field === "") return { pointer: `#${encodeURI(field)}`, detail };
	const names = field.replace(/\[(\w+)\]/g, ".$1").split(".");
	const pointer = names.map((name) => name.replaceAll("~", "~0").replaceAll("/", "~1")).join("/");
	return { pointer: `#/${encodeURI(pointer)}`, detail };
}
