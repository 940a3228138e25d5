import { existsSync, mkdirSync, readdirSync, readFileSync, unlinkSync } from "node:fs";
import { type FileHandle, open, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { crc32 } from "node:zlib";
import { syncFolder, syncFolderNow } from "../atomic-file.ts";

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
/** Length of name and payload (4), of the name (2), flags (1), checksum of all but itself (4). */
const HEAD_BYTES = 11;
const CHECKSUM_AT = 7;
/** Flags: quality of service in two bits, `retain`, and that a checksum follows; records once had none. */
const RETAIN = 4;
const CHECKED = 64;
const UNCHECKED_HEAD_BYTES = 7;

/**
 * What a publisher was told is safe, on disk until all who were to get it have acknowledged it: the embedded broker dies
 * with the process, and its queues live in memory. Appended in groups, each synced once; a message is at most a few
 * milliseconds later for it. What was delivered just before a crash is delivered again.
 *
 * A power cut may leave a file longer than what was synced, with anything in the rest: each record has a checksum, and
 * the first that does not fit ends its file. After a write that failed the file is left as it is and the next begun, so
 * that nothing that is promised stands behind half a record.
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
		if (mkdirSync(folder, { recursive: true, mode: 0o700 }) !== undefined) syncFolderNow(dirname(folder));
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
		head[6] = qos | CHECKED | (retain ? RETAIN : 0);
		head.writeUInt32LE(checksumOf(head, name, payload), CHECKSUM_AT);
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
			this.#file ??= await this.#open(segment);
			if (group.length === 0) {
				// Quiet, and all was delivered: nothing of it need be read again.
				if (segment.open === 0 && segment.bytes > 0) await this.#file.truncate(0);
				if (segment.open === 0) segment.bytes = 0;
				return;
			}
			await writeWhole(this.#file, Buffer.concat(group.map(({ bytes }) => bytes)));
			await this.#file.datasync();
		} catch (error) {
			for (const { fail } of group) fail(error);
			await this.#roll(segment);
			return;
		}
		for (const { bytes, done } of group) {
			segment.bytes += bytes.length;
			segment.open++;
			done({ segment, settled: false });
		}
		if (segment.bytes >= SEGMENT_BYTES) await this.#roll(segment);
	}

	/** A new file is safe only once its folder is. */
	async #open({ path }: Segment): Promise<FileHandle> {
		const isNew = !existsSync(path);
		const file = await open(path, "a", 0o600);
		if (isNew) await syncFolder(this.#folder);
		return file;
	}

	async #roll(segment: Segment): Promise<void> {
		await this.#file?.close().catch(() => undefined);
		this.#file = undefined;
		this.#current = this.#next();
		if (segment.open === 0) await unlink(segment.path).catch(() => undefined);
	}

	#next(): Segment {
		this.#number++;
		return { path: join(this.#folder, `${String(this.#number).padStart(10, "0")}.spool`), open: 0, bytes: 0 };
	}

	/** What comes after the last whole record was acknowledged to nobody. */
	#recover(path: string): void {
		const bytes = readFileSync(path);
		const segment: Segment = { path, open: 0, bytes: bytes.length };
		for (let at = 0; at + UNCHECKED_HEAD_BYTES <= bytes.length; ) {
			const length = bytes.readUInt32LE(at);
			const nameLength = bytes.readUInt16LE(at + 4);
			const flags = bytes[at + 6] ?? 0;
			const isChecked = (flags & CHECKED) !== 0;
			const head = bytes.subarray(at, at + HEAD_BYTES);
			const start = at + (isChecked ? HEAD_BYTES : UNCHECKED_HEAD_BYTES);
			at = start + length;
			// A topic has a letter at least: zeros, as a disk may have behind what was synced, are no record.
			if (at > bytes.length || nameLength > length || nameLength === 0) break;
			const name = bytes.subarray(start, start + nameLength);
			const payload = bytes.subarray(start + nameLength, at);
			if (isChecked && head.readUInt32LE(CHECKSUM_AT) !== checksumOf(head, name, payload)) break;
			const message: Spooled = {
				topic: name.toString("utf8"),
				payload,
				qos: (flags & 3) === 2 ? 2 : 1,
				retain: (flags & RETAIN) !== 0,
			};
			segment.open++;
			this.left.push({ message, entry: { segment, settled: false } });
		}
		if (segment.open === 0) unlinkSync(path);
	}
}

const checksumOf = (head: Buffer, name: Buffer, payload: Buffer): number =>
	crc32(payload, crc32(name, crc32(head.subarray(0, CHECKSUM_AT))));

/** A write may stop short, on a disk that is nearly full or after a signal; what is left is tried again. */
async function writeWhole(file: FileHandle, bytes: Buffer): Promise<void> {
	for (let at = 0; at < bytes.length; ) at += (await file.write(bytes, at)).bytesWritten;
}
