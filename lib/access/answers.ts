// What the router answers by itself, so that no edited flow can change who comes in: signing in and out, users and keys.
import { EnergyError } from "../errors.ts";
import { type Listing, orderFrom, pageOf } from "../listing.ts";
import { noteChange } from "../log/scope.ts";
import type { Language } from "../messages.ts";
import type { AuditEntry, AuditQuery } from "../store/store.ts";
import type { ApiKey } from "./api-keys.ts";
import type { Audit } from "./audit.ts";
import type { Role } from "./context.ts";
import { type Grants, grantsCover } from "./grants.ts";
import type { HttpRequest, HttpResponse } from "./http.ts";
import type { SignIn } from "./ledger.ts";
import type { Sessions, SignedIn, TokenAnswer } from "./session.ts";
import type { User } from "./users.ts";

/** A request that the contract has let through. */
export interface Call {
	sessions: Sessions;
	audit: Audit | undefined;
	req: HttpRequest;
	res: HttpResponse;
	/** Null on the paths that answer to anyone. */
	signedIn: SignedIn | null;
	language: Language;
	params: Readonly<Record<string, string>>;
	query: Readonly<Record<string, unknown>>;
}

export interface Answer {
	status: number;
	body?: unknown;
	headers?: Readonly<Record<string, string>>;
}

type Answerer = (call: Call) => Promise<Answer> | Answer;

interface AuditParameters extends Pick<AuditQuery, "who" | "what" | "target" | "site" | "order" | "limit" | "cursor"> {
	from?: string;
	to?: string;
	sort?: string[];
}

interface Wanted {
	role?: Role | null;
	sites?: Record<string, Role>;
}

export const userListing: Listing<User> = {
	fields: { name: ({ name }) => name, changedAt: ({ changedMs }) => changedMs },
	usual: () => [],
	id: ({ name }) => name,
};
export const keyListing: Listing<ApiKey> = {
	fields: {
		name: ({ name }) => name,
		createdAt: ({ madeMs }) => madeMs,
		expiresAt: ({ expiresMs }) => expiresMs,
		lastUsedAt: ({ lastUsedMs }) => lastUsedMs,
	},
	usual: ({ madeMs }) => [-madeMs],
	id: ({ id }) => id,
};

const ok = (body: unknown): Answer => ({ status: 200, body });

