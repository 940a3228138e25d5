import { randomUUID } from "node:crypto";
import type { Operation } from "../api/contract.ts";
import { isDocs, sendDocs } from "../api/docs.ts";
import type { ApiFront } from "../api/front.ts";
import { EnergyError } from "../errors.ts";
import { inScope } from "../log/scope.ts";
import { type Language, languageOf, statusOf } from "../messages.ts";
import { type Answer, answers } from "./answers.ts";
import type { Audit } from "./audit.ts";
import { recordAtEnd, recordEditor } from "./audit-request.ts";
import { readBody } from "./body.ts";
import { type AccessContext, accessOf, checkSite, grantsOf, markAccess, type Role } from "./context.ts";
import type { FlowChanges } from "./flow-changes.ts";
import { bestRole, roleCovers } from "./grants.ts";
import {
	allowOrigin,
	type Handler,
	type HttpRequest,
	type HttpResponse,
	type Next,
	pathOf,
	queryOf,
	redirect,
	requirePlainTarget,
	safeNext,
	sendJson,
	sendProblem,
	setSafetyHeaders,
	wantsPage,
} from "./http.ts";
import type { SlidingWindow } from "./limits.ts";
import { loginAssets, sendLoginAsset, sendLoginPage, sendPasswordPage } from "./login-page.ts";
import type { Sessions, SignedIn } from "./session.ts";

export interface RouterOptions {
	sessions: Sessions;
	/** What requests to the API go through, by flows/openapi.yaml. */
	api: ApiFront;
	/** Requests of one caller to the API. */
	apiLimit: SlidingWindow;
	/** Origins whose pages may use the API. */
	origins: ReadonlySet<string>;
	/** Requests of one address to the API, whoever asks. */
	addressLimit: SlidingWindow;
	/** Units of work (`x-cost`) that one caller may have done. */
	workLimit: SlidingWindow;
	/** Requests of one address that nobody stands behind. */
	strangerLimit: SlidingWindow;
	/** Where a signed-in person starts. */
	home: string;
	/** Mount point of the pages: Node-RED's httpNodeRoot without its last slash. */
	nodeBase: string;
	log: (text: string) => void;
	/** Keeps what was done. */
	audit?: Audit | undefined;
	/** Keeps what is deployed. */
	flows?: FlowChanges | undefined;
}

/** Enough for a name and a password. */
export const strangerBodyLimit = 10_000;
const loginPath = "/login";
const passwordPath = "/login/password";

/** What those may do who have to choose a password first. */
const unfinishedPaths: ReadonlySet<string> = new Set([
	passwordPath,
	"/api/v1/auth/password",
	"/api/v1/auth/logout",
	"/api/v1/auth/me",
]);

/** The paths that answer to anyone; compared as they are, so that no other spelling of a path slips in. */
const isPublic = ({ api }: RouterOptions, path: string): boolean =>
	path === loginPath || loginAssets.has(path) || isDocs(path) || api.contract.isPublic(path);

// Express matches paths whatever their case; so does this.
const isApi = (path: string): boolean => /^\/(api|health|metrics)(\/|$)/i.test(path);

/**
 * What stands in front of everything that flows serve. Each request gets an id and safety headers, is refused unless it
 * is signed in or public, and on its way to the API is read, limited and held against the contract.
 */
export function createRouter(options: RouterOptions): Handler {
	return (req, res, next) => {
		const language = languageFor(req);
		guarded(req, () => enter(options, req, res, next, language)).catch((error: unknown) =>
			fail(options, req, res, error, language),
		);
	};
}

/**
 * The same check for what Node-RED serves as admin: the editor's page and assets, which it would give to anyone. Where
 * both roots are `/`, paths of the flows are left to the router behind.
 */
export function createAdminCheck(options: RouterOptions): Handler {
	return (req, res, next) => {
		const language = languageFor(req);
		try {
			requirePlainTarget(req);
		} catch (error) {
			return fail(options, req, res, error, language);
		}
		const path = pathOf(req);
		const mounted = (req.baseUrl ?? "") !== options.nodeBase;
		if (!mounted && (isPublic(options, path) || isApi(path))) return next();
		const check = async (): Promise<void> => {
			const requestId = prepare(options, req, res);
			if (req.method === "POST" && path === "/auth/revoke") {
				await options.sessions.signOut(req, res);
				return sendJson(res, 200, { redirect: options.nodeBase + loginPath });
			}
			const { user } = await admit(options, req, res, language, requestId);
			recordEditor(options, req, res, user.name);
			next();
		};
		check().catch((error: unknown) => fail(options, req, res, error, language));
	};
}

