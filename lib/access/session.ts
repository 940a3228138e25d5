import type { IncomingMessage, ServerResponse } from "node:http";
import { EnergyError } from "../errors.ts";
import { type Asker, addressOf, networkOf, type Proxies } from "./addresses.ts";
import { type ApiKeys, isApiKey } from "./api-keys.ts";
import type { Audit } from "./audit.ts";
import { accessOf } from "./context.ts";
import { bearerOf, cookieOf, isSameOrigin, isSecure, sessionCookie } from "./http.ts";
import type { Ledger, SignIn } from "./ledger.ts";
import { BackOff, type FailureStore } from "./limits.ts";
import type { Claims, Tokens } from "./tokens.ts";
import type { User, Users } from "./users.ts";

/** Who asks: a user, or a key as if it were one, by the name `key:<id>`. */
export interface SignedIn {
	user: User;
	claims: Claims;
}

/** What a sign-in and a refresh answer. */
export interface TokenAnswer {
	accessToken: string;
	tokenType: "Bearer";
	/** Seconds. */
	expiresIn: number;
	refreshToken?: string;
	/** Seconds that the refresh token is good for when it is not used. */
	refreshExpiresIn?: number;
}

export interface SessionsOptions {
	/** A session that is not used for this long ends. */
	sessionMs: number;
	/** Life of an access token. */
	tokenMs: number;
	/** A sign-in over the API that is not refreshed for this long ends. */
	refreshMs: number;
	proxies: Proxies;
	now: () => number;
	audit?: Pick<Audit, "record"> | undefined;
}

export interface SessionsParts {
	users: Users;
	tokens: Tokens;
	ledger: Ledger;
	apiKeys: ApiKeys;
}

/** Where a request comes from. */
export interface Caller {
	address: string;
	requestId: string;
	/** The program, as it names itself. */
	agent?: string;
}

/** Told of a sign-in that ended; `session` is `*` where all sign-ins of the user did. */
export type EndListener = (session: string, user: string) => void;

const minute = 60_000;
const longestWaitMs = 15 * minute;
/** After so long a name and a password are asked for again, however often a sign-in was renewed. */
const longestMs = 30 * 86_400_000;

/** Signing in and out, and finding out who asks: by bearer token, by API key or by session cookie. */
export class Sessions {
	readonly users: Users;
	readonly tokens: Tokens;
	readonly apiKeys: ApiKeys;
	private readonly ledger: Ledger;
	private readonly options: SessionsOptions;
	private readonly now: () => number;
	private readonly pairs: BackOff;
	private readonly addresses: BackOff;
	private readonly names: BackOff;
	private readonly listeners = new Set<EndListener>();

	constructor({ users, tokens, ledger, apiKeys }: SessionsParts, options: SessionsOptions) {
		this.users = users;
		this.tokens = tokens;
		this.apiKeys = apiKeys;
		this.ledger = ledger;
		this.options = options;
		this.now = options.now;
		const wait = { firstMs: 2_000, forgetMs: 30 * minute };
		const kept = (kind: string, nameIn: (key: string) => string) => keptIn(ledger, kind, nameIn);
		const afterAddress = (key: string): string => key.slice(key.indexOf(" ") + 1);
		this.pairs = new BackOff({ ...wait, free: 5, longestMs: longestWaitMs }, this.now, kept("pair", afterAddress));
		this.addresses = new BackOff(
			{ ...wait, free: 20, longestMs: longestWaitMs },
			this.now,
			kept("address", () => ""),
		);
		// Short, or whoever knows a name could lock its owner out from anywhere.
		this.names = new BackOff(
			{ ...wait, free: 50, longestMs: minute / 2 },
			this.now,
			kept("name", (name) => name),
		);
	}

