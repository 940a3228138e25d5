/**
 * Just enough of the protocol buffer wire format to write an ONNX model: varints, 32-bit floats and nested messages.
 * @see https://protobuf.dev/programming-guides/encoding/
 */
export class ProtoWriter {
	readonly #parts: Uint8Array[] = [];

	int(field: number, value: number | bigint): this {
		return this.#push(varint((field << 3) | 0), varint(value));
	}

	float(field: number, value: number): this {
		return this.#push(varint((field << 3) | 5), new Uint8Array(Float32Array.of(value).buffer));
	}

	bytes(field: number, value: Uint8Array): this {
		return this.#push(varint((field << 3) | 2), varint(value.length), value);
	}

	text(field: number, value: string): this {
		return this.bytes(field, Buffer.from(value));
	}

	message(field: number, value: ProtoWriter): this {
		return this.bytes(field, value.finish());
	}

	/** Packed, as proto3 writes repeated numbers. */
	ints(field: number, values: ArrayLike<number>): this {
		return this.bytes(field, Buffer.concat(Array.from(values, varint)));
	}

	floats(field: number, values: Float32Array): this {
		return this.bytes(field, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
	}

	finish(): Uint8Array {
		return Buffer.concat(this.#parts);
	}

	#push(...parts: Uint8Array[]): this {
		this.#parts.push(...parts);
		return this;
	}
}

/** Negative numbers take ten bytes, as two's complement of 64 bits. */
function varint(value: number | bigint): Uint8Array {
	if (typeof value === "number" && value >= 0 && value < 128) return Uint8Array.of(value);
	let left = BigInt.asUintN(64, BigInt(value));
	const bytes: number[] = [];
	while (left > 127n) {
		bytes.push(Number(left & 127n) | 128);
		left >>= 7n;
	}
	bytes.push(Number(left));
	return Uint8Array.from(bytes);
}
