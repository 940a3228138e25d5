import assert from "node:assert/strict";
import { keepRetention } from "../../cli/retention.ts";

const DAY = 86_400_000;

describe("retention", () => {
	/** From when on readings are kept at a start, where the newest is of then. */
	const keptSince = (newestMs: number, days: number): Promise<number> =>
		new Promise((resolve) => {
			const stats = async () => ({ newestMs }) as never;
			const dropReadingsBefore = async (beforeMs: number) => {
				resolve(beforeMs);
				return { partitions: 0 };
			};
			keepRetention({ stats, dropReadingsBefore }, days);
		});

	it("counts from now, and from the newest reading where the clock runs years ahead of it", async () => {
		const before = Date.now() - 30 * DAY;
		const since = await keptSince(Date.now() + DAY, 30);
		assert.ok(since >= before && since <= Date.now() - 30 * DAY);
		const newest = Date.now() - 10 * 365 * DAY;
		assert.equal(await keptSince(newest, 30), newest - 30 * DAY);
	});
});
