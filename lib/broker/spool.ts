import { mkdirSync, readdirSync, readFileSync, unlinkSync } from "node:fs";
import { type FileHandle, open, unlink } from "node:fs/promises";
import { join } from "node:path";

/** A message that a publisher was told is safe. */
export interface Spooled {
	topic: string;
	payload: Buffer;
	qos: 1 | 2;
	retain: boolean;
}

interface Segment {
	path: string;
	/** Its messages that somebody still waits for. */
	open: number;
	bytes: number;
}

/** A message's place in the spool. */
export interface Entry {
	segment: Segment;
	settled: boolean;
}

/** A file of this size is closed, so that what was delivered can go. */
const SEGMENT_BYTES = 4 * 1024 * 1024;
/** So long after the last delivery the spool of a quiet broker is emptied. */
const QUIET_MS = 1_000;
const HEAD_BYTES = 7;

/**
 * What a publisher was told is safe, on disk until all who were to get it have acknowledged it: the embedded broker dies
 * with the process, and its queues live in memory. Appended in groups, each synced once; a message is at most a few
 * milliseconds later for it. What was delivered just before a crash is delivered again.
 */
export class Spool {
	readonly #folder: string;
	#current: Segment;
	#file: FileHandle | undefined;
	#number: number;
	#waiting: { bytes: Buffer; done: (entry: Entry) => void; fail: (error: unknown) => void }[] = [];
	#writing = false;
	#quiet: NodeJS.Timeout | undefined;
	/** What the last run left: each is settled like any other. */
	readonly left: { message: Spooled; entry: Entry }[] = [];

	constructor(folder: string) {
		this.#folder = folder;
		mkdirSync(folder, { recursive: true, mode: 0o700 });
		const names = readdirSync(folder).filter((name) => /^\d{10}\.spool$/.test(name));
		for (const name of names.toSorted()) this.#recover(join(folder, name));
		this.#number = Number(names.toSorted().at(-1)?.slice(0, 10) ?? 0);
		this.#current = this.#next();
	}

	/** Resolves once the message is on disk. @throws the file system's own error, such as a full disk */
	append({ topic, payload, qos, retain }: Spooled): Promise<Entry> {
		const name = Buffer.from(topic);
		const head = Buffer.allocUnsafe(HEAD_BYTES);
		head.writeUInt32LE(name.length + payload.length, 0);
		head.writeUInt16LE(name.length, 4);
		head[6] = qos | (retain ? 4 : 0);
		const bytes = Buffer.concat([head, name, payload]);
		return new Promise((done, fail) => {
			this.#waiting.push({ bytes, done, fail });
			void this.#write();
		});
	}

	/** Nobody waits for it any more. */
	settle(entry: Entry): void {
		if (entry.settled) return;
		entry.settled = true;
		const { segment } = entry;
		segment.open--;
		if (segment.open > 0) return;
		if (segment !== this.#current) void unlink(segment.path).catch(() => undefined);
		else {
			clearTimeout(this.#quiet);
			this.#quiet = setTimeout(() => void this.#write(), QUIET_MS);
			this.#quiet.unref();
		}
	}

	/** One group after the other, so that a file is only ever changed by one hand. */
	async #write(): Promise<void> {
		if (this.#writing) return;
		this.#writing = true;
		try {
			do await this.#writeGroup();
			while (this.#waiting.length > 0);
		} finally {
			this.#writing = false;
		}
	}

	async #writeGroup(): Promise<void> {
		const group = this.#waiting.splice(0);
		const segment = this.#current;
		try {
			this.#file ??= await open(segment.path, "a", 0o600);
			if (group.length === 0) {
				// Quiet, and all was delivered: nothing of it need be read again.
				if (segment.open === 0 && segment.bytes > 0) await this.#file.truncate(0);
				if (segment.open === 0) segment.bytes = 0;
				return;
			}
			await this.#file.writev(group.map(({ bytes }) => bytes));
			await this.#file.datasync();
		} catch (error) {
			for (const { fail } of group) fail(error);
			return;
		}
		for (const { bytes, done } of group) {
			segment.bytes += bytes.length;
			segment.open++;
			done({ segment, settled: false });
		}
		if (segment.bytes >= SEGMENT_BYTES) await this.#roll(segment);
	}

	async #roll(segment: Segment): Promise<void> {
		await this.#file?.close();
		this.#file = undefined;
		this.#current = this.#next();
		if (segment.open === 0) await unlink(segment.path).catch(() => undefined);
	}

	#next(): Segment {
		this.#number++;
		return { path: join(this.#folder, `${String(this.#number).padStart(10, "0")}.spool`), open: 0, bytes: 0 };
	}

	/** A last record that was cut off was acknowledged to nobody. */
	#recover(path: string): void {
		const bytes = readFileSync(path);
		const segment: Segment = { path, open: 0, bytes: bytes.length };
		for (let at = 0; at + HEAD_BYTES <= bytes.length; ) {
			const length = bytes.readUInt32LE(at);
			const nameLength = bytes.readUInt16LE(at + 4);
			const flags = bytes[at + 6] ?? 0;
			const start = at + HEAD_BYTES;
			at = start + length;
			if (at > bytes.length || nameLength > length) break;
			const message: Spooled = {
				topic: bytes.toString("utf8", start, start + nameLength),
				payload: bytes.subarray(start + nameLength, at),
				qos: (flags & 3) === 2 ? 2 : 1,
				retain: (flags & 4) !== 0,
			};
			segment.open++;
			this.left.push({ message, entry: { segment, settled: false } });
		}
		if (segment.open === 0) unlinkSync(path);
	}
}