	/**
	 * @throws EnergyError `access.locked` while this caller has to wait, `access.credentials-wrong` for an unknown user as
	 *   for a wrong password, `access.disabled` for who knows the password and may not come in any more
	 */
	async signIn(name: string, password: string, caller: Caller): Promise<User> {
		const { address } = caller;
		const network = networkOf(address);
		const kept: [BackOff, string][] = [
			[this.pairs, `${network} ${name}`],
			[this.addresses, network],
			[this.names, name],
		];
		const waitMs = Math.max(...kept.map(([limit, key]) => limit.waitMs(key)));
		if (waitMs > 0) throw new EnergyError("access.locked", { seconds: Math.ceil(waitMs / 1000) });
		for (const [limit, key] of kept) limit.fail(key);
		const user = await this.users.authenticate(name, password);
		this.options.audit?.record({
			from: address,
			requestId: caller.requestId,
			...signInOf(user, this.users.get(name) !== undefined, name),
		});
		if (!user) throw new EnergyError("access.credentials-wrong");
		if (user.disabled) throw new EnergyError("access.disabled");
		// Not the address: one who knows one password would go on guessing others.
		this.pairs.clear(`${network} ${name}`);
		this.names.clear(name);
		this.ledger.use(useOf(name), this.now());
		return user;
	}

	/** An access token, and where the user has nothing to do first, a refresh token that gets the next one. */
	async apiTokens(user: User, caller: Caller): Promise<TokenAnswer> {
		const { tokenMs, refreshMs } = this.options;
		const { token, claims } = await this.tokens.issue(user, "api", tokenMs);
		const answer: TokenAnswer = { accessToken: token, tokenType: "Bearer", expiresIn: tokenMs / 1000 };
		if (user.mustChange) return answer;
		const refresh = await this.tokens.issue(user, "refresh", refreshMs, claims, 1);
		this.note(user, claims, refresh.claims.expiresMs, "program", caller);
		return { ...answer, refreshToken: refresh.token, refreshExpiresIn: refreshMs / 1000 };
	}

	/**
	 * Gets the next access token. A refresh token works once; one that comes again was copied, and nobody knows whether
	 * the thief or the owner came first: the sign-in ends for both.
	 *
	 * @throws EnergyError `access.refresh-reused`, and those of `Tokens.verify`
	 */
	async refresh(refreshToken: string, caller: Caller): Promise<TokenAnswer & { user: User; session: string }> {
		const { user, claims } = await this.tokens.verify(refreshToken, "refresh");
		const { tokenMs, refreshMs } = this.options;
		const nowMs = this.now();
		const leftMs = claims.signedInMs + longestMs - nowMs;
		if (leftMs <= 0) throw new EnergyError("access.token-expired");
		const lifeMs = Math.min(refreshMs, leftMs);
		const step = this.ledger.turn(claims.session, claims.turn ?? 0, nowMs + lifeMs);
		if (step === "ended") throw new EnergyError("access.token-invalid");
		if (step === "used") {
			this.end(claims);
			const { address: from, requestId } = caller;
			this.options.audit?.record({ who: user.name, what: "refresh", status: 401, note: "reused", from, requestId });
			throw new EnergyError("access.refresh-reused", { user: user.name });
		}
		const access = await this.tokens.issue(user, "api", tokenMs, claims);
		const next = await this.tokens.issue(user, "refresh", lifeMs, claims, (claims.turn ?? 0) + 1);
		return {
			accessToken: access.token,
			tokenType: "Bearer",
			expiresIn: tokenMs / 1000,
			refreshToken: next.token,
			refreshExpiresIn: Math.floor(lifeMs / 1000),
			user,
			session: claims.session,
		};
	}

	/**
	 * Replaces one's own password; every sign-in of that user ends.
	 *
	 * @throws EnergyError `access.password-same`, `access.password-short`, and those of `signIn`
	 */
	async changePassword(user: User, current: string, next: string, caller: Caller): Promise<User> {
		await this.signIn(user.name, current, caller);
		if (current.normalize("NFKC") === next.normalize("NFKC")) throw new EnergyError("access.password-same");
		const changed = await this.users.setPassword(user.name, next);
		this.tellAll("*", user.name);
		return changed;
	}

	/** Sets the cookie that pages, the dashboard's socket and the editor come with. */
	async startSession(req: IncomingMessage, res: ServerResponse, user: User, from?: Claims): Promise<void> {
		const { sessionMs, proxies } = this.options;
		const { token, claims } = await this.tokens.issue(user, "session", sessionMs, from);
		this.note(user, claims, claims.expiresMs, "browser", this.caller(req));
		setCookie(res, token, Math.floor(sessionMs / 1000), isSecure(req, proxies));
	}