/** By the operationId of the contract. */
export const answers: Readonly<Record<string, Answerer>> = {
	login: async ({ sessions, req, res }) => {
		const { username, password, session } = req.body as { username: string; password: string; session?: boolean };
		if (session && !sessions.sameOrigin(req)) throw new EnergyError("access.origin-foreign");
		const user = await sessions.signIn(username, password, sessions.caller(req));
		if (session) await sessions.startSession(req, res, user);
		return ok(tokens(await sessions.apiTokens(user, sessions.caller(req)), user));
	},
	refresh: async ({ sessions, req }) => {
		const { refreshToken } = req.body as { refreshToken: string };
		const { user, session: _session, ...answer } = await sessions.refresh(refreshToken, sessions.caller(req));
		return ok(tokens(answer, user));
	},
	logout: async ({ sessions, req, res }) => {
		await sessions.signOut(req, res);
		return { status: 204 };
	},
	whoAmI: (call) => ok(wireUser(holder(call).user)),
	changePassword: async (call) => {
		const { sessions, req, res } = call;
		const { user, claims } = person(call);
		const { current, next } = req.body as { current: string; next: string };
		const changed = await sessions.changePassword(user, current, next, sessions.caller(req));
		if (claims.use === "session") await sessions.startSession(req, res, changed);
		return ok(tokens(await sessions.apiTokens(changed, sessions.caller(req)), changed));
	},
	listSessions: (call) => {
		const { user, claims } = person(call);
		return ok({ items: call.sessions.signIns(user).map((one) => wireSession(one, claims.session)) });
	},
	endOtherSessions: (call) => {
		const { user, claims } = person(call);
		const others = call.sessions.signIns(user).filter(({ id }) => id !== claims.session);
		for (const { id } of others) call.sessions.endSignIn(user, id);
		noteChange({ target: user.name, before: { sessions: others.length + 1 }, after: { sessions: 1 } });
		return { status: 204 };
	},
	endSession: (call) => {
		const { user, claims } = person(call);
		const ended = call.sessions.endSignIn(user, call.params.id ?? "");
		noteChange({ target: user.name, before: wireSession(ended, claims.session), after: null });
		return { status: 204 };
	},
	listUsers: ({ sessions, query }) => {
		const { items } = pageOf(sessions.users.list(), userListing, { sort: query.sort, limit: Number.POSITIVE_INFINITY });
		return ok({ items: items.map((user) => listedUser(sessions, user)) });
	},
	addUser: async (call) => {
		const { name, password, ...given } = call.req.body as { name: string; password: string } & Wanted;
		const grants = grantable(call, { role: given.role ?? null, sites: given.sites ?? {} });
		const made = await call.sessions.users.add(name, grants, password, true);
		noteChange({ target: name, before: null, after: wireUser(made) });
		return { status: 201, body: wireUser(made), headers: { Location: `/api/v1/users/${encodeURIComponent(name)}` } };
	},
	changeUser: async (call) => {
		const { user: asking } = person(call);
		const { sessions, params, req } = call;
		const name = params.name ?? "";
		const before = known(sessions, name);
		const { password, disabled, ...given } = req.body as { password?: string; disabled?: boolean } & Wanted;
		const { role = before.role, sites = before.sites } = given;
		const grants = given.role !== undefined || given.sites !== undefined ? grantable(call, { role, sites }) : undefined;
		// One's own password takes the old one: see changePassword. What can fail comes first: all of it is done, or nothing.
		if (password !== undefined) {
			if (asking.name === name) throw new EnergyError("access.password-own");
			await sessions.users.setPassword(name, password, true);
		}
		if (grants) sessions.users.setGrants(name, grants);
		if (disabled !== undefined) sessions.users.setDisabled(name, disabled);
		sessions.tellAll("*", name);
		const after = wireUser(known(sessions, name));
		noteChange({
			target: name,
			before: wireUser(before),
			after: { ...after, ...(password ? { passwordReset: true } : {}) },
		});
		return ok(after);
	},
	removeUser: (call) => {
		person(call);
		const { sessions, params } = call;
		const before = known(sessions, params.name ?? "");
		const { name } = before;
		sessions.users.remove(name);
		sessions.forget(name);
		noteChange({ target: name, before: wireUser(before), after: null });
		sessions.tellAll("*", name);
		return { status: 204 };
	},
	endUserSessions: (call) => {
		person(call);
		const { sessions, params } = call;
		const user = known(sessions, params.name ?? "");
		const before = sessions.signIns(user).length;
		sessions.users.endSessions(user.name);
		noteChange({ target: user.name, before: { sessions: before }, after: { sessions: 0 } });
		sessions.tellAll("*", user.name);
		return { status: 204 };
	},
	unlockUser: (call) => {
		person(call);
		const { sessions, params } = call;
		const { name } = known(sessions, params.name ?? "");
		const lockedUntil = timeOf(sessions.lockedUntilMs(name));
		sessions.unlock(name);
		noteChange({ target: name, before: { lockedUntil }, after: { lockedUntil: null } });
		return { status: 204 };
	},
	listApiKeys: ({ sessions, query }) => {
		const { items } = pageOf(sessions.apiKeys.list(), keyListing, {
			sort: query.sort,
			limit: Number.POSITIVE_INFINITY,
		});
		return ok({ items: items.map(wireKey) });
	},
	addApiKey: (call) => {
		const { name, expiresAt, ...given } = call.req.body as { name: string; expiresAt?: string | null } & Wanted;
		const grants = grantable(call, { role: given.role ?? null, sites: given.sites ?? {} });
		const expiresMs = typeof expiresAt === "string" ? Date.parse(expiresAt) : null;
		const { key, made } = addKey(call.sessions, name, grants, person(call).user.name, expiresMs);
		noteChange({ target: `key:${made.id}`, before: null, after: wireKey(made) });
		return { status: 201, body: { ...wireKey(made), key }, headers: { Location: `/api/v1/api-keys/${made.id}` } };
	},
	listAudit: async ({ audit, query }) => {
		if (!audit) throw new EnergyError("access.audit-off");
		// What was done a moment ago belongs to it.
		await audit.flush();
		const { from, to, sort, order, ...rest } = query as AuditParameters;
		const page = await (await audit.store()).audit({
			...{ ...rest, order: orderFrom({ sort, order }, "desc") },
			...(from === undefined ? {} : { fromMs: Date.parse(from) }),
			...(to === undefined ? {} : { toMs: Date.parse(to) }),
		});
		return ok({ ...page, items: page.items.map(wireAudit) });
	},
	verifyAudit: async ({ audit }) => {
		if (!audit) throw new EnergyError("access.audit-off");
		const { entries, head, broken = null } = await audit.verify();
		return ok({ whole: broken === null, entries, head, broken });
	},
	removeApiKey: (call) => {
		person(call);
		const { sessions, params } = call;
		const removed = sessions.apiKeys.remove(params.id ?? "");
		const { id } = removed;
		noteChange({ target: `key:${id}`, before: wireKey(removed), after: null });
		sessions.tellAll(`key:${id}`, `key:${id}`);
		return { status: 204 };
	},
};

