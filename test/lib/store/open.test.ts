import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { explain } from "../../../lib/messages.ts";
import { encodeReadings } from "../../../lib/store/columns.ts";
import { openStore } from "../../../lib/store/open.ts";
import { EngineThread } from "../../../lib/store/sqlite/thread.ts";

const reading = { site: "works", machine: "furnace-1", timeMs: Date.UTC(2026, 10, 22), powerKw: 1 };

describe("opening a store", () => {
	let folder: string;
	beforeEach(() => {
		folder = mkdtempSync(join(tmpdir(), "store-"));
	});
	afterEach(() => rmSync(folder, { recursive: true }));

	it("makes a missing folder and keeps what was written", async () => {
		const url = `sqlite://${folder}/a/b/plant.db`;
		const first = await openStore(url);
		await first.write([reading]);
		await first.close();
		const second = await openStore(url);
		assert.equal((await second.latest("works")).length, 1);
		await second.close();
	});

	it("shares one engine per file, also with another copy of the package, until the last user closes it", async () => {
		const built = createRequire(import.meta.url)("../../../dist/lib/store/open.js") as { openStore: typeof openStore };
		const url = `sqlite://${folder}/plant.db`;
		const [first, second] = await Promise.all([openStore(url), built.openStore(url)]);
		await first.close();
		await first.close();
		await assert.rejects(first.latest("works"), { code: "store.closed" });
		await second.write([reading]);
		assert.equal((await second.stats()).readings, 1);
		await second.close();
		await assert.rejects(second.latest("works"), { code: "store.closed" });
	});

	it("refuses PostgreSQL until its engine exists, and shows no password", async () => {
		const error: unknown = await openStore("postgresql://plant:secret@db/energy").catch((reason: unknown) => reason);
		assert.equal((error as { code: string }).code, "store.engine-not-built");
		assert.match(explain(error, "en-US"), /PostgreSQL/);
		assert.doesNotMatch(explain(error, "ko"), /secret/);
	});

	for (const url of [
		"",
		"plant.db",
		"sqlite:plant.db",
		"sqlite://",
		"sqlite://plant.db",
		"mysql://db",
		"sqlite:///a/",
	]) {
		it(`refuses “${url}” as no URL of a database`, () => assert.rejects(openStore(url), { code: "store.bad-url" }));
	}

	it("says that a file is no database, and leaves it as it is", async () => {
		writeFileSync(
			join(folder, "plant.db"),
			"this is a text, and long enough to be read as a header of a database file\n".repeat(20),
		);
		await assert.rejects(openStore(`sqlite://${folder}/plant.db`), { code: "store.corrupt" });
		// A failed opening is not remembered.
		rmSync(join(folder, "plant.db"));
		await (await openStore(`sqlite://${folder}/plant.db`)).close();
	});

	it("says that a folder cannot be written", async () => {
		writeFileSync(join(folder, "file"), "");
		await assert.rejects(openStore(`sqlite://${folder}/file/plant.db`), { code: "store.not-writable" });
		// Root may write everywhere.
		if (process.getuid?.() === 0) return;
		chmodSync(folder, 0o500);
		await assert.rejects(openStore(`sqlite://${folder}/plant.db`), { code: "store.not-writable" });
		chmodSync(folder, 0o700);
	});

	it("leaves alone a file that a newer release has written", async () => {
		const url = `sqlite://${folder}/plant.db`;
		await (await openStore(url)).close();
		const database = new DatabaseSync(join(folder, "plant.db"));
		database.exec("INSERT INTO schema_versions (version, applied_ms) VALUES (99, 0)");
		database.close();
		await assert.rejects(openStore(url), { code: "store.newer-schema" });
	});

	it("keeps nothing of an in-memory store", async () => {
		const store = await openStore("sqlite://:memory:");
		await store.write([reading]);
		await store.close();
		const again = await openStore("sqlite://:memory:");
		assert.deepEqual(await again.latest("works"), []);
		await again.close();
		assert.equal(existsSync(":memory:"), false);
	});

	it("rejects what was in flight when the engine dies, then serves again", async () => {
		const path = join(folder, "plant.db");
		const thread = new EngineThread({ path, role: "writer", batchSize: 100, synchronous: "FULL" });
		await thread.ready;
		const columns = encodeReadings(Array.from({ length: 20_000 }, (_, i) => ({ ...reading, timeMs: i * 1_000 })));
		const inFlight = thread.ask("write", columns);
		const killed = thread.kill();
		await assert.rejects(inFlight, { code: "store.engine-died" });
		await killed;
		assert.deepEqual((await thread.ask("stats", null)).engine, "sqlite");
		await thread.close();
		await assert.rejects(thread.ask("stats", null), { code: "store.closed" });
	});
});
