import { readFile } from "node:fs/promises";
import { accessOf } from "../../lib/access/context.ts";
import type { Upload } from "../../lib/api/upload.ts";
import { EnergyError } from "../../lib/errors.ts";
import { type Asked, type Operation, operations } from "../../lib/operation/api.ts";
import { type EnergyMessage, logLanguage } from "../on-input.ts";

/** Ends of paths, and the operation that each stands for by method. */
const paths: readonly { pattern: RegExp; method: string; operation: Operation }[] = [
	{ pattern: /\/optimize$/, method: "POST", operation: "optimize" },
	{ pattern: /\/optimize\/[^/]+$/, method: "GET", operation: "solve" },
	{ pattern: /\/optimize\/[^/]+$/, method: "DELETE", operation: "solve-cancel" },
	{ pattern: /\/jobs$/, method: "GET", operation: "jobs" },
	{ pattern: /\/jobs$/, method: "POST", operation: "save-jobs" },
	{ pattern: /\/jobs\/[^/]+$/, method: "GET", operation: "job" },
	{ pattern: /\/jobs\/[^/]+$/, method: "PUT", operation: "save-job" },
	{ pattern: /\/jobs\/[^/]+$/, method: "DELETE", operation: "remove-job" },
	{ pattern: /\/jobs\/[^/]+\/override$/, method: "POST", operation: "override" },
	{ pattern: /\/schedules$/, method: "GET", operation: "schedules" },
	{ pattern: /\/schedules\/[^/]+$/, method: "GET", operation: "schedule" },
	{ pattern: /\/schedules\/[^/]+\/approve$/, method: "POST", operation: "approve" },
	{ pattern: /\/schedules\/[^/]+\/dispatch$/, method: "POST", operation: "dispatch" },
	{ pattern: /\/schedules\/[^/]+\/withdraw$/, method: "POST", operation: "withdraw" },
];

const isObject = (value: unknown): value is Record<string, unknown> =>
	typeof value === "object" && value !== null && !Array.isArray(value);

/** What a message asks; undefined for one that brings readings or events. @throws EnergyError `operation.order-field` */
export async function askedOf(msg: EnergyMessage & { topic?: string; by?: unknown }): Promise<Asked | undefined> {
	if (msg.req) return requestOf(msg as EnergyMessage & Required<Pick<EnergyMessage, "req">>);
	const operation = operations.find((each) => each === msg.topic);
	if (!operation) return undefined;
	const payload: unknown = msg.payload;
	const given = isObject(payload) ? payload : {};
	const id = given.job !== undefined && operation === "override" ? given.job : given.id;
	const by =
		typeof msg.by === "string" && msg.by ? msg.by : typeof given.by === "string" && given.by ? given.by : "flow";
	return {
		...{ operation, body: payload, query: given, by, language: logLanguage },
		...(typeof id === "string" ? { id } : {}),
	};
}

async function requestOf({ req }: Required<Pick<EnergyMessage, "req">>): Promise<Asked> {
	const path = (req.url ?? "").split("?", 1)[0]?.replace(/\/+$/, "") ?? "";
	const found = paths.find(({ pattern, method }) => method === req.method && pattern.test(path));
	if (!found)
		throw new EnergyError("operation.order-field", { field: "path", value: path, rule: "/api/v1/scheduling/…" });
	const access = accessOf(req);
	const { upload } = req as { upload?: Upload };
	// A text of orders comes as a file, which goes with the request.
	const body = upload ? await readFile(upload.path, "utf8") : req.body;
	const { id } = req.params;
	const ifMatch = req.headers["if-match"];
	return {
		...{ operation: found.operation, body, query: req.query, by: access?.user ?? "–" },
		language: access?.language ?? logLanguage,
		...(id === undefined ? {} : { id }),
		...(ifMatch === undefined ? {} : { ifMatch }),
	};
}