/** For what is mounted without the router in front, such as the dashboard in somebody's own server. */
export function createPageCheck(options: RouterOptions): Handler {
	return (req, res, next) => {
		const language = languageFor(req);
		if (accessOf(req)?.user) return next();
		guarded(req, () => admit(options, req, res, language)).then(
			() => next(),
			(error: unknown) => fail(options, req, res, error, language),
		);
	};
}

/** Nothing is looked at before it is sure which path is asked for. */
async function guarded<T>(req: HttpRequest, work: () => Promise<T>): Promise<T> {
	requirePlainTarget(req);
	return work();
}

async function enter(
	options: RouterOptions,
	req: HttpRequest,
	res: HttpResponse,
	next: Next,
	language: Language,
): Promise<void> {
	const requestId = prepare(options, req, res);
	const path = pathOf(req);
	if (isApi(path) && allowOrigin(req, res, options.origins)) return;
	if (loginAssets.has(path)) return sendLoginAsset(res, path);
	if (isDocs(path)) return answerDocs(options, req, res, path);
	if (path === loginPath) return await answerLogin(options, req, res, language);
	if (isPublic(options, path)) {
		limit(options.strangerLimit, options.sessions.network(req));
		markAccess(req, { ...(await whoever(options, req)), language, requestId });
		return await answerApi(options, req, res, next, language, requestId);
	}
	if (isApi(path)) return await answerApi(options, req, res, next, language, requestId);
	const signedIn = await admit(options, req, res, language, requestId);
	if (path === passwordPath) return await answerPassword(options, req, res, language, signedIn);
	if (path === "/") return redirect(res, (req.baseUrl ?? "") + options.home);
	next();
}

/** The documentation answers to anyone who reads. */
function answerDocs(options: RouterOptions, req: HttpRequest, res: HttpResponse, path: string): void {
	limit(options.strangerLimit, options.sessions.network(req));
	if (req.method !== "GET" && req.method !== "HEAD") {
		throw new EnergyError("access.method-unknown", { path, method: req.method, allowed: "GET" });
	}
	const asked = queryOf(req).get("lang");
	const chosen = asked === null ? languageOf(req.headers["accept-language"]) : asked.startsWith("ko") ? "ko" : "en-US";
	sendDocs(req, res, path, chosen);
}

/** Lets the caller in, reads the body, holds the request against the contract, and answers what is answered here. */
async function answerApi(
	options: RouterOptions,
	req: HttpRequest,
	res: HttpResponse,
	next: Next,
	language: Language,
	requestId: string,
): Promise<void> {
	const { api, sessions } = options;
	const deed = options.audit && recordAtEnd(options.audit, options, req, res, requestId);
	const entered = api.enter(req, res, language, requestId);
	const { operation } = entered;
	let signedIn: SignedIn | null = null;
	if (!isPublic(options, pathOf(req))) {
		signedIn = await admit(options, req, res, language, requestId);
		limit(options.apiLimit, signedIn.user.name);
		limit(options.addressLimit, sessions.network(req));
		const context = accessOf(req);
		if (context) authorise(context, operation ?? { role: "viewer", scope: undefined });
	}
	await api.read(req, res, entered);
	const context = accessOf(req);
	if (context && signedIn) for (const site of sitesNamed(req)) checkSite(context, site);
	if (operation && signedIn) countWork(options.workLimit, signedIn.user.name, operation, res);
	if (!(await api.begin(req, res, entered))) return;
	if (context && deed) context.deed = deed;
	await inScope({ requestId, note: deed?.note }, async () => {
		const answer = operation && answers[operation.id];
		if (!answer) return next();
		const { query = {} } = req as { query?: Record<string, unknown> };
		const params = req.openapi?.pathParams ?? {};
		send(res, await answer({ sessions, audit: options.audit, req, res, signedIn, language, params, query }));
	});
}

