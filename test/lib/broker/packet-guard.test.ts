import assert from "node:assert/strict";
import fc from "fast-check";
import { PacketGuard } from "../../../lib/broker/packet-guard.ts";

/** A packet of some type with a body of this length. */
function packet(length: number): Buffer {
	const header = [0x30];
	let rest = length;
	do {
		const more = Math.floor(rest / 128);
		header.push((rest % 128) | (more > 0 ? 0x80 : 0));
		rest = more;
	} while (rest > 0);
	return Buffer.concat([Buffer.from(header), Buffer.alloc(length, 0xff)]);
}

describe("packet guard", () => {
	it("lets packets up to the limit through, in whatever pieces they come", () => {
		fc.assert(
			fc.property(
				fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 1, maxLength: 20 }),
				fc.infiniteStream(fc.integer({ min: 1, max: 700 })),
				(lengths, cuts) => {
					const stream = Buffer.concat(lengths.map(packet));
					const guard = new PacketGuard(1000);
					for (let at = 0; at < stream.length; ) {
						const size = cuts.next().value as number;
						assert.ok(guard.accepts(stream.subarray(at, at + size)));
						at += size;
					}
				},
			),
		);
	});

	it("refuses a longer one by its header alone", () => {
		const guard = new PacketGuard(1000);
		assert.ok(guard.accepts(packet(1000)));
		assert.equal(guard.accepts(packet(1001).subarray(0, 3)), false);
	});

	it("refuses a length that does not end", () => {
		assert.equal(new PacketGuard(1e9).accepts(Buffer.from([0x30, 0x80, 0x80, 0x80, 0x80, 0x01])), false);
	});
});
