import { createHash, randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { EnergyError } from "../errors.ts";
import { SharedFile, secretOf } from "./secrets.ts";

interface KeptKey {
	id: string;
	secret: string;
	madeMs: number;
	/** When a newer one took its place; it still verifies what it signed. */
	retiredMs?: number;
}

export interface SigningKey {
	id: string;
	secret: Uint8Array;
	/** Epoch ms; it signed nothing after. Undefined while it signs. */
	retiredMs?: number;
}

/** Longer than any token lives that an old key may have signed. */
const KEPT_MS = 7 * 86_400_000;

/**
 * The keys that tokens are signed with: the newest signs, older ones still verify until what they signed is over. A key
 * from the environment stands above the file; its predecessor is told by SMARTFACTORY_SECRET_KEY_OLD.
 */
export class KeyRing {
	readonly #given: SigningKey[];
	readonly #file: SharedFile;
	readonly #now: () => number;
	#keys: SigningKey[] = [];

	/** @throws EnergyError `access.secret-short`, `access.secret-damaged` */
	constructor(home: string, given: string | undefined, now: () => number = Date.now, old?: string) {
		this.#now = now;
		this.#given = [given, old]
			.filter(Boolean)
			.map((secret) => keyOf(secretOf(home, "SMARTFACTORY_SECRET_KEY", secret)));
		this.#file = new SharedFile(join(home, "secrets", "signing-keys.json"), now);
		if (this.#given.length > 0) return;
		if (!existsSync(this.#file.path)) {
			const { id, secret } = keyOf(secretOf(home, "secret.key"));
			const first: KeptKey = { id, secret: new TextDecoder().decode(secret), madeMs: now() };
			this.#file.writeNew(textOf([first]));
		}
		this.#read();
	}

	/** The key that signs. */
	get current(): SigningKey {
		const [newest] = this.#all();
		if (!newest) throw new EnergyError("access.secret-damaged", { file: this.#file.path });
		return newest;
	}

	/** The key of this id, for verifying. */
	find(id: unknown): SigningKey | undefined {
		const found = this.#all().find((key) => key.id === id);
		return found?.retiredMs !== undefined && this.#now() - found.retiredMs > KEPT_MS ? undefined : found;
	}

	/**
	 * Makes a new key that signs from now on; tokens that older ones signed stay good until their time is over.
	 *
	 * @throws EnergyError `access.key-given` where the key comes from the environment
	 */
	rotate(): { id: string } {
		if (this.#given.length > 0) throw new EnergyError("access.key-given");
		const nowMs = this.#now();
		const made: KeptKey = { ...idOf(randomBytes(48).toString("base64url")), madeMs: nowMs };
		const kept = this.#kept()
			.map((key) => ({ ...key, retiredMs: key.retiredMs ?? nowMs }))
			.filter(({ retiredMs }) => nowMs - retiredMs < KEPT_MS);
		this.#file.write(textOf([made, ...kept]));
		this.#read();
		return { id: made.id };
	}

	#all(): SigningKey[] {
		if (this.#given.length > 0) return this.#given;
		if (this.#file.changed()) this.#read();
		return this.#keys;
	}

	#read(): void {
		this.#keys = this.#kept().map(({ id, secret, retiredMs }) => ({
			...{ id, secret: new TextEncoder().encode(secret) },
			...(retiredMs === undefined ? {} : { retiredMs }),
		}));
	}

	#kept(): KeptKey[] {
		try {
			return this.#file.read((text = "") => {
				const { keys } = JSON.parse(text) as { keys: KeptKey[] };
				if (keys.length === 0 || keys.some(({ id, secret }) => !id || secret.length < 32)) {
					throw new Error("no whole key");
				}
				return keys;
			});
		} catch (error) {
			throw new EnergyError("access.secret-damaged", { file: this.#file.path }, { cause: error });
		}
	}
}

function idOf(secret: string): { id: string; secret: string } {
	return { id: createHash("sha256").update(`kid ${secret}`).digest("base64url").slice(0, 12), secret };
}

function keyOf(secret: string): SigningKey {
	return { id: idOf(secret).id, secret: new TextEncoder().encode(secret) };
}

const textOf = (keys: KeptKey[]): string => `${JSON.stringify({ version: 1, keys }, null, "\t")}\n`;