/**
 * Counts what an operation costs (`x-cost`), and takes it back where it was not done: refused, or answered from memory.
 *
 * @throws EnergyError `access.work-limited`
 */
function countWork(window: SlidingWindow, user: string, { cost }: Operation, res: HttpResponse): void {
	if (cost === 0) return;
	const waitMs = window.take(user, cost);
	if (waitMs > 0) throw new EnergyError("access.work-limited", { seconds: Math.ceil(waitMs / 1000) });
	res.once("close", () => {
		const done = res.statusCode < 400 && res.getHeader("idempotency-replayed") === undefined;
		if (!done) window.giveBack(user, cost);
	});
}

/**
 * Whether the caller may do this somewhere. The sites that the request names are looked at when it was read, and the
 * site that a flow answers for by its node (see nodes/on-input.ts).
 *
 * @throws EnergyError `access.forbidden`
 */
function authorise(context: AccessContext, { role, scope }: Pick<Operation, "role" | "scope">): void {
	const needed = role as Role;
	context.needed = needed;
	const held = scope === "system" ? context.role : bestRole(grantsOf(context));
	if (scope !== "self" && !roleCovers(held, needed)) {
		throw new EnergyError("access.forbidden", { role: held ?? "–", needed });
	}
}

/** The sites that a request names in its query, its body or the readings in it. */
function sitesNamed(req: HttpRequest): Set<string> {
	const { query = {}, body } = req as { query?: Record<string, unknown>; body?: unknown };
	const named = (Array.isArray(body) ? body : [body]).concat(query);
	return new Set(
		named
			.map((one: unknown) => (typeof one === "object" && one !== null ? (one as { site?: unknown }).site : undefined))
			.filter((site) => typeof site === "string"),
	);
}

function send(res: HttpResponse, { status, body, headers = {} }: Answer): void {
	for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
	if (body !== undefined) {
		sendJson(res, status, body);
		return;
	}
	res.writeHead(status);
	res.end();
}

async function answerLogin(
	options: RouterOptions,
	req: HttpRequest,
	res: HttpResponse,
	language: Language,
): Promise<void> {
	const { sessions } = options;
	const base = req.baseUrl ?? "";
	if (req.method !== "POST") {
		if (req.method !== "GET" && req.method !== "HEAD") {
			throw new EnergyError("access.method-unknown", { path: loginPath, method: req.method, allowed: "GET, POST" });
		}
		const next = safeNext(queryOf(req).get("next"), base + options.home);
		const known = await sessions.identify(req).catch(() => null);
		if (known && !queryOf(req).has("lang")) return redirect(res, next);
		return sendLoginPage(res, 200, { language, base, next });
	}
	limit(options.strangerLimit, sessions.network(req));
	const form = new URLSearchParams((await readBody(req, res, strangerBodyLimit)).toString("utf8"));
	const chosen: Language = form.get("lang") === "ko" ? "ko" : "en-US";
	const next = safeNext(form.get("next"), base + options.home);
	const name = (form.get("username") ?? "").trim().slice(0, 64);
	try {
		// Another site's form could sign a visitor in under its own account.
		if (!sessions.sameOrigin(req)) throw new EnergyError("access.origin-foreign");
		const user = await sessions.signIn(name, form.get("password") ?? "", sessions.caller(req));
		await sessions.startSession(req, res, user);
		redirect(res, user.mustChange ? passwordPage(base, next, chosen) : next);
	} catch (error) {
		if (!(error instanceof EnergyError)) throw error;
		sendLoginPage(res, statusOf(error), { language: chosen, base, next, name, error });
	}
}

const passwordPage = (base: string, next: string, lang: Language): string =>
	`${base}${passwordPath}?${new URLSearchParams({ lang, next })}`;

