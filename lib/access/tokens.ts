import { randomUUID } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { errors, jwtVerify, SignJWT } from "jose";
import { EnergyError } from "../errors.ts";
import { writeSecretFile } from "./secrets.ts";
import type { User, Users } from "./users.ts";

/** `api` tokens travel in a header; `session` tokens in the cookie. Neither serves in the other's place. */
export type TokenUse = "api" | "session";

export interface Claims {
	user: string;
	use: TokenUse;
	/** Of the sign-in that this token stems from; signing out ends all tokens of it. */
	session: string;
	/** Epoch ms of that sign-in. */
	signedInMs: number;
	expiresMs: number;
}

interface Revoked {
	session: string;
	user: string;
	/** After this no token of the session lives anyway. */
	untilMs: number;
}

const issuer = "smartfactory";
const revokedAtMost = 10_000;

/** Signed tokens, and the list of sign-ins that were ended before their time. */
export class Tokens {
	private readonly key: Uint8Array;
	private readonly users: Users;
	private readonly now: () => number;
	private readonly path: string;
	private readonly revoked: Map<string, Revoked>;
	/** Users whose ended sign-ins no longer fit the list: all of their tokens up to then are worth nothing. */
	private readonly cutOffMs: Map<string, number>;

	constructor(home: string, secret: string, users: Users, now: () => number = Date.now) {
		this.key = new TextEncoder().encode(secret);
		this.users = users;
		this.now = now;
		this.path = join(home, "secrets", "revoked.json");
		const kept = readRevoked(this.path);
		this.revoked = new Map(kept.revoked.map((entry) => [entry.session, entry]));
		this.cutOffMs = new Map(kept.cutOffs);
	}

	/** @param from the token that is renewed: the sign-in stays the same */
	async issue(user: User, use: TokenUse, lifeMs: number, from?: Claims): Promise<{ token: string; claims: Claims }> {
		const nowMs = this.now();
		const claims: Claims = {
			user: user.name,
			use,
			session: from?.session ?? randomUUID(),
			signedInMs: from?.signedInMs ?? nowMs,
			expiresMs: nowMs + lifeMs,
		};
		const token = await new SignJWT({ use, sid: claims.session, auth_ms: claims.signedInMs, ver: user.changedMs })
			.setProtectedHeader({ alg: "HS256", typ: "JWT" })
			.setIssuer(issuer)
			.setAudience(issuer)
			.setSubject(user.name)
			.setJti(randomUUID())
			.setIssuedAt(Math.floor(nowMs / 1000))
			.setExpirationTime(Math.floor(claims.expiresMs / 1000))
			.sign(this.key);
		return { token, claims };
	}

	/**
	 * Who holds this token.
	 *
	 * @throws EnergyError `access.token-expired` for one of ours whose time is over, `access.token-invalid` for anything
	 *   else: forged, of another use, signed out, or of a user who changed or left since
	 */
	async verify(token: string, use: TokenUse): Promise<{ user: User; claims: Claims }> {
		const { payload } = await jwtVerify(token, this.key, {
			algorithms: ["HS256"],
			issuer,
			audience: issuer,
			requiredClaims: ["sub", "exp", "jti", "sid", "use", "ver", "auth_ms"],
			currentDate: new Date(this.now()),
		}).catch((error: unknown) => {
			throw new EnergyError(error instanceof errors.JWTExpired ? "access.token-expired" : "access.token-invalid");
		});
		const user = this.users.get(String(payload.sub));
		const claims: Claims = {
			user: String(payload.sub),
			use,
			session: String(payload.sid),
			signedInMs: Number(payload.auth_ms),
			expiresMs: Number(payload.exp) * 1000,
		};
		const sound =
			user !== undefined &&
			payload.use === use &&
			payload.ver === user.changedMs &&
			!this.revoked.has(claims.session) &&
			claims.signedInMs > (this.cutOffMs.get(user.name) ?? Number.NEGATIVE_INFINITY);
		if (!sound) throw new EnergyError("access.token-invalid");
		return { user, claims };
	}

	/** Ends a sign-in; kept over restarts. @param untilMs when its last token would have ended by itself */
	revoke(claims: Claims, untilMs: number): void {
		const nowMs = this.now();
		for (const entry of this.revoked.values()) if (entry.untilMs <= nowMs) this.revoked.delete(entry.session);
		this.revoked.set(claims.session, { session: claims.session, user: claims.user, untilMs });
		while (this.revoked.size > revokedAtMost) {
			const [oldest] = this.revoked.values();
			if (!oldest) break;
			this.revoked.delete(oldest.session);
			this.cutOffMs.set(oldest.user, nowMs);
		}
		writeSecretFile(
			this.path,
			JSON.stringify({ version: 1, revoked: [...this.revoked.values()], cutOffs: [...this.cutOffMs] }),
		);
	}
}

function readRevoked(path: string): { revoked: Revoked[]; cutOffs: [string, number][] } {
	if (!existsSync(path)) return { revoked: [], cutOffs: [] };
	try {
		const { revoked, cutOffs } = JSON.parse(readFileSync(path, "utf8"));
		return { revoked, cutOffs };
	} catch (error) {
		throw new EnergyError("access.users-damaged", { file: path }, { cause: error });
	}
}