	/** Ends the caller's sign-in, whichever way they came, and takes the cookie back. */
	async signOut(req: IncomingMessage, res: ServerResponse): Promise<void> {
		const held: [string | undefined, "api" | "session"][] = [
			[bearerOf(req), "api"],
			[cookieOf(req.headers.cookie, sessionCookie), "session"],
		];
		for (const [token, use] of held) {
			if (!token || isApiKey(token)) continue;
			// A token that is no longer worth anything needs no end.
			const signedIn = await this.tokens.verify(token, use).catch(() => null);
			if (signedIn) this.end(signedIn.claims);
		}
		setCookie(res, "", 0, isSecure(req, this.options.proxies));
	}

	/** When somebody last came in by name and password, epoch ms; null: never. */
	lastSignInMs(name: string): number | null {
		return this.ledger.lastUseMs(useOf(name));
	}

	/** Until when sign-in waits at this name for somebody who failed there, epoch ms; null: nobody waits. */
	lockedUntilMs(name: string): number | null {
		const nowMs = this.now();
		// As in BackOff: a clock that was set back locks nobody out for longer.
		const untilMs = Math.min(this.ledger.lockedUntilMs(name), nowMs + longestWaitMs);
		return untilMs > nowMs ? untilMs : null;
	}

	/** Forgets the wrong attempts at a name, from wherever; those of an address at many names stay. */
	unlock(name: string): void {
		this.ledger.forgetAttemptsAt(name);
	}

	/** Nothing of a user who was removed is left to one of the same name. */
	forget(name: string): void {
		this.unlock(name);
		this.ledger.forgetUse(useOf(name));
	}

	/** Where a user is signed in, newest first. */
	signIns({ name, changedMs }: User): SignIn[] {
		return this.ledger.signIns(name, changedMs, this.now());
	}

	/** Ends one of a user's sign-ins. @throws EnergyError `access.session-unknown` */
	endSignIn(user: User, id: string): SignIn {
		const held = this.signIns(user).find((one) => one.id === id);
		if (!held) throw new EnergyError("access.session-unknown", { id });
		this.end({ session: held.id, user: user.name });
		return held;
	}

	/** Tells open sockets that their session was ended. Returns how to stop listening. */
	onSignOut(listener: EndListener): () => void {
		this.listeners.add(listener);
		return () => this.listeners.delete(listener);
	}

	/** Tells open sockets that all sign-ins of a user, or those of a key, ended. */
	tellAll(session: string, user: string): void {
		for (const listener of this.listeners) listener(session, user);
	}

	/**
	 * Who asks.
	 *
	 * @param upgrade a WebSocket is opened
	 * @param unfinished let those in too who have to choose a password first
	 * @throws EnergyError `access.unauthenticated`, `access.token-expired`, `access.token-invalid`, `access.key-invalid`,
	 *   `access.password-change`, and `access.origin-foreign` for a cookie that a page of another site sends along where
	 *   that could do harm
	 */
	async identify(
		req: Pick<IncomingMessage, "headers" | "method">,
		upgrade = false,
		unfinished = false,
	): Promise<SignedIn> {
		const signedIn = await this.holder(req, upgrade);
		if (signedIn.user.mustChange && !unfinished) throw new EnergyError("access.password-change");
		return signedIn;
	}

	/** A session in use goes on; one that is left alone ends. Called where an answer can still carry a cookie. */
	async renew(req: IncomingMessage, res: ServerResponse, { user, claims }: SignedIn): Promise<void> {
		const nowMs = this.now();
		const fresh = claims.expiresMs - nowMs > this.options.sessionMs / 2;
		if (claims.use !== "session" || fresh || nowMs - claims.signedInMs > longestMs) return;
		await this.startSession(req, res, user, claims);
	}

	caller(req: IncomingMessage): Caller {
		const agent = req.headers["user-agent"] ?? "";
		return { address: this.address(req), requestId: accessOf(req)?.requestId ?? "", agent };
	}

