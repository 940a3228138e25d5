import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { openStore } from "../../../lib/store/open.ts";
import type { Store } from "../../../lib/store/store.ts";

describe("documents and journals in the store", () => {
	let folder: string;
	let url: string;
	let store: Store;
	const kind = "alarm";
	const site = "works";

	beforeEach(async () => {
		folder = mkdtempSync(join(tmpdir(), "store-"));
		url = `sqlite://${folder}/plant.db`;
		store = await openStore(url);
	});
	afterEach(async () => {
		await store.close();
		rmSync(folder, { recursive: true });
	});

	it("gives back a document as it was put, and the newer one after it was put again", async () => {
		await store.saveDocuments({ site, kind, put: [{ id: "공기압축기", atMs: 1, value: { a: [1, null, "한글"] } }] });
		assert.deepEqual(await store.document(site, kind, "공기압축기"), {
			...{ id: "공기압축기", atMs: 1, value: { a: [1, null, "한글"] } },
		});
		await store.saveDocuments({ site, kind, put: [{ id: "공기압축기", atMs: 2, value: false }] });
		assert.deepEqual(await store.document(site, kind, "공기압축기"), { id: "공기압축기", atMs: 2, value: false });
		assert.equal((await store.documents({ site, kind })).items.length, 1);
	});

	it("changes nothing where another document is not as expected, also after another process changed it", async () => {
		const lease = { kind: "lease", id: "planner" };
		const put = (id: string) => [{ id, atMs: 1, value: id }];
		await store.saveDocuments({ site, kind, put: put("a"), expect: [lease] });
		await store.saveDocuments({ site, kind: "lease", put: [{ id: "planner", atMs: 5, value: { owner: "me" } }] });
		const mine = { ...lease, value: { owner: "me" } };
		await store.saveDocuments({ site, kind, put: put("b"), expect: [mine, { ...mine, atMs: 5 }] });
		const other = await openStore(url);
		await other.saveDocuments({ site, kind: "lease", put: [{ id: "planner", atMs: 5, value: { owner: "you" } }] });
		await other.close();
		for (const expect of [mine, lease, { ...lease, value: { owner: "you" }, atMs: 6 }]) {
			const refused = store.saveDocuments({ site, kind, put: put("c"), remove: ["a"], expect: [expect] });
			// Beside one that nothing stands against, in the same moment.
			const both = await Promise.allSettled([refused, store.saveDocuments({ site, kind, put: put("d") })]);
			assert.deepEqual(
				both.map(({ status }) => status),
				["rejected", "fulfilled"],
			);
			await assert.rejects(refused, { code: "store.changed" });
		}
		const { items } = await store.documents({ site, kind, order: "asc" });
		assert.deepEqual(items.map(({ id }) => id).toSorted(), ["a", "b", "d"]);
	});

	it("keeps sites and kinds apart", async () => {
		await store.saveDocuments({ site, kind, put: [{ id: "a", atMs: 1, value: 1 }] });
		await store.saveDocuments({ site: "other", kind, put: [{ id: "a", atMs: 1, value: 2 }] });
		await store.saveDocuments({ site, kind: "plan", put: [{ id: "a", atMs: 1, value: 3 }], remove: ["b"] });
		assert.equal((await store.document(site, kind, "a"))?.value, 1);
		await store.saveDocuments({ site, kind, remove: ["a"] });
		assert.equal(await store.document(site, kind, "a"), undefined);
		assert.equal((await store.document("other", kind, "a"))?.value, 2);
		assert.equal((await store.document(site, "plan", "a"))?.value, 3);
	});

	it("survives being closed, and a file of the release before gets the tables", async () => {
		await store.saveDocuments({ site, kind, put: [{ id: "a", atMs: 1, value: 1 }] });
		await store.close();
		store = await openStore(url);
		assert.equal((await store.document(site, kind, "a"))?.value, 1);
		await store.close();
		const database = new DatabaseSync(join(folder, "plant.db"));
		database.exec(
			"DROP TABLE documents; DROP TABLE journal; DROP TABLE audit; DELETE FROM schema_versions WHERE version > 1",
		);
		database.close();
		store = await openStore(url);
		await store.saveDocuments({ site, kind, journal: [{ subject: "a", atMs: 1, value: "again" }] });
		assert.equal((await store.journal({ site, kind })).items.length, 1);
	});

	it("pages through documents and journals in both orders, each entry once", async () => {
		const put = Array.from({ length: 25 }, (_, i) => ({ id: `d${i}`, atMs: Math.floor(i / 3), value: i }));
		await store.saveDocuments({
			...{ site, kind, put },
			journal: put.map(({ id, atMs, value }) => ({ subject: id, atMs, value })),
		});
		const collect = async (
			ask: (cursor?: string) => Promise<{ items: { value: unknown }[]; nextCursor?: string }>,
		): Promise<unknown[]> => {
			const values: unknown[] = [];
			let cursor: string | undefined;
			do {
				const page = await ask(cursor);
				values.push(...page.items.map(({ value }) => value));
				cursor = page.nextCursor;
			} while (cursor !== undefined);
			return values;
		};
		const upward = put.map(({ value }) => value);
		for (const [order, expected] of [
			["asc", upward],
			["desc", upward.toReversed()],
		] as const) {
			const page = (cursor?: string) => ({ site, kind, order, limit: 4, ...(cursor === undefined ? {} : { cursor }) });
			assert.deepEqual(await collect((cursor) => store.documents(page(cursor))), expected);
			assert.deepEqual(await collect((cursor) => store.journal(page(cursor))), expected);
		}
	});

	it("answers a journal by subject and span, and forgets what is older", async () => {
		const journal = [1, 2, 3, 4].map((atMs) => ({ subject: atMs % 2 ? "odd" : "even", atMs, value: atMs }));
		await store.saveDocuments({ site, kind, journal });
		const values = async (query: object) =>
			(await store.journal({ site, kind, ...query })).items.map(({ value }) => value);
		assert.deepEqual(await values({ subject: "odd" }), [3, 1]);
		assert.deepEqual(await values({ fromMs: 2, toMs: 4 }), [3, 2]);
		assert.deepEqual(await store.dropJournalBefore(site, kind, 3), { entries: 2 });
		assert.deepEqual(await values({ order: "asc" }), [3, 4]);
	});

	it("keeps nothing of a change that cannot be kept whole", async () => {
		const circle: Record<string, unknown> = {};
		circle.self = circle;
		for (const bad of [
			{ id: "b", atMs: 1, value: circle },
			{ id: "b", atMs: 1, value: undefined },
			{ id: "b", atMs: 1.5, value: 1 },
			{ id: "", atMs: 1, value: 1 },
			{ id: "b", atMs: 1, value: "x".repeat(1_100_000) },
		]) {
			const put = [{ id: "a", atMs: 1, value: 1 }, bad];
			await assert.rejects(store.saveDocuments({ site, kind, put }), { code: "store.bad-document" });
		}
		await assert.rejects(store.saveDocuments({ site, kind: "no kind", put: [] }), { code: "store.bad-document" });
		assert.deepEqual(await store.documents({ site, kind }), { items: [] });
		await assert.rejects(store.documents({ site, kind, cursor: "nonsense" }), { code: "store.bad-cursor" });
	});
});
