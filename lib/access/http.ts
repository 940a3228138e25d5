// Small things of HTTP that the parts of the router share. Requests come from Node-RED's Express 4; nothing here needs
// more of Express than what is declared below, so other versions serve as well.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { TLSSocket } from "node:tls";
import { EnergyError } from "../errors.ts";
import type { Language } from "../messages.ts";
import { problemOf } from "../problem.ts";
import { type Asker, forwarded, type Proxies } from "./addresses.ts";

export type HttpRequest = IncomingMessage & {
	/** Path within the mount point, with its query. */
	url?: string;
	/** Mount point: Node-RED's httpNodeRoot or httpAdminRoot without its last slash. */
	baseUrl?: string;
	originalUrl?: string;
	body?: unknown;
	/** body-parser's own mark, which http-in nodes respect too: the body was read. */
	_body?: boolean;
	/** What the OpenAPI validator found. */
	openapi?: { schema?: Record<string, unknown>; pathParams?: Record<string, string> };
};
export type HttpResponse = ServerResponse & {
	json?: (body: unknown) => unknown;
	jsonp?: (body: unknown) => unknown;
};
export type Next = (error?: unknown) => void;
export type Handler = (req: HttpRequest, res: HttpResponse, next: Next) => void;

export const sessionCookie = "smartfactory_session";

export function pathOf(req: HttpRequest): string {
	return (req.url ?? "/").split("?", 1)[0] || "/";
}

/**
 * Express understands more than one spelling of a request's target: `http://host/path`, `\\path`, `/path#part`. Each is
 * another path to who compares texts, so only the plain one is let in.
 *
 * @throws EnergyError `access.target`
 */