	address(req: IncomingMessage): string {
		return addressOf(req, this.options.proxies);
	}

	/** What limits count a caller as. */
	network(req: IncomingMessage): string {
		return networkOf(this.address(req));
	}

	secure(req: IncomingMessage): boolean {
		return isSecure(req, this.options.proxies);
	}

	sameOrigin(req: Asker): boolean {
		return isSameOrigin(req, this.options.proxies);
	}

	private async holder(req: Asker & Pick<IncomingMessage, "method">, upgrade: boolean): Promise<SignedIn> {
		const bearer = bearerOf(req as IncomingMessage) ?? apiKeyOf(req);
		if (bearer) return isApiKey(bearer) ? this.keyHolder(bearer) : await this.tokens.verify(bearer, "api");
		const cookie = cookieOf(req.headers.cookie, sessionCookie);
		if (!cookie) throw new EnergyError("access.unauthenticated");
		const signedIn = await this.tokens.verify(cookie, "session");
		const reads = !upgrade && ["GET", "HEAD", "OPTIONS"].includes(req.method ?? "GET");
		if (!reads && !isSameOrigin(req, this.options.proxies)) throw new EnergyError("access.origin-foreign");
		return signedIn;
	}

	private keyHolder(bearer: string): SignedIn {
		const key = this.apiKeys.verify(bearer);
		if (!key) throw new EnergyError("access.key-invalid");
		const name = `key:${key.id}`;
		const { role, sites, madeMs } = key;
		return {
			user: { name, role, sites, changedMs: madeMs },
			claims: {
				user: name,
				use: "key",
				session: name,
				signedInMs: madeMs,
				expiresMs: key.expiresMs ?? Number.MAX_SAFE_INTEGER,
			},
		};
	}

	private note(user: User, claims: Claims, untilMs: number, kind: SignIn["kind"], caller: Caller): void {
		const { session: id, signedInMs: startedMs } = claims;
		const { address, agent = "" } = caller;
		const one = { id, kind, startedMs, untilMs, address, agent };
		this.ledger.begin({ ...one, user: user.name, rights: user.changedMs }, this.now());
	}

	private end(claims: Pick<Claims, "session" | "user">): void {
		const { sessionMs, tokenMs, refreshMs } = this.options;
		this.tokens.revoke(claims, this.now() + Math.max(sessionMs, tokenMs, refreshMs));
		this.tellAll(claims.session, claims.user);
	}
}

/** An unknown name may be a password in the wrong field: of that no more than its beginning is kept. */
function signInOf(
	user: User | null,
	known: boolean,
	name: string,
): { who: string; what: string; target: string; status: number } {
	const target = known ? name : `${name.slice(0, 2)}…`;
	return { who: user?.name ?? "?", what: "signIn", target, status: user ? (user.disabled ? 403 : 200) : 401 };
}

/** The last sign-in of a user, beside the last use of keys; no key is named so. */
const useOf = (name: string): string => `user:${name}`;

function apiKeyOf({ headers }: Pick<IncomingMessage, "headers">): string | undefined {
	const given = headers["x-api-key"];
	// Whatever it is, it is held to be a key: a wrong one is refused rather than overlooked.
	return typeof given === "string" && given !== "" ? (isApiKey(given) ? given : `sfk_${given}`) : undefined;
}

/** @param nameIn the user's name in a key of this kind */
function keptIn(ledger: Ledger, kind: string, nameIn: (key: string) => string): FailureStore {
	return {
		get: (key) => ledger.attempts(`${kind} ${key}`),
		set: (key, failures) => ledger.noteAttempts(`${kind} ${key}`, failures, nameIn(key)),
		delete: (key) => ledger.forgetAttempts(`${kind} ${key}`),
	};
}

function setCookie(res: ServerResponse, value: string, seconds: number, secure: boolean): void {
	// Lax: a link in a mail opens signed in; posts and sockets of other sites come without it.
	const attributes = `Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Lax${secure ? "; Secure" : ""}`;
	res.appendHeader("Set-Cookie", `${sessionCookie}=${value}; ${attributes}`);
}
