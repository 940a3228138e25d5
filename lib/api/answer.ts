import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import { type HttpRequest, type HttpResponse, pathOf } from "../access/http.ts";
import { EnergyError } from "../errors.ts";
import { log } from "../log/log.ts";
import type { Language } from "../messages.ts";
import { problemOf } from "../problem.ts";
import { csvOf } from "../store/wire.ts";
import type { Contract, Operation } from "./contract.ts";
import { etagOf, namesTag } from "./etag.ts";
import { pickFields } from "./fields.ts";
import type { Turn } from "./idempotency.ts";
import { encodingOf, preferredType } from "./negotiate.ts";

const brotli = promisify(brotliCompress);
const zip = promisify(gzip);

export interface AnswerRules {
	contract: Contract;
	/** What is asked; undefined where the contract knows no such path or method. */
	operation: Operation | undefined;
	/** Hold the answer against the contract. */
	validate: boolean;
	language: Language;
	requestId: string;
	/** Takes what went wrong inside. */
	failed: (text: string) => void;
	/** Only these fields are wanted. */
	fields?: readonly string[];
	/** Keeps the answer to a request with an Idempotency-Key; set once the request has its turn. */
	turn?: Turn;
}

type Body = { json: unknown } | { bytes: Buffer | string };

/** Below this, headers weigh more than compression saves. */
const COMPRESS_FROM = 1_024;
const compressible = /^(application\/(problem\+)?json|text\/|application\/(javascript|yaml)|image\/svg)/;
/** The least that brotli takes for JSON to be a third smaller than gzip at the same time. */
const brotliOptions = { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } };

/**
 * Everything that is answered on a path of the API goes through here, whoever answers: an http response node, one of our
 * nodes, the router, or Express itself. It leaves as the contract says: JSON, CSV where the caller would rather have it,
 * problems by RFC 9457 with the request's id, never HTML; with a tag, compressed, and kept where it has to be.
 *
 * Node-RED's http response sends past validators that listen to `res.json`, so what is replaced is `end` itself.
 */
export function shapeAnswer(req: HttpRequest, res: HttpResponse, rules: AnswerRules): void {
	const own = { end: res.end.bind(res), write: res.write.bind(res), writeHead: res.writeHead.bind(res) };
	let ended = false;
	const restore = (): void => void Object.assign(res, own);
	const finish = (body: Body): HttpResponse => {
		if (ended) return res;
		ended = true;
		prepare(req, res, rules, body)
			.catch((error: unknown) => failure(req, res, rules, error))
			.then((chunk) => {
				restore();
				if (chunk === undefined) own.end();
				else own.end(chunk);
			})
			.catch((error: unknown) => {
				log("error", "api", `an answer could not be sent: ${(error as Error).message}`);
				res.destroy();
			});
		return res;
	};
	res.json = (json) => finish({ json });
	res.jsonp = res.json;
	res.end = ((chunk?: unknown) => finish({ bytes: isBytes(chunk) ? chunk : "" })) as HttpResponse["end"];
	// A stream goes out as it comes.
	res.write = ((...given: Parameters<HttpResponse["write"]>) => {
		restore();
		return own.write(...given);
	}) as HttpResponse["write"];
	res.writeHead = ((status: number, ...rest: unknown[]) => {
		res.statusCode = status;
		const headers = rest.at(-1);
		if (typeof headers === "object" && headers !== null) {
			for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
		}
		return res;
	}) as HttpResponse["writeHead"];
}

const isBytes = (chunk: unknown): chunk is string | Buffer => typeof chunk === "string" || Buffer.isBuffer(chunk);

async function prepare(
	req: HttpRequest,
	res: HttpResponse,
	rules: AnswerRules,
	given: Body,
): Promise<string | Buffer | undefined> {
	const { contract, operation, validate, requestId } = rules;
	let status = res.statusCode;
	const typed = mediaTypeOf(res);
	let isJson = "json" in given || typed.endsWith("json");
	let json = "json" in given ? given.json : undefined;
	if (!("json" in given) && isJson) json = parsed(given.bytes);
	if (status >= 400 && !isJson) {
		json = problemOf(foreignError(req, status), rules.language);
		status = res.statusCode = (json as { status: number }).status;
		isJson = true;
	}
	if (isJson && isProblem(json, status)) {
		json = { ...json, instance: `urn:smartfactory:request:${requestId}` };
		res.setHeader("Content-Type", "application/problem+json; charset=utf-8");
	} else if (isJson) res.setHeader("Content-Type", "application/json; charset=utf-8");
	if (validate && operation) {
		const reason = contract.misfitOf(operation, status, mediaTypeOf(res), isJson ? json : "");
		if (reason) throw new EnergyError("access.response-invalid", { path: operation.path, status, reason });
	}
	await settleTurn(res, rules, status, isJson ? json : undefined);
	let body: string | Buffer | undefined = "bytes" in given && !isJson ? given.bytes : undefined;
	if (isJson) {
		if (status === 200 && rules.fields && typeof json === "object" && json !== null)
			json = pickFields(json, rules.fields);
		body = tableFor(req, res, rules, status, json) ?? JSON.stringify(json);
	}
	if (status === 204 || status === 304 || body === undefined) return undefined;
	if (operation?.revalidate && status === 200 && isUnchanged(req, res, isJson ? json : body)) return undefined;
	return await compressed(req, res, body);
}

