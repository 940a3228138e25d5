import assert from "node:assert/strict";
import fc from "fast-check";
import { Ledger } from "../../../lib/ingest/ledger.ts";

describe("ledger of unacknowledged messages", () => {
	it("gives the packet ids of a batch back once all its readings are settled", () => {
		const ledger = new Ledger();
		const batch = ledger.enter([7, 8], 3, 100, 0);
		assert.deepEqual(ledger.settle(batch, 2), []);
		assert.equal(ledger.messages, 2);
		assert.deepEqual(ledger.settle(batch, 1), [7, 8]);
		assert.equal(ledger.messages, 0);
		assert.equal(ledger.bytes, 0);
	});

	it("gives nothing back for a batch that it was told to forget", () => {
		const ledger = new Ledger();
		const batch = ledger.enter([7], 1, 10, 0);
		ledger.forget();
		assert.deepEqual(ledger.settle(batch, 1), []);
	});

	it("tells which batches wait too long, and for how many readings", () => {
		const ledger = new Ledger();
		ledger.enter([1], 4, 10, 0);
		ledger.settle(ledger.enter([2], 4, 10, 20_000), 1);
		assert.deepEqual(ledger.overdue(30_000, 30_000), { batches: 1, readings: 4 });
		assert.deepEqual(ledger.overdue(50_000, 30_000), { batches: 2, readings: 7 });
	});

	it("hands each packet id out exactly once, in whatever order and portions batches settle", () => {
		const batches = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 20 });
		fc.assert(
			fc.property(batches, fc.infiniteStream(fc.nat()), (sizes, choices) => {
				const ledger = new Ledger();
				let id = 0;
				const open = sizes.map((left) => ({ batch: ledger.enter([++id, ++id], left, 1, 0), left }));
				const acknowledged: number[] = [];
				while (open.length > 0) {
					const at = (choices.next().value as number) % open.length;
					const entry = open[at];
					if (!entry) break;
					acknowledged.push(...ledger.settle(entry.batch, 1));
					entry.left--;
					if (entry.left === 0) open.splice(at, 1);
				}
				assert.deepEqual(
					acknowledged.toSorted((a, b) => a - b),
					Array.from({ length: id }, (_, index) => index + 1),
				);
				assert.equal(ledger.messages, 0);
			}),
		);
	});
});
