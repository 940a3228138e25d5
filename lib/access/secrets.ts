import { randomBytes } from "node:crypto";
import {
	chmodSync,
	existsSync,
	linkSync,
	mkdirSync,
	readFileSync,
	renameSync,
	rmSync,
	statSync,
	writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { EnergyError } from "../errors.ts";

const shortestSecret = 32;

/** Writes a file that only its owner may read; a crash leaves the old file or the new one, never half of it. */
export function writeSecretFile(path: string, text: string): void {
	renameSync(draftOf(path, text), path);
}

/**
 * The same for a file that must not be there yet: of two processes that start on one home at the same time, one makes it
 * and the other takes what that one made.
 *
 * @returns whether it was made here
 */
export function writeNewSecretFile(path: string, text: string): boolean {
	const draft = draftOf(path, text);
	try {
		linkSync(draft, path);
		return true;
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
		// A file system without links (FAT, some shared folders): no worse than a plain write.
		renameSync(draft, path);
		return true;
	} finally {
		rmSync(draft, { force: true });
	}
}

const LOOK_MS = 1_000;

/** A secret file that another process of the same home (mode api beside processing, a command) may change too. */
export class SharedFile {
	readonly path: string;
	readonly #now: () => number;
	#lookedMs = 0;
	#timeMs = 0;

	constructor(path: string, now: () => number = Date.now) {
		this.path = path;
		this.#now = now;
	}

	/**
	 * Whether it was changed since it was last read or written here.
	 *
	 * @param atOnce looks now; else once a second at most
	 */
	changed(atOnce = false): boolean {
		if (!atOnce && Math.abs(this.#now() - this.#lookedMs) < LOOK_MS) return false;
		this.#lookedMs = this.#now();
		return (statSync(this.path, { throwIfNoEntry: false })?.mtimeMs ?? 0) !== this.#timeMs;
	}

	/** To be called by who has just read it. */
	noteRead(): void {
		this.#lookedMs = this.#now();
		this.#timeMs = statSync(this.path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
	}

	write(text: string): void {
		writeSecretFile(this.path, text);
		this.noteRead();
	}

	/** @returns whether it was made here; otherwise another process was first */
	writeNew(text: string): boolean {
		const made = writeNewSecretFile(this.path, text);
		if (made) this.noteRead();
		return made;
	}
}

function draftOf(path: string, text: string): string {
	mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
	const draft = `${path}.${process.pid}.new`;
	writeFileSync(draft, text, { mode: 0o600 });
	return draft;
}

/**
 * The secret of this name in `home/secrets`, made on first use and never changed after; `given` (from the environment
 * or the settings) wins over the file.
 *
 * @throws EnergyError `access.secret-short` for a given secret that is too short to keep anything safe,
 *   `access.secret-damaged` for a file that was cut: making a new one would silently lock out what the old one protects
 */
export function secretOf(home: string, name: string, given?: string): string {
	if (given !== undefined && given !== "") {
		if (given.length < shortestSecret) {
			throw new EnergyError("access.secret-short", { name, length: given.length, min: shortestSecret });
		}
		return given;
	}
	const path = join(home, "secrets", name);
	if (!existsSync(path)) writeNewSecretFile(path, `${randomBytes(48).toString("base64url")}\n`);
	const secret = readFileSync(path, "utf8").trim();
	if (secret.length < shortestSecret) throw new EnergyError("access.secret-damaged", { file: path });
	if (process.platform !== "win32") chmodSync(path, 0o600);
	return secret;
}