/** @throws EnergyError `access.key-grants`, `access.key-expiry`, `access.keys-many` */
export function addKey(
	{ apiKeys }: Pick<Sessions, "apiKeys">,
	name: string,
	grants: Grants,
	by: string,
	expiresMs: number | null,
	nowMs = Date.now(),
): { key: string; made: ApiKey } {
	if (grants.role === null && Object.keys(grants.sites).length === 0) throw new EnergyError("access.key-grants");
	if (expiresMs !== null && !(expiresMs > nowMs)) throw new EnergyError("access.key-expiry");
	return apiKeys.add(name, grants, by, expiresMs);
}

function holder({ signedIn }: Call): SignedIn {
	if (!signedIn) throw new EnergyError("access.unauthenticated");
	return signedIn;
}

/** Identities are people's business: a stolen key must not make itself another one. */
function person(call: Call): SignedIn {
	const signedIn = holder(call);
	if (signedIn.claims.use === "key") throw new EnergyError("access.person-only");
	return signedIn;
}

function grantable(call: Call, given: Grants): Grants {
	const { user } = person(call);
	if (!grantsCover(user, given)) throw new EnergyError("access.grant-above");
	return given;
}

function known({ users }: Sessions, name: string): User {
	const user = users.get(name);
	if (!user) throw new EnergyError("access.user-unknown", { name });
	return user;
}

function tokens(answer: TokenAnswer, user: User): object {
	const { name, role, sites, mustChange = false } = user;
	return { ...answer, user: name, role, sites, mustChangePassword: mustChange };
}

function wireUser({ name, role, sites, changedMs, mustChange = false, disabled = false }: User): object {
	return { name, role, sites, mustChangePassword: mustChange, disabled, changedAt: new Date(changedMs).toISOString() };
}

/** A user as those who manage users see them: with what they did, and what befell them. */
function listedUser(sessions: Sessions, user: User): object {
	const { name } = user;
	return {
		...wireUser(user),
		lastSignInAt: timeOf(sessions.lastSignInMs(name)),
		lockedUntil: timeOf(sessions.lockedUntilMs(name)),
	};
}

function wireSession({ id, kind, startedMs, untilMs, address, agent }: SignIn, current: string): object {
	const [startedAt, expiresAt] = [timeOf(startedMs), timeOf(untilMs)];
	return { id, kind, startedAt, expiresAt, from: address || null, agent: agent || null, current: id === current };
}

const timeOf = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());

function wireKey({ id, name, role, sites, madeBy, madeMs, expiresMs, lastUsedMs }: ApiKey): object {
	return {
		id,
		name,
		role,
		sites,
		createdBy: madeBy,
		createdAt: timeOf(madeMs),
		expiresAt: timeOf(expiresMs),
		lastUsedAt: timeOf(lastUsedMs),
	};
}

/** An entry of the audit as the API and the command show it. */
function wireAudit({ sequence, atMs, who, what, target, site, detail, link }: AuditEntry): object {
	const { status = null, before = null, after = null, request = null, from = null, requestId = null } = detail;
	const { note, count } = detail;
	return {
		sequence,
		time: new Date(atMs).toISOString(),
		who,
		what,
		target: target || null,
		site: site || null,
		status,
		before,
		after,
		request,
		from,
		requestId,
		...(note === undefined ? {} : { note }),
		...(count === undefined ? {} : { count }),
		link,
	};
}
