import { createHash, randomUUID } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { EnergyError } from "../errors.ts";

/** What was answered the first time. */
export interface KeptAnswer {
	status: number;
	headers: Record<string, string>;
	body: string;
	/** It held a secret, which is kept nowhere: only that it was done, and where, is known. */
	withheld?: true;
}

interface Entry {
	version: 1;
	/** Of method, path and body. */
	request: string;
	/** The run of the process that works on it. */
	run: string;
	answer?: KeptAnswer;
}

export interface Turn {
	/** Answers the same from now on. */
	keep(answer: KeptAnswer): Promise<void>;
	/** Nothing was done: the key may be used again. */
	release(): Promise<void>;
}

const HOUR_MS = 3_600_000;
const KEPT_MS = 24 * HOUR_MS;
const MOST_KEYS = 20_000;
/** An answer larger than this is not kept; the request then says so by 409 instead of being done twice. */
const LARGEST_ANSWER = 256_000;

/**
 * Requests that carry an Idempotency-Key are done once: a file for each key, made before the work begins. Making it is
 * what decides between two requests at the same time, in two processes too, and it is still there after a restart.
 */
export class IdempotencyKeys {
	readonly #folder: string;
	readonly #run = randomUUID();
	readonly #running = new Set<string>();
	/** Files that are being made this moment; it counts how many try. */
	readonly #making = new Map<string, number>();
	readonly #now: () => number;
	#sweptMs = Number.NEGATIVE_INFINITY;
	#sweeping: Promise<void> | undefined;

	constructor(home: string, now: () => number = Date.now) {
		this.#folder = join(home, "idempotency");
		this.#now = now;
	}

	/**
	 * Begins a request, or gives what was answered to it before.
	 *
	 * @param caller whose key it is: the same text of two people is two keys
	 * @throws EnergyError `api.idempotency-key` (400), `api.idempotency-reused` (422), `api.idempotency-running` and
	 *   `api.idempotency-unknown` (409)
	 */
	async begin(caller: string, key: string, method: string, path: string, body: unknown): Promise<KeptAnswer | Turn> {
		if (!/^[\x21-\x7e]{1,255}$/.test(key)) {
			const rule = "1 to 255 visible ASCII characters";
			throw new EnergyError("api.idempotency-key", {
				header: "Idempotency-Key",
				field: "Idempotency-Key",
				value: key,
				rule,
			});
		}
		await this.#swept();
		const file = join(this.#folder, `${digest(caller, key)}.json`);
		const entry: Entry = { version: 1, request: digest(method, path, canonical(body)), run: this.#run };
		return (await this.#made(file, entry)) ? this.#turn(file, entry) : await this.#known(file, entry, key);
	}

	/** @returns whether it was made here, which decides who works on it */
	async #made(file: string, entry: Entry): Promise<boolean> {
		this.#making.set(file, (this.#making.get(file) ?? 0) + 1);
		try {
			const made = await open(file, "wx", 0o600);
			try {
				await made.writeFile(JSON.stringify(entry));
			} finally {
				await made.close();
			}
			this.#running.add(file);
			return true;
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
			return false;
		} finally {
			const others = (this.#making.get(file) ?? 1) - 1;
			if (others > 0) this.#making.set(file, others);
			else this.#making.delete(file);
		}
	}

	#turn(file: string, entry: Entry): Turn {
		return {
			keep: async (answer) => {
				this.#running.delete(file);
				if (answer.body.length > LARGEST_ANSWER) return;
				const draft = `${file}.${randomUUID()}.tmp`;
				await writeFile(draft, JSON.stringify({ ...entry, answer }), { mode: 0o600 });
				await rename(draft, file);
			},
			release: async () => {
				this.#running.delete(file);
				await rm(file, { force: true });
			},
		};
	}

	async #known(file: string, { request }: Entry, key: string): Promise<KeptAnswer> {
		const found = await readEntry(file);
		const details = { header: "Idempotency-Key", field: "Idempotency-Key", value: key };
		if (found && found.request !== request) throw new EnergyError("api.idempotency-reused", details);
		if (found?.answer) return found.answer;
		// Nothing to read yet, or nothing noted yet: it is being written this moment.
		const running = !found || this.#running.has(file) || this.#making.has(file);
		throw new EnergyError(running ? "api.idempotency-running" : "api.idempotency-unknown", {
			...details,
			...(running && { seconds: 1 }),
		});
	}

	/** Resolves when the folder is there and swept; who comes meanwhile waits for it. */
	async #swept(): Promise<void> {
		if (!this.#sweeping && this.#now() - this.#sweptMs < HOUR_MS) return;
		this.#sweeping ??= this.#sweep().finally(() => {
			this.#sweeping = undefined;
		});
		await this.#sweeping;
	}

	/** Forgets keys after a day; where there are too many, the oldest. */
	async #sweep(): Promise<void> {
		await mkdir(this.#folder, { recursive: true, mode: 0o700 });
		const names = await readdir(this.#folder);
		const files = await Promise.all(
			names.map(async (name) => {
				const path = join(this.#folder, name);
				return { path, atMs: (await stat(path).catch(() => undefined))?.mtimeMs ?? 0 };
			}),
		);
		const sorted = files.toSorted((a, b) => b.atMs - a.atMs);
		const old = sorted.filter(({ atMs }, i) => i >= MOST_KEYS || this.#now() - atMs > KEPT_MS);
		for (const { path } of old) await rm(path, { force: true });
		this.#sweptMs = this.#now();
	}
}

async function readEntry(file: string): Promise<Entry | undefined> {
	try {
		return JSON.parse(await readFile(file, "utf8")) as Entry;
	} catch {
		return undefined;
	}
}

function digest(...parts: readonly string[]): string {
	return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}

/** The same value gives the same text, whatever the order of its keys. */
function canonical(value: unknown): string {
	if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
	if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
	const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
	return `{${entries.map(([name, each]) => `${JSON.stringify(name)}:${canonical(each)}`).join(",")}}`;
}
