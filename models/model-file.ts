import { createHash } from "node:crypto";
import { EnergyError } from "../lib/errors.ts";
import type { Json, ModelState, NumberArray } from "./model.ts";

/**
 * A model as a file: eight bytes of magic, the length of a JSON header, the header, then the arrays at multiples of
 * eight, little-endian as every platform of Node.js is. A checksum over all of it is the first thing that is read.
 */
const MAGIC = "SFMODEL1";
const PREFIX_BYTES = MAGIC.length + 8 + 32;

interface ArrayEntry {
	name: string;
	type: keyof typeof arrayTypes;
	length: number;
	/** From the beginning of the arrays. */
	offset: number;
}

interface Header {
	kind: string;
	version: number;
	facts: Record<string, Json>;
	arrays: ArrayEntry[];
}

const arrayTypes = {
	Float64Array,
	Float32Array,
	Int32Array,
	Uint32Array,
	Int16Array,
	Uint16Array,
	Uint8Array,
} as const;

const aligned = (bytes: number): number => Math.ceil(bytes / 8) * 8;

/** A model as a file: a header in JSON, then its arrays, each at a multiple of eight bytes. */
export function encodeModel(kind: string, version: number, state: ModelState): Uint8Array {
	const entries: ArrayEntry[] = [];
	let offset = 0;
	for (const [name, array] of Object.entries(state.arrays)) {
		entries.push({ name, type: array.constructor.name as ArrayEntry["type"], length: array.length, offset });
		offset = aligned(offset + array.byteLength);
	}
	const header: Header = { kind, version, facts: state.facts, arrays: entries };
	const headerBytes = Buffer.from(JSON.stringify(header));
	const start = aligned(PREFIX_BYTES + headerBytes.length);
	const file = Buffer.alloc(start + offset);
	file.write(MAGIC, 0, "latin1");
	file.writeBigUInt64LE(BigInt(headerBytes.length), MAGIC.length);
	headerBytes.copy(file, PREFIX_BYTES);
	for (const entry of entries) {
		const array = state.arrays[entry.name] as NumberArray;
		file.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), start + entry.offset);
	}
	checksumOf(file).copy(file, MAGIC.length + 8);
	return file;
}

/**
 * @param expected kind and version that the reader understands
 * @throws EnergyError `models.file-corrupt`, `models.file-foreign`, `models.file-version`
 */
export function decodeModel(
	file: Uint8Array,
	expected: { kind: string; version: number; path: string },
): ModelState & { kind: string; version: number } {
	const { path } = expected;
	const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
	if (bytes.length < PREFIX_BYTES || bytes.toString("latin1", 0, MAGIC.length) !== MAGIC) {
		throw new EnergyError("models.file-foreign", { path, rule: `begins with ${MAGIC}` });
	}
	const said = bytes.subarray(MAGIC.length + 8, PREFIX_BYTES);
	if (!said.equals(checksumOf(bytes))) throw new EnergyError("models.file-corrupt", { path });
	const headerLength = Number(bytes.readBigUInt64LE(MAGIC.length));
	const header = JSON.parse(bytes.toString("utf8", PREFIX_BYTES, PREFIX_BYTES + headerLength)) as Header;
	if (header.kind !== expected.kind || header.version !== expected.version) {
		throw new EnergyError("models.file-version", {
			path,
			found: `${header.kind} ${header.version}`,
			expected: `${expected.kind} ${expected.version}`,
		});
	}
	const start = aligned(PREFIX_BYTES + headerLength);
	const arrays: Record<string, NumberArray> = {};
	for (const { name, type, length, offset } of header.arrays) {
		const Type = arrayTypes[type];
		// A copy is aligned whatever memory the file was read into.
		const from = start + offset;
		arrays[name] = new Type(new Uint8Array(bytes.subarray(from, from + length * Type.BYTES_PER_ELEMENT)).buffer);
	}
	return { kind: header.kind, version: header.version, facts: header.facts, arrays };
}

/** SHA-256 of all but the checksum's own place. */
function checksumOf(file: Buffer): Buffer {
	return createHash("sha256")
		.update(file.subarray(0, MAGIC.length + 8))
		.update(file.subarray(PREFIX_BYTES))
		.digest();
}
