import { readJson } from "../access/body.ts";
import { accessOf } from "../access/context.ts";
import { type Handler, type HttpRequest, type HttpResponse, pathOf } from "../access/http.ts";
import { EnergyError } from "../errors.ts";
import { log } from "../log/log.ts";
import type { Language } from "../messages.ts";
import { problemOf } from "../problem.ts";
import { type AnswerRules, shapeAnswer } from "./answer.ts";
import type { Contract, Operation } from "./contract.ts";
import { fieldsFrom } from "./fields.ts";
import type { IdempotencyKeys, KeptAnswer } from "./idempotency.ts";
import { preferredType } from "./negotiate.ts";
import { requestMeters } from "./requests.ts";
import { receiveUpload, type UploadRequest } from "./upload.ts";

export interface FrontOptions {
	contract: Contract;
	/** Holds requests against the contract. */
	check: Handler;
	/** Hold answers against it too. */
	validate: boolean;
	keys: IdempotencyKeys;
	/** Where uploads lie while they are worked on. */
	home: string;
	bodyLimit: number;
	/** Bytes that a caller may send whom nobody knows yet. */
	strangerBodyLimit: number;
	/** Whoever asks, for the log. */
	addressOf: (req: HttpRequest) => string;
	/** Takes what went wrong inside. */
	failed: (text: string) => void;
}

interface Entered {
	operation: Operation | undefined;
	rules: AnswerRules;
}

/**
 * What every request to the API goes through, whatever answers it in the end; which of it applies says the contract.
 * In order: `enter`, the caller's right to ask (the router), `read`, `begin`.
 */
export class ApiFront {
	readonly contract: Contract;
	readonly #options: FrontOptions;

	constructor(options: FrontOptions) {
		this.#options = options;
		this.contract = options.contract;
	}

