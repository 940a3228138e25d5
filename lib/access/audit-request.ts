import type { Operation } from "../api/contract.ts";
import type { Audit, AuditEvent } from "./audit.ts";
import { accessOf } from "./context.ts";
import { Deed } from "./deed.ts";
import { type HttpRequest, type HttpResponse, pathOf } from "./http.ts";
import type { RouterOptions } from "./router.ts";

/**
 * Keeps what a request to the API did, at the moment its answer leaves: who was told that something is done finds it in
 * the audit. Refusals are kept too, where somebody is signed in; strangers could fill a disk with theirs.
 *
 * @returns what takes the request's changes; undefined for what changes nothing
 */
export function recordAtEnd(
	audit: Audit,
	{ api, sessions }: RouterOptions,
	req: HttpRequest,
	res: HttpResponse,
	requestId: string,
): Deed | undefined {
	const operation = api.contract.operationOf(req.method ?? "GET", pathOf(req));
	if (!operation || operation.audit === "none") return undefined;
	const deed = new Deed((event) => audit.record(event));
	const end = res.end.bind(res) as (...given: unknown[]) => HttpResponse;
	let kept = false;
	res.end = ((...given: unknown[]) => {
		const context = accessOf(req);
		if (!kept && context?.user) {
			kept = true;
			const { user, site } = context;
			const event: AuditEvent = {
				who: user,
				what: operation.id,
				target: Object.values(req.openapi?.pathParams ?? {}).join("/"),
				status: res.statusCode,
				from: sessions.address(req),
				requestId,
				...(site === undefined ? {} : { site }),
				// Answered from memory: it was done before.
				...(res.getHeader("idempotency-replayed") === undefined ? {} : { note: "replayed" }),
			};
			if (operation.audit === "summary") audit.summarise(event);
			// Too many requests are no news, and their number has no bound.
			else if (res.statusCode !== 429) deed.end({ ...event, request: requestOf(req, operation) });
		}
		return end(...given);
	}) as HttpResponse["end"];
	return deed;
}

/** What was asked for, without what the contract calls a password; nothing where a file was sent. */
function requestOf({ body }: HttpRequest, { raw }: Operation): unknown {
	if (typeof body !== "object" || body === null || Array.isArray(body)) return undefined;
	const media = raw.requestBody?.content?.["application/json"] as
		| { schema?: { properties?: Record<string, { format?: string }> } }
		| undefined;
	const properties = media?.schema?.properties ?? {};
	return Object.fromEntries(
		Object.entries(body).map(([name, value]) => [name, properties[name]?.format === "password" ? "***" : value]),
	);
}

/** Of the editor's own concern: its preferences, its live channel, its sign-in. */
const ofNoConcern = /^\/(settings|comms|auth|debug|library)(\/|$)/;

/**
 * Keeps what is done in the editor: what a deploy changed, node by node, and that somebody pressed an inject button,
 * installed a palette or emptied a context.
 */
export function recordEditor(
	{ audit, flows, sessions }: RouterOptions,
	req: HttpRequest,
	res: HttpResponse,
	who: string,
): void {
	const method = req.method ?? "GET";
	const path = pathOf(req);
	if (!audit || ["GET", "HEAD", "OPTIONS"].includes(method) || ofNoConcern.test(path)) return;
	const by = { who, from: sessions.address(req), requestId: accessOf(req)?.requestId ?? "" };
	// At the end of the answer, not when it has left: who hangs up before has done it all the same.
	const end = res.end.bind(res) as (...given: unknown[]) => HttpResponse;
	let kept = false;
	res.end = ((...given: unknown[]) => {
		if (!kept) {
			kept = true;
			const status = res.statusCode;
			const deployed = status < 400 && /^\/flows?(\/|$)/i.test(path);
			if (deployed) flows?.compare({ ...by, status });
			else if (status !== 401) audit.record({ ...by, what: "editor", target: `${method} ${path}`, status });
		}
		return end(...given);
	}) as HttpResponse["end"];
}
