import assert from "node:assert/strict";
import fc from "fast-check";
import { explain, languages } from "../../lib/messages.ts";
import { decodeModel, encodeModel } from "../../models/model-file.ts";

const reader = { kind: "toy", version: 3, path: "toy.model" };

describe("a model file", () => {
	it("gives back what was written, whatever memory it was read into", () => {
		fc.assert(
			fc.property(
				fc.dictionary(
					fc.string({ minLength: 1 }).filter((name) => name !== "__proto__"),
					fc.float64Array(),
				),
				fc.uint8Array(),
				fc.nat(7),
				(floats, bytes, shift) => {
					const state = { facts: { trees: 100, note: "한글" }, arrays: { ...floats, "\0bytes": bytes } };
					const file = encodeModel("toy", 3, state);
					const moved = new Uint8Array(file.length + shift).subarray(shift);
					moved.set(file);
					const { facts, arrays } = decodeModel(moved, reader);
					assert.deepEqual({ facts, arrays }, state);
				},
			),
		);
	});

	it("is refused when any byte of it changed or it was cut", () => {
		const file = encodeModel("toy", 3, { facts: { a: 1 }, arrays: { x: Float64Array.of(1, 2, 3) } });
		for (let at = 0; at < file.length; at++) {
			const damaged = Uint8Array.from(file);
			damaged[at] = (damaged[at] as number) ^ 1;
			assert.throws(() => decodeModel(damaged, reader), /models\.file-(corrupt|foreign)/);
			assert.throws(() => decodeModel(file.subarray(0, at), reader), /models\.file-(corrupt|foreign)/);
		}
	});

	it("of another kind or version is refused with both named", () => {
		const file = encodeModel("toy", 2, { facts: {}, arrays: {} });
		assert.throws(() => decodeModel(file, reader), {
			code: "models.file-version",
			details: { path: "toy.model", found: "toy 2", expected: "toy 3" },
		});
		for (const language of languages) {
			try {
				decodeModel(file, reader);
			} catch (error) {
				assert.match(explain(error, language), /toy 2.*toy 3/);
			}
		}
	});
});
