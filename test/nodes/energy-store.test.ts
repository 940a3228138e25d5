import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { pathToFileURL } from "node:url";
import type { Node, NodeMessage } from "node-red";
import { markAccess } from "../../lib/access/context.ts";
import type { WireReading } from "../../lib/telemetry/reading.ts";
import type * as Settlement from "../../nodes/settlement.ts";
import { siteNode, useTemporaryStore } from "../support/store-site.ts";
import { next, nodeSet, useNodeRed } from "./harness.ts";

const built = createRequire(import.meta.url);
const at = (minute: number) => `2026-11-22T01:${String(minute).padStart(2, "0")}:00.000Z`;
const reading = (minute: number, powerKw = minute): WireReading => ({
	site: "demo",
	machine: "press",
	time: at(minute),
	powerKw,
});

interface Answer {
	payload: Record<string, unknown> & { items: Record<string, unknown>[]; nextCursor?: string };
	statusCode?: number;
	ingest?: unknown;
}

describe("energy-store node", () => {
	const helper = useNodeRed();
	const store = useTemporaryStore(helper);

	async function start(operation = "from-message", storeUrl = store.url): Promise<void> {
		const flow = [
			{ id: "f", type: "tab" },
			siteNode(storeUrl),
			{ id: "n", type: "energy-store", site: "site", operation, wires: [["out"]], z: "f" },
			{ id: "out", type: "helper", z: "f" },
		];
		await helper.load([nodeSet("energy-site"), nodeSet("energy-store")], flow);
	}
	function ask(msg: object): Promise<Answer> {
		const answer = next<Answer>("out");
		helper.getNode("n").receive(msg as NodeMessage);
		return answer;
	}
	function failure(msg: object): Promise<string> {
		const node = helper.getNode("n") as Node;
		return new Promise((resolve) => {
			node.once("call:error", (call: { firstArg: Error }) => resolve(String(call.firstArg)));
			node.receive(msg as NodeMessage);
		});
	}
	const write = (payload: unknown) => ask({ operation: "write", payload });

	it("answers a write when it is committed: what was new, known, and changed", async () => {
		await start();
		assert.deepEqual((await write([reading(1), reading(2)])).payload, { inserted: 2, duplicates: 0, replaced: 0 });
		assert.deepEqual((await write(reading(1))).payload, { inserted: 0, duplicates: 1, replaced: 0 });
		assert.deepEqual((await write(reading(2, 99))).payload, { inserted: 0, duplicates: 0, replaced: 1 });
	});

	it("keeps what it wrote over a redeploy", async () => {
		await start();
		await write([reading(1)]);
		await helper.unload();
		await start();
		const { payload } = await ask({ operation: "latest" });
		assert.deepEqual(
			payload.items.map(({ machine, time, powerKw }) => ({ machine, time, powerKw })),
			[{ machine: "press", time: at(1), powerKw: 1 }],
		);
	});

	it("pages through readings with a cursor", async () => {
		await start();
		await write([1, 2, 3].map((minute) => reading(minute)));
		const query = { from: at(0), to: at(30), machine: "press", limit: 2 };
		const first = await ask({ operation: "readings", query });
		assert.deepEqual(
			first.payload.items.map(({ time }) => time),
			[at(1), at(2)],
		);
		const second = await ask({ operation: "readings", query: { ...query, cursor: first.payload.nextCursor } });
		assert.deepEqual(
			second.payload.items.map(({ time }) => time),
			[at(3)],
		);
		assert.equal(second.payload.nextCursor, undefined);
	});

	it("answers intervals and charts with ISO times", async () => {
		await start();
		await write(Array.from({ length: 16 }, (_, minute) => reading(minute, 60)));
		const query = { from: at(0), to: "2026-11-22T10:15:00+09:00" };
		const intervals = await ask({ operation: "intervals", query });
		assert.equal(intervals.payload.items[0]?.start, at(0));
		assert.equal(intervals.payload.items[0]?.end, at(15));
		assert.equal(intervals.payload.items[0]?.energyKwh, 15);
		const series = await ask({ operation: "series", query });
		assert.equal(series.payload.measure, "powerKw");
		assert.equal(series.payload.items[0]?.machine, "total");
	});

	it("gives CSV where it is asked for", async () => {
		await start();
		await write([reading(1)]);
		const answer = await ask({ operation: "readings", query: { from: at(0), to: at(9), format: "csv" } });
		assert.match(String(answer.payload), /^site,machine,[\s\S]*demo,press,/);
	});

	it("keeps rejected readings and finds them again by reason", async () => {
		await start();
		const entry = { atMs: Date.now(), site: "demo", machine: "press", reason: "Bad_OutOfRange", detail: "d" };
		await ask({ operation: "quarantine", payload: [{ ...entry, source: "t", payload: "{}" }] });
		const { payload } = await ask({ operation: "quarantined", query: { reason: "Bad_OutOfRange" } });
		assert.equal(payload.items[0]?.detail, "d");
		const stats = await ask({ operation: "stats" });
		assert.deepEqual(stats.payload.quarantinedByReason, { Bad_OutOfRange: 1 });
	});

	for (const [what, query, words] of [
		["a time without offset", { from: "2026-11-22T10:00:00" }, /from.*offset/],
		["a span that ends before it begins", { from: at(2), to: at(1) }, /from.*before to/],
		["a machine that is not listed", { machine: "ghost" }, /machine.*ghost.*press/],
		["a limit out of range", { limit: "0" }, /limit.*1 to 10000/],
		["an unknown order", { order: "up" }, /order.*asc, desc/],
	] as const) {
		it(`refuses ${what} and says what is allowed`, async () => {
			await start();
			assert.match(await failure({ operation: "readings", query }), words);
		});
	}

	it("writes nothing of a message with something that is no reading", async () => {
		await start();
		assert.match(await failure({ operation: "write", payload: [reading(1), { machine: "press" }] }), /bad-reading.*1/);
		assert.deepEqual((await ask({ operation: "latest" })).payload.items, []);
	});

	describe("beside energy-ingest", () => {
		const settled: number[] = [];
		const failed: unknown[] = [];
		let stop: () => void;
		beforeEach(() => {
			settled.length = 0;
			failed.length = 0;
			const { waitForSettlement }: typeof Settlement = built("../../dist/nodes/settlement.js");
			stop = waitForSettlement("someone", {
				settled: (_, count) => settled.push(count),
				failed: (_, error) => failed.push(error),
			});
		});
		afterEach(() => stop());
		const ingest = { source: "someone", batch: 1 };

		it("settles as many readings as it committed", async () => {
			await start();
			await ask({ operation: "write", payload: [reading(1), reading(2)], ingest });
			await ask({ operation: "quarantine", payload: [{ reason: "Bad_Malformed" }], ingest });
			assert.deepEqual(settled, [2, 1]);
			assert.deepEqual(failed, []);
		});

		it("puts aside what can never be stored, so that it holds up nothing behind it", async () => {
			await start();
			const odd = [{ ...reading(3), reason: "Uncertain_SubNormal" }, { ...reading(4), machine: "" }, "nonsense"];
			const { payload } = await ask({ operation: "write", payload: [reading(1), ...odd, reading(2)], ingest });
			assert.deepEqual(payload, { inserted: 2, duplicates: 0, replaced: 0 });
			assert.deepEqual(settled, [5]);
			const { items } = (await ask({ operation: "quarantined" })).payload;
			assert.deepEqual(items.map(({ detail }) => String(detail).split(" ")[0]).sort(), [
				"machine",
				"reading",
				"reason",
			]);
		});

		it("does not settle what a failing store did not take", async () => {
			const file = pathToFileURL(built.resolve("../../package.json")).href.replace(/^file:/, "sqlite:");
			await start("write", `${file}/energy.db`);
			await failure({ payload: [reading(1)], ingest });
			assert.deepEqual(settled, []);
			assert.equal(failed.length, 1);
		});
	});

	describe("for a request", () => {
		let server: Server;
		let port: number;
		before((done) => {
			server = createServer((req, res) => {
				const url = new URL(req.url ?? "", "http://x");
				markAccess(req, { user: "u", role: "viewer", language: "en-US", requestId: "r" });
				Object.assign(req, { query: Object.fromEntries(url.searchParams), params: {} });
				helper.getNode("n").receive({ req, res: { _res: res }, query: { machine: "smuggled" } });
				(helper.getNode("out") as Node).once("input", (msg) => res.end(JSON.stringify((msg as Answer).payload)));
			}).listen(0, "127.0.0.1", done);
		});
		after((done) => {
			server.close(done);
		});
		beforeEach(() => {
			port = (server.address() as AddressInfo).port;
		});

		it("takes its parameters from the query string", async () => {
			await start("readings");
			const ok = await fetch(`http://127.0.0.1:${port}/?machine=press&limit=5`);
			assert.deepEqual(await ok.json(), { items: [] });
		});

		it("answers a mistake as a problem", async () => {
			await start("readings");
			const bad = await fetch(`http://127.0.0.1:${port}/?limit=many`);
			assert.equal(bad.status, 422);
			assert.equal(bad.headers.get("content-type"), "application/problem+json; charset=utf-8");
			const problem = (await bad.json()) as { title: string; details: { field: string } };
			assert.equal(problem.title, "store.bad-query");
			assert.equal(problem.details.field, "limit");
		});
	});

	for (const [accepted, rejected, statusCode] of [
		[1, [], 200],
		[1, [{ index: 1 }], 207],
		[0, [{ index: 0 }], 422],
	] as const) {
		it(`answers ${statusCode} to a request with ${accepted} accepted and ${rejected.length} rejected`, async () => {
			await start("write");
			const req = {};
			markAccess(req as never, { user: "u", role: "operator", language: "en-US", requestId: "r" });
			const payload = accepted > 0 ? [reading(1)] : [];
			const answer = await ask({ payload, req, validation: { accepted, rejected } });
			assert.equal(answer.statusCode, statusCode);
			assert.deepEqual(answer.payload, { accepted, inserted: accepted, duplicates: 0, replaced: 0, rejected });
		});
	}
});
