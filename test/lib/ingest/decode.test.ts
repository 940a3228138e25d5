import assert from "node:assert/strict";
import fc from "fast-check";
import { Decoder } from "../../../lib/ingest/decode.ts";

const topic = "smartfactory/demo/melt-shop/furnace-1/telemetry";
const now = Date.parse("2026-11-22T10:00:00Z");
const decode = (text: string, from = topic) => new Decoder({ maxBytes: 1000 }).decode(from, Buffer.from(text), now);

describe("decoding of MQTT messages", () => {
	it("takes site and machine from the topic where the reading does not say", () => {
		assert.deepEqual(decode('{"powerKw":1}').readings, [{ powerKw: 1, site: "demo", machine: "furnace-1" }]);
		assert.deepEqual(decode('{"powerKw":1,"site":"s","machine":"m"}').readings, [
			{ powerKw: 1, site: "s", machine: "m" },
		]);
	});

	it("adds nothing from a topic of another shape", () => {
		assert.deepEqual(decode('{"powerKw":1}', "plant/x").readings, [{ powerKw: 1 }]);
	});

	it("names topic, place and reason of what it can't read, and shows at most 4 kB of it", () => {
		const [entry] = decode("{".repeat(900)).rejected;
		assert.deepEqual(
			{ ...entry, detail: "", payload: "" },
			{
				atMs: now,
				site: "demo",
				machine: "furnace-1",
				reason: "Bad_Malformed",
				detail: "",
				source: topic,
				payload: "",
			},
		);
		const large = new Decoder({ maxBytes: 10 }).decode(topic, Buffer.alloc(1_000_000, 0x7b), now);
		assert.equal(large.rejected[0]?.payload.length, 4096);
	});

	it("keeps the good ones of a mixed array", () => {
		const { readings, rejected } = decode('[{"powerKw":1},null,[],"x",{"powerKw":2}]');
		assert.equal(readings.length, 2);
		assert.equal(rejected.length, 3);
	});

	it("does not let a message reach into objects of ours", () => {
		decode('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}');
		assert.equal(({} as { polluted?: number }).polluted, undefined);
	});

	it("never throws, and accounts for each element of whatever comes", () => {
		fc.assert(
			fc.property(fc.oneof(fc.json(), fc.string(), fc.uint8Array()), (payload) => {
				const bytes = Buffer.from(payload as string);
				const { readings, rejected } = new Decoder({ maxBytes: 1000 }).decode(topic, bytes, now);
				let value: unknown;
				try {
					value = JSON.parse(bytes.toString("utf8"));
				} catch {}
				const expected = bytes.length === 0 ? 0 : bytes.length <= 1000 && Array.isArray(value) ? value.length : 1;
				assert.equal(readings.length + rejected.length, expected);
			}),
		);
	});
});
