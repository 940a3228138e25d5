import { randomBytes } from "node:crypto";
import type { BigIntStats } from "node:fs";
import {
	chmodSync,
	closeSync,
	existsSync,
	fstatSync,
	linkSync,
	mkdirSync,
	openSync,
	readFileSync,
	renameSync,
	rmSync,
	statSync,
	writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { syncFolderNow } from "../atomic-file.ts";
import { EnergyError } from "../errors.ts";

const shortestSecret = 32;

/** Writes a file that only its owner may read; a crash or a power cut leaves the old file or the new one, never half. */
export function writeSecretFile(path: string, text: string): void {
	renameSync(draftOf(path, text), path);
	syncFolderNow(dirname(path));
}

/** Tells one writing of a file from another: its time alone is the same for two within some milliseconds. */
const markOf = ({ ino, mtimeNs, size }: BigIntStats): string => `${ino}-${mtimeNs}-${size}`;

/**
 * The same for a file that must not be there yet: of two processes that start on one home at the same time, one makes it
 * and the other takes what that one made.
 *
 * @returns whether it was made here
 */
export function writeNewSecretFile(path: string, text: string): boolean {
	return putNew(draftOf(path, text), path);
}

function putNew(draft: string, path: string): boolean {
	try {
		linkSync(draft, path);
		syncFolderNow(dirname(path));
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
	/** Of what was last read or written here; empty: there was no file. */
	#mark = "";

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
		const info = statSync(this.path, { bigint: true, throwIfNoEntry: false });
		return (info ? markOf(info) : "") !== this.#mark;
	}

	/**
	 * Reads it; it counts as read when it was understood.
	 *
	 * @param understood is given the text, undefined where there is no file
	 */
	read<T>(understood: (text: string | undefined) => T): T {
		let mark = "";
		let text: string | undefined;
		if (existsSync(this.path)) {
			// Of the file that is open: another may take its place meanwhile.
			const file = openSync(this.path, "r");
			try {
				mark = markOf(fstatSync(file, { bigint: true }));
				text = readFileSync(file, "utf8");
			} finally {
				closeSync(file);
			}
		}
		const known = understood(text);
		this.#note(mark);
		return known;
	}

	write(text: string): void {
		const draft = draftOf(this.path, text);
		this.#note(markOf(statSync(draft, { bigint: true })));
		renameSync(draft, this.path);
		syncFolderNow(dirname(this.path));
	}

	/** @returns whether it was made here; otherwise another process was first */
	writeNew(text: string): boolean {
		const draft = draftOf(this.path, text);
		const mark = markOf(statSync(draft, { bigint: true }));
		const made = putNew(draft, this.path);
		if (made) this.#note(mark);
		return made;
	}

	#note(mark: string): void {
		this.#lookedMs = this.#now();
		this.#mark = mark;
	}
}

function draftOf(path: string, text: string): string {
	mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
	const draft = `${path}.${process.pid}.new`;
	writeFileSync(draft, text, { mode: 0o600, flush: true });
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