/** The page on which people choose their own password: after the first sign-in, or whenever they like. */
async function answerPassword(
	options: RouterOptions,
	req: HttpRequest,
	res: HttpResponse,
	language: Language,
	{ user, claims }: SignedIn,
): Promise<void> {
	const { sessions } = options;
	const base = req.baseUrl ?? "";
	if (claims.use !== "session") throw new EnergyError("access.person-only");
	const first = user.mustChange === true;
	if (req.method !== "POST") {
		if (req.method !== "GET" && req.method !== "HEAD") {
			throw new EnergyError("access.method-unknown", { path: passwordPath, method: req.method, allowed: "GET, POST" });
		}
		const next = safeNext(queryOf(req).get("next"), base + options.home);
		return sendPasswordPage(res, 200, { language, base, next, name: user.name, first });
	}
	const form = new URLSearchParams((await readBody(req, res, strangerBodyLimit)).toString("utf8"));
	const chosen: Language = form.get("lang") === "ko" ? "ko" : "en-US";
	const next = safeNext(form.get("next"), base + options.home);
	try {
		const wanted = form.get("new") ?? "";
		if (wanted !== form.get("again")) throw new EnergyError("access.password-differs");
		const changed = await sessions.changePassword(user, form.get("password") ?? "", wanted, sessions.caller(req));
		await sessions.startSession(req, res, changed);
		redirect(res, next);
	} catch (error) {
		if (!(error instanceof EnergyError)) throw error;
		sendPasswordPage(res, statusOf(error), { language: chosen, base, next, name: user.name, first, error });
	}
}

/** Lets a signed-in caller in. @throws EnergyError of `Sessions.identify` */
async function admit(
	options: RouterOptions,
	req: HttpRequest,
	res: HttpResponse,
	language: Language,
	requestId = requestIdOf(req),
): Promise<SignedIn> {
	const { sessions } = options;
	const unfinished = unfinishedPaths.has(pathOf(req).toLowerCase());
	const signedIn = await sessions.identify(req, false, unfinished).catch((error: unknown) => {
		limit(options.strangerLimit, sessions.network(req));
		throw error;
	});
	await sessions.renew(req, res, signedIn);
	const { name, role, sites } = signedIn.user;
	markAccess(req, { user: name, role, sites, language, requestId });
	return signedIn;
}

async function whoever(
	{ sessions }: RouterOptions,
	req: HttpRequest,
): Promise<Pick<AccessContext, "user" | "role" | "sites">> {
	const { user = null } = (await sessions.identify(req).catch(() => null)) ?? {};
	return user ? { user: user.name, role: user.role, sites: user.sites } : { user: null, role: null };
}

function prepare({ sessions }: RouterOptions, req: HttpRequest, res: HttpResponse): string {
	const requestId = requestIdOf(req);
	setSafetyHeaders(res, requestId, sessions.secure(req));
	return requestId;
}

function requestIdOf(req: HttpRequest): string {
	const given = req.headers["x-request-id"];
	return typeof given === "string" && /^[\w.-]{1,64}$/.test(given) ? given : randomUUID();
}

function languageFor(req: HttpRequest): Language {
	const chosen = queryOf(req).get("lang");
	if ([loginPath, passwordPath].includes(pathOf(req)) && chosen) return chosen === "ko" ? "ko" : "en-US";
	return languageOf(req.headers["accept-language"]);
}

function limit(window: SlidingWindow, key: string): void {
	const waitMs = window.take(key);
	if (waitMs > 0) throw new EnergyError("access.rate-limited", { seconds: Math.ceil(waitMs / 1000) });
}

/** A person is led to the sign-in page and back; a program gets the problem. */
function fail(options: RouterOptions, req: HttpRequest, res: HttpResponse, error: unknown, language: Language): void {
	const path = pathOf(req);
	const signIn =
		error instanceof EnergyError &&
		["access.unauthenticated", "access.token-expired", "access.token-invalid"].includes(error.code);
	if (error instanceof EnergyError && error.code === "access.password-change" && wantsPage(req) && !isApi(path)) {
		redirect(res, passwordPage(options.nodeBase, req.originalUrl ?? req.url ?? "", language));
		return;
	}
	if (signIn && wantsPage(req) && !isApi(path) && !res.headersSent) {
		const next = path === "/" && (req.baseUrl ?? "") === options.nodeBase ? "" : (req.originalUrl ?? req.url ?? "");
		const query = next ? `?${new URLSearchParams({ next })}` : "";
		redirect(res, options.nodeBase + loginPath + query);
		return;
	}
	if (!(error instanceof EnergyError)) options.log(`${req.method} ${path}: ${(error as Error)?.stack ?? error}`);
	sendProblem(res, error, language);
}
