import assert from "node:assert/strict";
import { Batcher } from "../../../lib/ingest/batcher.ts";
import { until } from "../../support/mqtt.ts";

describe("batcher", () => {
	const limits = { maxAgeMs: 100, idleMs: 3, maxItems: 5 };

	it("sends what came when nothing more comes", async () => {
		const batches: number[][] = [];
		const batcher = new Batcher<number>(limits, (items) => batches.push(items));
		batcher.add(1);
		batcher.add(2);
		await until("one batch", () => batches.length === 1);
		assert.deepEqual(batches, [[1, 2]]);
	});

	it("sends at once when it is full, counting what an item weighs", () => {
		const batches: number[][] = [];
		const batcher = new Batcher<number>(limits, (items) => batches.push(items));
		batcher.add(1, 4);
		batcher.add(2);
		assert.deepEqual(batches, [[1, 2]]);
		batcher.drop();
	});

	it("lets nobody wait for long under steady traffic", async () => {
		const batches: number[][] = [];
		const batcher = new Batcher<number>({ ...limits, maxItems: 1_000_000 }, (items) => batches.push(items));
		const steady = setInterval(() => batcher.add(1), 1);
		await until("a batch", () => batches.length > 0);
		clearInterval(steady);
		batcher.drop();
	});

	it("forgets what it is told to drop", async () => {
		const batches: number[][] = [];
		const batcher = new Batcher<number>(limits, (items) => batches.push(items));
		batcher.add(1);
		batcher.drop();
		batcher.add(2);
		await until("a batch", () => batches.length > 0);
		assert.deepEqual(batches, [[2]]);
	});
});
