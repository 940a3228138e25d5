import { randomUUID } from "node:crypto";
import { decodeProtectedHeader, errors, type JWTPayload, jwtVerify, SignJWT } from "jose";
import { EnergyError } from "../errors.ts";
import type { KeyRing, SigningKey } from "./key-ring.ts";
import type { Ledger } from "./ledger.ts";
import type { User, Users } from "./users.ts";

/**
 * `api` tokens travel in a header and live for minutes; `refresh` tokens get the next one, each once; `session` tokens
 * live in the cookie. None serves in another's place.
 */
export type TokenUse = "api" | "refresh" | "session";

export interface Claims {
	user: string;
	use: TokenUse | "key";
	/** Of the sign-in that this token stems from; signing out ends all tokens of it. */
	session: string;
	/** Epoch ms of that sign-in. */
	signedInMs: number;
	expiresMs: number;
	/** Of a refresh token: how often its sign-in was refreshed when it was made. */
	turn?: number;
}

const issuer = "smartfactory";
const required = ["sub", "exp", "jti", "sid", "use", "ver", "auth_ms"];
const rememberedAtMost = 1_000;

/** Signed tokens, and the sign-ins that were ended before their time. */
export class Tokens {
	private readonly ring: KeyRing;
	private readonly ledger: Ledger;
	private readonly users: Users;
	private readonly now: () => number;
	/** What was found sound, by the token: its signature need not be checked again at each request, all else is. */
	private readonly sound = new Map<string, { payload: JWTPayload; key: string }>();

	constructor(ring: KeyRing, ledger: Ledger, users: Users, now: () => number = Date.now) {
		this.ring = ring;
		this.ledger = ledger;
		this.users = users;
		this.now = now;
	}

	/** @param from the token that is renewed: the sign-in stays the same */
	async issue(
		user: User,
		use: TokenUse,
		lifeMs: number,
		from?: Claims,
		turn?: number,
	): Promise<{ token: string; claims: Claims }> {
		const nowMs = this.now();
		const claims: Claims = {
			user: user.name,
			use,
			session: from?.session ?? randomUUID(),
			signedInMs: from?.signedInMs ?? nowMs,
			expiresMs: nowMs + lifeMs,
			...(turn === undefined ? {} : { turn }),
		};
		const { id, secret } = this.ring.current;
		const token = await new SignJWT({
			use,
			sid: claims.session,
			auth_ms: claims.signedInMs,
			ver: user.changedMs,
			...(turn === undefined ? {} : { turn }),
		})
			.setProtectedHeader({ alg: "HS256", typ: "JWT", kid: id })
			.setIssuer(issuer)
			.setAudience(issuer)
			.setSubject(user.name)
			.setJti(randomUUID())
			.setIssuedAt(Math.floor(nowMs / 1000))
			.setExpirationTime(Math.floor(claims.expiresMs / 1000))
			.sign(secret);
		return { token, claims };
	}

	/**
	 * Who holds this token.
	 *
	 * @throws EnergyError `access.token-expired` for one of ours whose time is over, `access.token-invalid` for anything
	 *   else: forged, of another use, signed out, or of a user who changed or left since
	 */
	async verify(token: string, use: TokenUse): Promise<{ user: User; claims: Claims }> {
		const payload = await this.payloadOf(token);
		const user = this.users.get(String(payload.sub));
		const claims: Claims = {
			user: String(payload.sub),
			use,
			session: String(payload.sid),
			signedInMs: Number(payload.auth_ms),
			expiresMs: Number(payload.exp) * 1000,
			...(payload.turn === undefined ? {} : { turn: Number(payload.turn) }),
		};
		const sound =
			user !== undefined &&
			!user.disabled &&
			payload.use === use &&
			payload.ver === user.changedMs &&
			!this.ledger.isEnded(claims.session);
		if (!sound) throw new EnergyError("access.token-invalid");
		return { user, claims };
	}

	/** Ends a sign-in; kept over restarts. @param untilMs when its last token would have ended by itself */
	revoke(claims: Pick<Claims, "session" | "user">, untilMs: number): void {
		this.ledger.end(claims.session, claims.user, untilMs, this.now());
	}

	private async payloadOf(token: string): Promise<JWTPayload> {
		const nowMs = this.now();
		const known = this.sound.get(token);
		const signer = known && this.ring.find(known.key);
		if (known && signer && !isLate(known.payload, signer)) {
			if (Number(known.payload.exp) * 1000 > nowMs) return known.payload;
			this.sound.delete(token);
			throw new EnergyError("access.token-expired");
		}
		try {
			const { kid } = decodeProtectedHeader(token);
			const key = this.ring.find(kid);
			if (!key) throw new EnergyError("access.token-invalid");
			const { payload } = await jwtVerify(token, key.secret, {
				algorithms: ["HS256"],
				issuer,
				audience: issuer,
				requiredClaims: required,
				currentDate: new Date(nowMs),
			});
			if (isLate(payload, key)) throw new EnergyError("access.token-invalid");
			if (this.sound.size >= rememberedAtMost) this.sound.delete(this.sound.keys().next().value ?? "");
			this.sound.set(token, { payload, key: key.id });
			return payload;
		} catch (error) {
			throw new EnergyError(error instanceof errors.JWTExpired ? "access.token-expired" : "access.token-invalid");
		}
	}
}

/** Made with a key after that had been retired: only who stole the key does so. */
const isLate = ({ iat = 0 }: JWTPayload, { retiredMs }: SigningKey): boolean =>
	retiredMs !== undefined && iat * 1000 > retiredMs;
