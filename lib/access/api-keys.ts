import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { join } from "node:path";
import { EnergyError } from "../errors.ts";
import { areGrants, type Grants } from "./grants.ts";
import type { Ledger } from "./ledger.ts";
import { SharedFile } from "./secrets.ts";

/** A key for a program, as it is shown: everything but the key itself. */
export interface ApiKey extends Grants {
	/** Beginning of the key, by which it is told apart. */
	id: string;
	/** What it is for. */
	name: string;
	madeBy: string;
	madeMs: number;
	/** Null: it does not end by itself. */
	expiresMs: number | null;
	/** To the minute; null: never. */
	lastUsedMs: number | null;
}

interface KeptKey extends Omit<ApiKey, "lastUsedMs"> {
	/** SHA-256 of the secret: it has 256 random bits, so nothing slower is needed. */
	hash: string;
}

const keyPattern = /^sfk_([a-z2-7]{10})_([\w-]{43})$/;
const letters = "abcdefghijklmnopqrstuvwxyz234567";
const MINUTE_MS = 60_000;
const apiKeysAtMost = 1_000;

/** Whether a bearer is an API key rather than a token. */
export const isApiKey = (bearer: string): boolean => bearer.startsWith("sfk_");

/** Keys for programs: only their hashes are kept, in a file that only the owner of the process can read. */
export class ApiKeys {
	readonly #file: SharedFile;
	readonly #ledger: Ledger;
	readonly #now: () => number;
	#keys = new Map<string, KeptKey>();

	/** @throws EnergyError `access.users-damaged` */
	constructor(home: string, ledger: Ledger, now: () => number = Date.now) {
		this.#file = new SharedFile(join(home, "secrets", "api-keys.json"), now);
		this.#ledger = ledger;
		this.#now = now;
		this.#read();
	}

	/**
	 * Makes a key.
	 *
	 * @returns the key itself too: nobody can show it again
	 * @throws EnergyError `access.keys-many`
	 */
	add(name: string, grants: Grants, madeBy: string, expiresMs: number | null): { key: string; made: ApiKey } {
		this.#read();
		if (this.#keys.size >= apiKeysAtMost) throw new EnergyError("access.keys-many", { max: apiKeysAtMost });
		const id = Array.from(randomBytes(10), (byte) => letters[byte % 32]).join("");
		const secret = randomBytes(32).toString("base64url");
		const { role, sites } = grants;
		const kept: KeptKey = { id, name, role, sites, madeBy, madeMs: this.#now(), expiresMs, hash: hashOf(secret) };
		this.#keys.set(id, kept);
		this.#write();
		return { key: `sfk_${id}_${secret}`, made: this.#shown(kept) };
	}

	/** The key that this bearer is; undefined where it is none of ours, was taken back, or its time is over. */
	verify(bearer: string): ApiKey | undefined {
		const [, id = "", secret = ""] = keyPattern.exec(bearer) ?? [];
		if (this.#file.changed()) this.#read();
		const kept = this.#keys.get(id);
		const actual = Buffer.from(hashOf(secret), "base64url");
		const expected = kept ? Buffer.from(kept.hash, "base64url") : Buffer.alloc(actual.length);
		const nowMs = this.#now();
		if (!timingSafeEqual(actual, expected) || !kept || (kept.expiresMs !== null && kept.expiresMs <= nowMs)) {
			return undefined;
		}
		const lastUsedMs = this.#ledger.lastUseMs(id);
		if (lastUsedMs === null || nowMs - lastUsedMs >= MINUTE_MS) this.#ledger.use(id, nowMs);
		return this.#shown(kept);
	}

	get(id: string): ApiKey | undefined {
		if (this.#file.changed()) this.#read();
		const kept = this.#keys.get(id);
		return kept && this.#shown(kept);
	}

	/** Newest first. */
	list(): ApiKey[] {
		if (this.#file.changed()) this.#read();
		return [...this.#keys.values()].map((kept) => this.#shown(kept)).sort((a, b) => b.madeMs - a.madeMs);
	}

	/** Takes a key back: from now on it opens nothing. @throws EnergyError `access.key-unknown` */
	remove(id: string): ApiKey {
		this.#read();
		const kept = this.#keys.get(id);
		if (!kept) throw new EnergyError("access.key-unknown", { id });
		this.#keys.delete(id);
		this.#write();
		return this.#shown(kept);
	}

	#shown({ hash: _hash, ...key }: KeptKey): ApiKey {
		return { ...key, lastUsedMs: this.#ledger.lastUseMs(key.id) };
	}

	#write(): void {
		const keys = [...this.#keys.values()];
		this.#file.write(`${JSON.stringify({ version: 1, keys }, null, "\t")}\n`);
	}

	#read(): void {
		try {
			this.#keys = this.#file.read((text = '{"keys":[]}') => {
				const { keys } = JSON.parse(text) as { keys: KeptKey[] };
				for (const key of keys) if (!areGrants(key) || !key.hash) throw new Error("a key without grants");
				return new Map(keys.map((key) => [key.id, key]));
			});
		} catch (error) {
			throw new EnergyError("access.users-damaged", { file: this.#file.path }, { cause: error });
		}
	}
}

const hashOf = (secret: string): string => createHash("sha256").update(secret).digest("base64url");