	/** Finds the operation, and from here on shapes, counts and logs the answer. */
	enter(req: HttpRequest, res: HttpResponse, language: Language, requestId: string): Entered {
		const { contract, validate, failed } = this.#options;
		const operation = contract.operationOf(req.method ?? "GET", pathOf(req));
		const rules: AnswerRules = { contract, operation, validate, language, requestId, failed };
		res.setHeader("Cache-Control", "no-store");
		shapeAnswer(req, res, rules);
		answerInTime(res, language);
		observe(req, res, operation, requestId, this.#options.addressOf(req));
		return { operation, rules };
	}

	/**
	 * Reads the body and holds the request against the contract.
	 *
	 * @throws EnergyError as `readJson`, `receiveUpload` and the contract's check
	 */
	async read(req: HttpRequest, res: HttpResponse, { operation, rules }: Entered): Promise<void> {
		await this.#readBody(req, res, operation);
		if (operation) chooseFormat(req, operation);
		const method = req.method;
		// Express answers HEAD with what answers GET; the contract names only GET.
		if (method === "HEAD") req.method = "GET";
		try {
			await new Promise<void>((resolve, reject) => {
				this.#options.check(req, res, (error) => (error ? reject(error) : resolve()));
			});
		} finally {
			req.method = method;
		}
		refuseEndless(queryOf(req), "query");
		refuseEndless(req.body, "body");
		const { fields } = queryOf(req);
		if (!operation || typeof fields !== "string") return;
		rules.fields = fieldsFrom(fields, this.contract.fieldsOf(operation));
		// It is dealt with; nodes need not know of it.
		delete queryOf(req).fields;
	}

	/** Whether the request is to be worked on: one whose Idempotency-Key was answered before is answered so again. */
	async begin(req: HttpRequest, res: HttpResponse, { operation, rules }: Entered): Promise<boolean> {
		const key = req.headers["idempotency-key"];
		if (!operation?.idempotent || typeof key !== "string") return true;
		const body = (req as UploadRequest).upload?.hash ?? without(req.body, operation.secrets);
		const caller = accessOf(req)?.user ?? "";
		const url = req.originalUrl ?? req.url ?? "";
		const found = await this.#options.keys.begin(caller, key, operation.method, url, body);
		if (!("status" in found)) {
			rules.turn = found;
			return true;
		}
		if (found.withheld) {
			const { location = "" } = found.headers;
			throw new EnergyError("api.idempotency-secret", { header: "Idempotency-Key", value: key, location });
		}
		replay(res, found);
		return false;
	}

	async #readBody(req: HttpRequest, res: HttpResponse, operation: Operation | undefined): Promise<void> {
		const { home, bodyLimit, strangerBodyLimit } = this.#options;
		if (!hasBody(req) && operation?.bodyRequired) throw unfit("/body", "must be there");
		if (!hasBody(req) || req._body) return;
		if (!operation) return void req.resume();
		const type = (req.headers["content-type"] ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
		const asFile = operation.bodyTypes.filter((each) => each !== "application/json");
		if (asFile.length > 0 && type !== "application/json") {
			const plain = (req.headers["content-encoding"] ?? "identity") === "identity";
			if (!asFile.includes(type) || !plain) {
				const received = plain ? type || "–" : req.headers["content-encoding"];
				throw new EnergyError("access.media-type", { received, allowed: operation.bodyTypes.join(", ") });
			}
			await receiveUpload(home, req, res, type, operation.bodyLimit ?? bodyLimit);
			req.body = "";
		} else {
			const own = operation.bodyLimit ?? bodyLimit;
			req.body = await readJson(req, res, operation.isPublic ? Math.min(strangerBodyLimit, own) : own);
		}
		req._body = true;
	}
}

function hasBody(req: HttpRequest): boolean {
	return req.headers["transfer-encoding"] !== undefined || Number(req.headers["content-length"] ?? 0) > 0;
}

/** Express has taken the query apart already. */
function queryOf(req: HttpRequest): Record<string, unknown> {
	return (req as { query?: Record<string, unknown> }).query ?? {};
}

/** 1e309 is no number that a schema's bounds would catch: they are asked of finite ones only. */
function refuseEndless(value: unknown, path: string): void {
	if (typeof value === "number" && !Number.isFinite(value)) throw unfit(`/${path}`, "must be number");
	if (typeof value !== "object" || value === null) return;
	for (const [key, item] of Object.entries(value)) refuseEndless(item, `${path}/${key}`);
}

const unfit = (field: string, rule: string): EnergyError =>
	new EnergyError("access.request-invalid", { field, rule, misfits: [{ field, rule }] });

const formats: Readonly<Record<string, string>> = { "text/csv": "csv", "application/pdf": "pdf" };

/** Where the node itself makes another form (`x-format-by-accept`), Accept says the same as `format`. */
function chooseFormat(req: HttpRequest, operation: Operation): void {
	const query = queryOf(req);
	if (!operation.formatByAccept || query.format !== undefined) return;
	const format = formats[preferredType(req.headers.accept, operation.answerTypes) ?? ""];
	if (format) query.format = format;
}

/** Which password was sent is no business of the file that tells one request from another. */
function without(body: unknown, secrets: readonly string[]): unknown {
	if (secrets.length === 0 || typeof body !== "object" || body === null) return body;
	return Object.fromEntries(Object.entries(body).filter(([name]) => !secrets.includes(name)));
}

function replay(res: HttpResponse, { status, headers, body }: KeptAnswer): void {
	res.setHeader("Idempotency-Replayed", "true");
	res.writeHead(status, headers);
	res.end(body);
}

/** Long work is a job; what takes longer than this has been lost in a flow, and its caller should know. */
const ANSWER_WITHIN_MS = 120_000;

function answerInTime(res: HttpResponse, language: Language): void {
	const timer = setTimeout(() => {
		if (res.headersSent) return;
		const problem = problemOf(new EnergyError("api.no-answer", { seconds: ANSWER_WITHIN_MS / 1000 }), language);
		res.statusCode = problem.status;
		res.json?.(problem);
	}, ANSWER_WITHIN_MS);
	res.once("close", () => clearTimeout(timer));
}

/** Counts the request, and writes the line that `grep api.requests` finds. */
function observe(
	req: HttpRequest,
	res: HttpResponse,
	operation: Operation | undefined,
	requestId: string,
	from: string,
): void {
	const startedMs = performance.now();
	requestMeters.running++;
	res.once("close", () => {
		requestMeters.running--;
		const durationMs = performance.now() - startedMs;
		const bytes = Number(res.getHeader("content-length") ?? 0);
		const method = req.method ?? "GET";
		// A client that went away has no answer; 499 is what proxies call that.
		const status = res.writableFinished ? res.statusCode : 499;
		const path = operation?.path ?? "*";
		requestMeters.add(operation?.id ?? "unknown", method, path, status, durationMs, bytes, Date.now());
		const level = status >= 500 ? "error" : status >= 400 && status !== 404 ? "warn" : "info";
		log(level, "api.requests", `${method} ${(req.originalUrl ?? req.url ?? "").slice(0, 2_000)} ${status}`, {
			ms: Math.round(durationMs * 10) / 10,
			bytes,
			user: accessOf(req)?.user ?? "–",
			from,
			requestId,
		});
	});
}
