/**
 * Follows MQTT packet boundaries in a byte stream and tells when a packet claims to be longer than allowed, as soon as
 * its header is there: the parser behind would otherwise collect up to 256 MB of it first.
 */
export class PacketGuard {
	readonly #maxBytes: number;
	/** Bytes of the current packet's body still to come. */
	#left = 0;
	/** Where in a fixed header we are: 0 at its first byte, then one more for each length byte. */
	#place = 0;
	#length = 0;

	/** @param maxBytes largest body (variable header and payload) of a packet */
	constructor(maxBytes: number) {
		this.#maxBytes = maxBytes;
	}

	/** Length that the newest packet's header claims, bytes. */
	get claimedBytes(): number {
		return this.#length;
	}

	/** Takes the next bytes; false means that a packet is too long (or its length malformed) and the stream must end. */
	accepts(chunk: Uint8Array): boolean {
		let i = 0;
		while (i < chunk.length) {
			if (this.#left > 0) {
				const skip = Math.min(this.#left, chunk.length - i);
				this.#left -= skip;
				i += skip;
				continue;
			}
			const byte = chunk[i++] as number;
			if (this.#place === 0) {
				this.#place = 1;
				this.#length = 0;
				continue;
			}
			this.#length += (byte & 0x7f) * 128 ** (this.#place - 1);
			if (this.#length > this.#maxBytes) return false;
			if ((byte & 0x80) === 0) {
				this.#left = this.#length;
				this.#place = 0;
			} else if (++this.#place > 4) return false;
		}
		return true;
	}
}
