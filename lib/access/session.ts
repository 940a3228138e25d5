import type { IncomingMessage, ServerResponse } from "node:http";
import { EnergyError } from "../errors.ts";
import type { Language } from "../messages.ts";
import type { Role } from "./context.ts";
import { addressOf, bearerOf, cookieOf, isSameOrigin, isSecure, sessionCookie } from "./http.ts";
import { BackOff } from "./limits.ts";
import type { Claims, Tokens } from "./tokens.ts";
import type { User, Users } from "./users.ts";

export interface SignedIn {
	user: User;
	claims: Claims;
}

/** What a sign-in answers, over HTTP too. */
export interface SignInAnswer {
	accessToken: string;
	tokenType: "Bearer";
	/** Seconds. */
	expiresIn: number;
	user: string;
	role: Role;
	language: Language;
}

const apiTokenMs = 3_600_000;
const minute = 60_000;

/** Signing in and out, and finding out who asks: by bearer token or by session cookie. */
export class Sessions {
	readonly users: Users;
	readonly tokens: Tokens;
	private readonly sessionMs: number;
	private readonly longestMs: number;
	private readonly trustProxy: boolean;
	private readonly now: () => number;
	private readonly pairs: BackOff;
	private readonly addresses: BackOff;
	private readonly names: BackOff;
	private readonly listeners = new Set<(session: string) => void>();

	constructor(users: Users, tokens: Tokens, options: { sessionMs: number; trustProxy: boolean; now: () => number }) {
		this.users = users;
		this.tokens = tokens;
		this.sessionMs = options.sessionMs;
		this.longestMs = options.sessionMs * 60;
		this.trustProxy = options.trustProxy;
		this.now = options.now;
		const wait = { firstMs: 2_000, forgetMs: 30 * minute };
		this.pairs = new BackOff({ ...wait, free: 5, longestMs: 15 * minute }, this.now);
		this.addresses = new BackOff({ ...wait, free: 20, longestMs: 15 * minute }, this.now);
		// Short, or whoever knows a name could lock its owner out from anywhere.
		this.names = new BackOff({ ...wait, free: 50, longestMs: minute / 2 }, this.now);
	}

	/**
	 * @throws EnergyError `access.locked` while this caller has to wait, `access.credentials-wrong` for an unknown user as
	 *   for a wrong password
	 */
	async signIn(name: string, password: string, address: string): Promise<User> {
		const kept: [BackOff, string][] = [
			[this.pairs, `${address} ${name}`],
			[this.addresses, address],
			[this.names, name],
		];
		const waitMs = Math.max(...kept.map(([limit, key]) => limit.waitMs(key)));
		if (waitMs > 0) throw new EnergyError("access.locked", { seconds: Math.ceil(waitMs / 1000) });
		for (const [limit, key] of kept) limit.fail(key);
		const user = await this.users.authenticate(name, password);
		if (!user) throw new EnergyError("access.credentials-wrong");
		// Not the address: one who knows one password would go on guessing others.
		this.pairs.clear(`${address} ${name}`);
		this.names.clear(name);
		return user;
	}

	async apiToken(user: User): Promise<Pick<SignInAnswer, "accessToken" | "tokenType" | "expiresIn">> {
		const { token } = await this.tokens.issue(user, "api", apiTokenMs);
		return { accessToken: token, tokenType: "Bearer", expiresIn: apiTokenMs / 1000 };
	}

	/** Sets the cookie that pages, the dashboard's socket and the editor come with. */
	async startSession(req: IncomingMessage, res: ServerResponse, user: User, from?: Claims): Promise<void> {
		const { token } = await this.tokens.issue(user, "session", this.sessionMs, from);
		setCookie(res, token, Math.floor(this.sessionMs / 1000), isSecure(req, this.trustProxy));
	}

	/** Ends the caller's sign-in, whichever way they came, and takes the cookie back. */
	async signOut(req: IncomingMessage, res: ServerResponse): Promise<void> {
		const held: [string | undefined, Claims["use"]][] = [
			[bearerOf(req), "api"],
			[cookieOf(req.headers.cookie, sessionCookie), "session"],
		];
		for (const [token, use] of held) {
			if (!token) continue;
			// A token that is no longer worth anything needs no end.
			const signedIn = await this.tokens.verify(token, use).catch(() => null);
			if (!signedIn) continue;
			this.tokens.revoke(signedIn.claims, this.now() + Math.max(this.sessionMs, apiTokenMs));
			for (const listener of this.listeners) listener(signedIn.claims.session);
		}
		setCookie(res, "", 0, isSecure(req, this.trustProxy));
	}

	/** Tells open sockets that their session was ended. Returns how to stop listening. */
	onSignOut(listener: (session: string) => void): () => void {
		this.listeners.add(listener);
		return () => this.listeners.delete(listener);
	}

	/**
	 * Who asks.
	 *
	 * @throws EnergyError `access.unauthenticated`, `access.token-expired`, `access.token-invalid`, and
	 *   `access.origin-foreign` for a cookie that a page of another site sends along where that could do harm
	 */
	async identify(req: Pick<IncomingMessage, "headers" | "method">, upgrade = false): Promise<SignedIn> {
		const bearer = bearerOf(req as IncomingMessage);
		if (bearer) return this.tokens.verify(bearer, "api");
		const cookie = cookieOf(req.headers.cookie, sessionCookie);
		if (!cookie) throw new EnergyError("access.unauthenticated");
		const signedIn = await this.tokens.verify(cookie, "session");
		const reads = !upgrade && ["GET", "HEAD", "OPTIONS"].includes(req.method ?? "GET");
		if (!reads && !isSameOrigin(req, this.trustProxy)) throw new EnergyError("access.origin-foreign");
		return signedIn;
	}

	/** A session in use goes on; one that is left alone ends. Called where an answer can still carry a cookie. */
	async renew(req: IncomingMessage, res: ServerResponse, { user, claims }: SignedIn): Promise<void> {
		const nowMs = this.now();
		const fresh = claims.expiresMs - nowMs > this.sessionMs / 2;
		if (claims.use !== "session" || fresh || nowMs - claims.signedInMs > this.longestMs) return;
		await this.startSession(req, res, user, claims);
	}

	address(req: IncomingMessage): string {
		return addressOf(req, this.trustProxy);
	}

	secure(req: IncomingMessage): boolean {
		return isSecure(req, this.trustProxy);
	}

	sameOrigin(req: Pick<IncomingMessage, "headers">): boolean {
		return isSameOrigin(req, this.trustProxy);
	}
}

function setCookie(res: ServerResponse, value: string, seconds: number, secure: boolean): void {
	// Lax: a link in a mail opens signed in; posts and sockets of other sites come without it.
	const attributes = `Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Lax${secure ? "; Secure" : ""}`;
	res.appendHeader("Set-Cookie", `${sessionCookie}=${value}; ${attributes}`);
}