/** What the router's own code throws while it shapes an answer, as the answer. */
async function failure(req: HttpRequest, res: HttpResponse, rules: AnswerRules, error: unknown): Promise<string> {
	const { language, requestId, turn, failed } = rules;
	const problem = problemOf(error, language);
	if (problem.status >= 500) {
		const text = `${req.method} ${pathOf(req)}: ${error instanceof EnergyError ? error.message : (error as Error)?.stack}`;
		log("error", "api", text, { requestId });
		failed(text);
	}
	await turn?.release().catch(() => undefined);
	for (const name of ["Content-Encoding", "ETag", "Link"]) res.removeHeader(name);
	res.statusCode = problem.status;
	res.setHeader("Content-Type", "application/problem+json; charset=utf-8");
	res.setHeader("Content-Language", language);
	const body = JSON.stringify({ ...problem, instance: `urn:smartfactory:request:${requestId}` });
	res.setHeader("Content-Length", Buffer.byteLength(body));
	return body;
}

function mediaTypeOf(res: HttpResponse): string {
	return String(res.getHeader("content-type") ?? "")
		.split(";", 1)[0]
		?.trim()
		.toLowerCase() as string;
}

function parsed(bytes: string | Buffer): unknown {
	const text = String(bytes);
	return text === "" ? undefined : (JSON.parse(text) as unknown);
}

/** Express and Node-RED answer what no flow answers, in HTML or a bare word. */
function foreignError(req: HttpRequest, status: number): EnergyError {
	const path = (req.originalUrl ?? req.url ?? "").split("?", 1)[0];
	if (status === 404) return new EnergyError("api.not-served", { path, method: req.method });
	if (status === 413) return new EnergyError("access.body-large", { limitMb: 5 });
	return status < 500 ? new EnergyError("api.refused", { path, status }) : new EnergyError("nodes.unexpected");
}

function isProblem(json: unknown, status: number): json is Record<string, unknown> {
	if (status < 400 || typeof json !== "object" || json === null) return false;
	const { type, title, detail } = json as Record<string, unknown>;
	return typeof type === "string" && typeof title === "string" && typeof detail === "string";
}

async function settleTurn(res: HttpResponse, rules: AnswerRules, status: number, json: unknown): Promise<void> {
	const { turn, operation } = rules;
	if (!turn) return;
	delete rules.turn;
	// What was refused was not done: the key stays free for the corrected request.
	if (status >= 300 || json === undefined) return await turn.release();
	const names = typeof json === "object" && json !== null ? Object.keys(json) : [];
	const withheld = names.some((name) => operation?.secrets.includes(name));
	const headers: Record<string, string> = {};
	for (const name of ["content-type", "location"]) {
		const value = res.getHeader(name);
		if (value !== undefined) headers[name] = String(value);
	}
	await turn.keep({ status, headers, ...(withheld ? { body: "", withheld } : { body: JSON.stringify(json) }) });
}

/** A list as CSV, where the contract offers it and the caller would rather have it; the next page is a link then. */
function tableFor(
	req: HttpRequest,
	res: HttpResponse,
	rules: AnswerRules,
	status: number,
	json: unknown,
): string | undefined {
	const { answerTypes = [] } = rules.operation ?? {};
	if (status !== 200 || !answerTypes.includes("text/csv")) return undefined;
	const { items, nextCursor } = json as { items?: object[]; nextCursor?: string };
	if (!Array.isArray(items) || preferredType(req.headers.accept, answerTypes) !== "text/csv") return undefined;
	res.setHeader("Content-Type", "text/csv; charset=utf-8");
	if (nextCursor) {
		const [path = "", query = ""] = (req.originalUrl ?? req.url ?? "").split("?", 2);
		const parameters = new URLSearchParams(query);
		parameters.set("cursor", nextCursor);
		res.setHeader("Link", `<${path}?${parameters}>; rel="next"`);
	}
	return csvOf(items);
}

/** Tags an answer, and says whether the caller has it already. */
function isUnchanged(req: HttpRequest, res: HttpResponse, body: unknown): boolean {
	const etag = etagOf(body);
	res.setHeader("ETag", etag);
	res.setHeader("Cache-Control", "private, no-cache");
	res.appendHeader("Vary", "Accept, Accept-Language");
	if (!["GET", "HEAD"].includes(req.method ?? "") || !namesTag(req.headers["if-none-match"], etag)) return false;
	res.statusCode = 304;
	res.removeHeader("Content-Type");
	return true;
}

async function compressed(req: HttpRequest, res: HttpResponse, body: string | Buffer): Promise<string | Buffer> {
	const type = mediaTypeOf(res);
	const bytes = Buffer.isBuffer(body) ? body : Buffer.from(body);
	if (!compressible.test(type)) return sized(res, bytes);
	res.appendHeader("Vary", "Accept-Encoding");
	const encoding = encodingOf(req.headers["accept-encoding"]);
	if (bytes.length < COMPRESS_FROM || !encoding || res.getHeader("content-encoding")) return sized(res, bytes);
	res.setHeader("Content-Encoding", encoding);
	return sized(res, encoding === "br" ? await brotli(bytes, brotliOptions) : await zip(bytes));
}

function sized(res: HttpResponse, bytes: Buffer): Buffer {
	res.setHeader("Content-Length", bytes.length);
	return bytes;
}
