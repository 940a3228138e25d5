import { randomBytes, type ScryptOptions, scrypt, scryptSync, timingSafeEqual } from "node:crypto";
import { EnergyError } from "../errors.ts";

/** A password as it is kept: never itself, only what scrypt made of it. */
export interface PasswordHash {
	/** base64url */
	salt: string;
	/** base64url, 32 bytes */
	hash: string;
	/** scrypt's cost, block size and parallelism; kept with each hash so that they can be raised later. */
	cost: { n: number; r: number; p: number };
}

// One of OWASP's equal choices for scrypt; 32 MiB a hash leaves room on a gateway with 1 GB of memory.
const cost = { n: 2 ** 15, r: 8, p: 3 };
const shortestPassword = 8;
const longestPassword = 256;

function options({ n, r, p }: PasswordHash["cost"]): ScryptOptions {
	return { N: n, r, p, maxmem: 256 * n * r };
}

/** @throws EnergyError `access.password-short`, `access.password-long` */
export function checkNewPassword(password: string): void {
	if (password.length < shortestPassword) throw new EnergyError("access.password-short", { min: shortestPassword });
	if (password.length > longestPassword) throw new EnergyError("access.password-long", { max: longestPassword });
}

/** At start-up, before anything is served, so it may take its 100 ms on the event loop. */
export function hashPasswordSync(password: string): PasswordHash {
	const salt = randomBytes(16);
	const hash = scryptSync(password.normalize("NFKC"), salt, 32, options(cost));
	return { salt: salt.toString("base64url"), hash: hash.toString("base64url"), cost };
}

export async function hashPassword(password: string): Promise<PasswordHash> {
	const salt = randomBytes(16);
	const hash = await derive(password, salt, cost);
	return { salt: salt.toString("base64url"), hash: hash.toString("base64url"), cost };
}

export async function passwordFits(password: string, kept: PasswordHash): Promise<boolean> {
	const expected = Buffer.from(kept.hash, "base64url");
	const actual = await derive(password.slice(0, longestPassword), Buffer.from(kept.salt, "base64url"), kept.cost);
	return expected.length === actual.length && timingSafeEqual(expected, actual);
}

export function passwordFitsSync(password: string, kept: PasswordHash): boolean {
	const salt = Buffer.from(kept.salt, "base64url");
	const actual = scryptSync(password.normalize("NFKC"), salt, 32, options(kept.cost));
	const expected = Buffer.from(kept.hash, "base64url");
	return expected.length === actual.length && timingSafeEqual(expected, actual);
}

/** A password that nobody chose: 120 bits in letters and digits that can be read aloud. */
export function randomPassword(): string {
	const alphabet = "abcdefghijkmnpqrstuvwxyz23456789";
	return Array.from(randomBytes(24), (byte, at) => (at > 0 && at % 6 === 0 ? "-" : "") + alphabet[byte % 32]).join("");
}

// One hash at a time: many at once would take 32 MiB each and every thread of the pool that the store's files need too.
let last: Promise<unknown> = Promise.resolve();
let waiting = 0;
const longestQueue = 50;

function derive(password: string, salt: Buffer, using: PasswordHash["cost"]): Promise<Buffer> {
	if (waiting >= longestQueue) return Promise.reject(new EnergyError("access.rate-limited", { seconds: 10 }));
	waiting++;
	const turn = last.then(
		() =>
			new Promise<Buffer>((resolve, reject) => {
				scrypt(password.normalize("NFKC"), salt, 32, options(using), (error, key) =>
					error ? reject(error) : resolve(key),
				);
			}),
	);
	last = turn.catch(() => undefined).finally(() => waiting--);
	return turn;
}
