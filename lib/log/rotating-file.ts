import { closeSync, fstatSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";

export interface RotatingFileOptions {
	/** A file does not grow beyond this; it may be one line larger. */
	maxBytes: number;
	/** Files in all: the one that is written, and so many less one before it (`.1` is the youngest). */
	files: number;
	/** Told once when a line could not be kept, and again after it worked meanwhile. */
	failed?: (error: unknown) => void;
}

/** Lines wait this long for others, so that a busy second costs a few writes. */
const GATHER_MS = 100;
const GATHER_BYTES = 65_536;
const LONGEST_LINE = 16_384;

/**
 * A text file that is only ever appended to, whole lines at a time, and replaced by a new one when it is full. What was
 * flushed is the operating system's: it survives the end of this process however it comes.
 */
export class RotatingFile {
	readonly path: string;
	readonly #options: RotatingFileOptions;
	#descriptor: number | undefined;
	#size = 0;
	#waiting: string[] = [];
	#waitingBytes = 0;
	#timer: NodeJS.Timeout | undefined;
	#failing = false;
	readonly #onExit = (): void => this.flush();

	constructor(path: string, options: RotatingFileOptions) {
		this.path = path;
		this.#options = options;
		process.on("exit", this.#onExit);
	}

	/** @param line ends with a line break. @param now flush at once: for what might be the last that is heard */
	write(line: string, now = false): void {
		const kept = line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE - 2)}…\n` : line;
		this.#waiting.push(kept);
		this.#waitingBytes += kept.length;
		if (now || this.#waitingBytes >= GATHER_BYTES) this.flush();
		else this.#timer ??= setTimeout(() => this.flush(), GATHER_MS).unref();
	}

	flush(): void {
		clearTimeout(this.#timer);
		this.#timer = undefined;
		const lines = this.#waiting;
		this.#waiting = [];
		this.#waitingBytes = 0;
		if (lines.length === 0) return;
		try {
			this.#open();
			let chunk = "";
			for (const line of lines) {
				if (this.#size + Buffer.byteLength(chunk + line) > this.#options.maxBytes && this.#size + chunk.length > 0) {
					this.#append(chunk);
					chunk = "";
					this.#rotate();
				}
				chunk += line;
			}
			this.#append(chunk);
			this.#failing = false;
		} catch (error) {
			// A full disk must not stop the plant; what could not be written is lost.
			this.#forget();
			if (!this.#failing) this.#options.failed?.(error);
			this.#failing = true;
		}
	}

	close(): void {
		this.flush();
		this.#forget();
		process.off("exit", this.#onExit);
	}

	#append(chunk: string): void {
		const descriptor = this.#open();
		if (chunk !== "") this.#size += writeSync(descriptor, chunk);
	}

	#open(): number {
		if (this.#descriptor !== undefined) return this.#descriptor;
		mkdirSync(dirname(this.path), { recursive: true, mode: 0o700 });
		const descriptor = openSync(this.path, "a", 0o600);
		this.#descriptor = descriptor;
		this.#size = fstatSync(descriptor).size;
		return descriptor;
	}

	#rotate(): void {
		this.#forget();
		const { files } = this.#options;
		const nameOf = (age: number): string => (age === 0 ? this.path : `${this.path}.${age}`);
		// Oldest first: whenever this is cut short, no file is written over.
		rmSync(nameOf(files - 1), { force: true });
		for (let age = files - 2; age >= 0; age--) renameIfThere(nameOf(age), nameOf(age + 1));
		this.#open();
	}

	#forget(): void {
		if (this.#descriptor !== undefined) closeSync(this.#descriptor);
		this.#descriptor = undefined;
		this.#size = 0;
	}
}

function renameIfThere(from: string, to: string): void {
	try {
		renameSync(from, to);
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
	}
}
