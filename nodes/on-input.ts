import type { IncomingMessage, ServerResponse } from "node:http";
import type { Node, NodeAPI, NodeMessage } from "node-red";
import { accessOf, checkSite } from "../lib/access/context.ts";
import { EnergyError } from "../lib/errors.ts";
import { inScope, type Scope } from "../lib/log/scope.ts";
import { explain, languageOf, languageOfTerminal, statusOf } from "../lib/messages.ts";
import { problemOf } from "../lib/problem.ts";
import { type AskedMessage, noteOf, settle } from "./asked.ts";

/** A message as our nodes see it; `req` and `res` are there when it came from an http-in node. */
export interface EnergyMessage extends NodeMessage, AskedMessage {
	req?: IncomingMessage & { query: Record<string, unknown>; params: Record<string, string>; body?: unknown };
	res?: { _res: ServerResponse };
	/** Of the HTTP request that a message stems from: logs and problems name it. */
	requestId?: string;
}

type Answer = NodeMessage | (NodeMessage | NodeMessage[] | null)[] | null;

/** What locks API, live feed, dashboard and editor of somebody's own Node-RED, and shows the first password. */
export const settingsLine = '...require("@smartfactory/node-red-energy/access").secure(__dirname)';

/**
 * The way a message takes through every node: the work either answers, or throws once.
 * Nothing else in a node calls send, done or an error status. A message from an http-in node is served only where our
 * router stands in front and its caller has a right at the node's site; an error answers it as a problem (RFC 9457), so
 * that no caller is left waiting.
 *
 * @param given the node; with the id of its energy-site node where it works for one
 */
export function onInput(
	RED: NodeAPI,
	given: Node | { node: Node; site: string },
	work: (msg: EnergyMessage) => Answer | undefined | Promise<Answer | undefined>,
): void {
	const { node, site } = "node" in given ? given : { node: given, site: "" };
	const run = async (msg: EnergyMessage, send: (answer: Answer) => void, done: (error?: Error) => void) => {
		try {
			if (msg.req && !accessOf(msg.req)) throw new EnergyError("access.router-missing", { line: settingsLine });
			if (msg.req) checkRight(RED, msg.req, site);
			const answer = await work(msg);
			if (answer) send(answer);
			settle(msg);
			done();
		} catch (error) {
			answerProblem(msg, error);
			settle(msg, error);
			// What a caller asked wrongly is the caller's to mend: neither this node nor its log is at fault.
			if (msg.req && statusOf(error) < 500) return done();
			node.status({ fill: "red", shape: "ring", text: statusText(RED, error) });
			done(spoken(error));
		}
	};
	node.on("input", (msg: EnergyMessage, send, done) => {
		const scope = scopeOf(msg);
		if (scope.requestId !== undefined) msg.requestId = scope.requestId;
		return inScope(scope, () => run(msg, send as (answer: Answer) => void, done));
	});
}

/** What a flow does of its own accord, after a request too, is nobody's deed. */
function scopeOf(msg: EnergyMessage): Scope {
	const access = msg.req && accessOf(msg.req);
	return { requestId: access?.requestId ?? msg.requestId, note: access?.deed?.note ?? noteOf(msg) };
}

/** @throws EnergyError `access.site-forbidden` for a caller who has no right at the site that a node works for */
function checkRight(RED: NodeAPI, req: IncomingMessage, siteNode: string): void {
	const access = accessOf(req);
	const { site } = ((siteNode && RED.nodes.getNode(siteNode)) || {}) as { site?: { id: string } };
	if (access && site) checkSite(access, site.id);
}

/** Language of the log: that of the terminal that started Node-RED. */
export const logLanguage = languageOfTerminal(process.env);

/** An error as the log and catch nodes show it: its code for programs, then the sentence for people. */
class Spoken extends Error {
	readonly code: string;
	readonly details: EnergyError["details"];

	constructor(error: EnergyError) {
		super(explain(error, logLanguage), { cause: error });
		this.name = error.code;
		this.code = error.code;
		this.details = error.details;
	}
}

function spoken(error: unknown): Error {
	if (error instanceof EnergyError) return new Spoken(error);
	return error instanceof Error ? error : new Error(String(error));
}

/** The catalogue's text for an error where the node has one, else its general one. */
export function statusText(RED: NodeAPI, error: unknown): string {
	const key = error instanceof EnergyError ? `status.${error.code}` : "status.unexpected";
	return RED._(key) === key ? "status.unexpected" : key;
}

function answerProblem(msg: EnergyMessage, error: unknown): void {
	const res = msg.res?._res;
	if (!msg.req || !res || res.headersSent) return;
	const language = accessOf(msg.req)?.language ?? languageOf(msg.req.headers["accept-language"]);
	const problem = problemOf(error, language);
	res.writeHead(problem.status, { "content-type": "application/problem+json; charset=utf-8" });
	res.end(JSON.stringify(problem));
}