export function requirePlainTarget(req: HttpRequest): void {
	for (const target of [req.url, req.originalUrl]) {
		if (target !== undefined && !/^\/[^\\?#\s\ufeff]*(\?[^#\s\ufeff]*)?$/.test(target)) {
			throw new EnergyError("access.target");
		}
	}
}

export function queryOf(req: HttpRequest): URLSearchParams {
	const url = req.url ?? "/";
	const at = url.indexOf("?");
	return new URLSearchParams(at < 0 ? "" : url.slice(at + 1));
}

/** The value of the first cookie of that name in a `Cookie` header. */
export function cookieOf(header: string | undefined, name: string): string | undefined {
	for (const part of (header ?? "").split(";")) {
		const at = part.indexOf("=");
		if (at > 0 && part.slice(0, at).trim() === name) return part.slice(at + 1).trim();
	}
	return undefined;
}

export function bearerOf(req: IncomingMessage): string | undefined {
	return /^Bearer +([\w.~+/-]+=*)$/i.exec(req.headers.authorization ?? "")?.[1];
}

/** Whether the browser speaks TLS, to us or to a proxy that we were told to trust. */
export function isSecure(req: IncomingMessage, proxies: Proxies): boolean {
	const outside = forwarded(req, "x-forwarded-proto", proxies);
	return outside === undefined ? (req.socket as Partial<TLSSocket>).encrypted === true : outside === "https";
}

/**
 * Whether a request stems from a page of ours, as far as the browser says. Programs send no Origin; a browser always does
 * where a cookie could be misused: on WebSockets and on anything but plain reading.
 */
export function isSameOrigin(req: Asker, proxies: Proxies): boolean {
	const { origin, host } = req.headers;
	const site = req.headers["sec-fetch-site"];
	if (origin === undefined) return site === undefined || site === "same-origin" || site === "none";
	const outside = forwarded(req, "x-forwarded-host", proxies);
	try {
		return new URL(origin).host === (outside ?? host);
	} catch {
		return false;
	}
}

/** `next` of a sign-in where it is a path of this server; otherwise the home page. */
export function safeNext(next: string | null | undefined, home: string): string {
	if (!next || next.length > 2_000 || !/^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/.test(next)) return home;
	const url = new URL(next, "http://here.invalid");
	// Dots are resolved by now: "/.//elsewhere" has become "//elsewhere", which a browser takes for another host.
	const local =
		url.host === "here.invalid" && !url.pathname.startsWith("//") && !/\/login(\/password)?\/?$/.test(url.pathname);
	return local ? url.pathname + url.search + url.hash : home;
}

/** Whether somebody looks at the answer in a browser window, rather than a script. */
export function wantsPage(req: IncomingMessage): boolean {
	const reads = req.method === "GET" || req.method === "HEAD";
	return reads && (req.headers.accept ?? "").includes("text/html") && req.headers["x-requested-with"] === undefined;
}

/**
 * Lets pages of named origins use the API with a token of theirs; cookies never cross.
 *
 * @returns whether this was only the browser's question beforehand
 */
export function allowOrigin(req: IncomingMessage, res: ServerResponse, origins: ReadonlySet<string>): boolean {
	const { origin } = req.headers;
	if (origins.size === 0 || origin === undefined) return false;
	res.appendHeader("Vary", "Origin");
	if (!origins.has(origin)) return false;
	res.setHeader("Access-Control-Allow-Origin", origin);
	res.setHeader("Access-Control-Expose-Headers", "ETag, Location, Retry-After, X-Request-Id, Idempotency-Replayed");
	res.setHeader("Cross-Origin-Resource-Policy", "cross-origin");
	if (req.method !== "OPTIONS" || req.headers["access-control-request-method"] === undefined) return false;
	res.setHeader("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE");
	res.setHeader(
		"Access-Control-Allow-Headers",
		"Authorization, X-API-Key, Content-Type, Accept, Accept-Language, Idempotency-Key, If-Match, If-None-Match, X-Request-Id",
	);
	res.setHeader("Access-Control-Max-Age", "600");
	res.writeHead(204);
	res.end();
	return true;
}

/** Headers for everything we answer or let through. */
export function setSafetyHeaders(res: ServerResponse, requestId: string, secure: boolean): void {
	res.setHeader("X-Request-Id", requestId);
	res.setHeader("X-Content-Type-Options", "nosniff");
	res.setHeader("X-Frame-Options", "SAMEORIGIN");
	res.setHeader("Referrer-Policy", "same-origin");
	res.setHeader("Cross-Origin-Opener-Policy", "same-origin");
	res.setHeader("Cross-Origin-Resource-Policy", "same-origin");
	// Dashboard and editor compile their own scripts, so nothing is said of those; pages of ours say more (login-page.ts).
	res.setHeader(
		"Content-Security-Policy",
		"frame-ancestors 'self'; object-src 'none'; base-uri 'self'; form-action 'self'",
	);
	res.setHeader("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=()");
	if (secure) res.setHeader("Strict-Transport-Security", "max-age=31536000");
}

export function sendJson(res: ServerResponse, status: number, body: unknown): void {
	const type = status >= 400 ? "application/problem+json" : "application/json";
	res.writeHead(status, { "Content-Type": `${type}; charset=utf-8`, "Cache-Control": "no-store" });
	res.end(JSON.stringify(body));
}

export function redirect(res: ServerResponse, location: string): void {
	res.writeHead(303, { Location: location, "Cache-Control": "no-store", "Content-Length": "0" });
	res.end();
}

/** Answers an error as a problem (RFC 9457), with the headers that belong to its kind. */
export function sendProblem(res: HttpResponse, error: unknown, language: Language): void {
	if (res.headersSent) return;
	const problem = problemOf(error, language);
	const details = error instanceof EnergyError ? error.details : {};
	if (problem.status === 401) res.setHeader("WWW-Authenticate", 'Bearer realm="smartfactory"');
	if (typeof details.seconds === "number") res.setHeader("Retry-After", String(details.seconds));
	if (problem.status === 405) res.setHeader("Allow", String(details.allowed));
	res.setHeader("Content-Language", language);
	sendJson(res, problem.status, problem);
}
