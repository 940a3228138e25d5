import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "csv-parse/sync";
import fc from "fast-check";
import { etagOf, namesTag } from "../../../lib/api/etag.ts";
import { IdempotencyKeys } from "../../../lib/api/idempotency.ts";
import { encodingOf, preferredType } from "../../../lib/api/negotiate.ts";
import { RouteMeter } from "../../../lib/api/requests.ts";
import { listJobs, offerJobs, type WireJob } from "../../../lib/jobs/sources.ts";
import { csvOf } from "../../../lib/store/wire.ts";

describe("a table", () => {
	it("reads back as it was, and no cell of text begins a formula", () => {
		const cell = fc.oneof(
			fc.double({ noNaN: true, noDefaultInfinity: true }),
			fc.string({ unit: fc.constantFrom("a", '"', ",", "\n", "\r\n", "=", "+", "-", "@", "\t", "전", "'") }),
		);
		fc.assert(
			fc.property(fc.array(fc.record({ a: cell, b: cell }), { minLength: 1, maxLength: 20 }), (items) => {
				const text = csvOf(items);
				const rows = parse(text, { columns: true, record_delimiter: "\r\n", skip_empty_lines: false }) as object[];
				assert.equal(rows.length, items.length);
				for (const [i, row] of rows.entries()) {
					for (const [name, read] of Object.entries(row) as [keyof (typeof items)[0], string][]) {
						const given = items[i]?.[name];
						// A table knows one zero.
						if (typeof given === "number") assert.equal(Number(read), given + 0 || 0);
						else {
							assert.equal(/^[=+@\t\r-]/.test(given ?? "") ? read.slice(1) : read, given);
							assert.doesNotMatch(read, /^[=+@\t\r-]/);
						}
					}
				}
			}),
		);
	});
});

describe("a list of jobs", () => {
	const jobAt = (second: number, id: string): WireJob => ({
		...{ id, type: "import", site: "pages", state: "done", progress: 1, by: null, startedAt: null, endedAt: null },
		...{ queuedAt: new Date(1_800_000_000_000 + second * 1_000).toISOString(), result: null, problem: null },
	});

	it("pages without losing or repeating one, whatever comes in between", async () => {
		await fc.assert(
			fc.asyncProperty(
				fc.array(fc.nat(30), { maxLength: 40 }),
				fc.array(fc.nat(5), { maxLength: 20 }),
				fc.integer({ min: 1, max: 7 }),
				async (seconds, later, limit) => {
					const first = seconds.map((second, i) => jobAt(second, `old-${i}`));
					const all = [...first];
					const none = async () => undefined;
					const stop = offerJobs("pages", { job: none, cancel: none, jobs: async () => all });
					const seen: string[] = [];
					let cursor: string | undefined;
					do {
						const page = await listJobs("pages", { limit, ...(cursor !== undefined && { cursor }) }, "en-US");
						seen.push(...page.items.map(({ id }) => id));
						cursor = page.nextCursor;
						// New work comes after what there is: it belongs before the pages that were read.
						const second = later.pop();
						if (second !== undefined) all.push(jobAt(100 + second, `new-${later.length}`));
					} while (cursor !== undefined);
					stop();
					assert.equal(new Set(seen).size, seen.length);
					assert.deepEqual(seen.filter((id) => id.startsWith("old")).toSorted(), first.map(({ id }) => id).toSorted());
				},
			),
			{ numRuns: 50 },
		);
	});
});

describe("an Idempotency-Key", () => {
	let home: string;
	before(() => {
		home = mkdtempSync(join(tmpdir(), "smart-energy-keys-"));
	});
	after(() => rmSync(home, { recursive: true, force: true }));
	const answer = { status: 202, headers: { location: "/x" }, body: "{}" };

	it("stands for one body, whatever the order of its keys", async () => {
		const keys = new IdempotencyKeys(home);
		const value = fc.letrec((tie) => ({
			any: fc.oneof({ maxDepth: 3 }, fc.integer(), fc.string(), tie("list"), tie("map")),
			list: fc.array(tie("any"), { maxLength: 3 }),
			map: fc.dictionary(fc.string(), tie("any"), { maxKeys: 4 }),
		})).map;
		const turned = (given: unknown): unknown => {
			if (Array.isArray(given)) return given.map(turned);
			if (typeof given !== "object" || given === null) return given;
			return Object.fromEntries(
				Object.entries(given)
					.map(([name, each]) => [name, turned(each)] as const)
					.toReversed(),
			);
		};
		let key = 0;
		await fc.assert(
			fc.asyncProperty(value, async (body) => {
				const name = `key-${key++}`;
				const begun = await keys.begin("lee", name, "POST", "/x", body);
				assert("keep" in begun);
				await begun.keep(answer);
				assert.deepEqual(await keys.begin("lee", name, "POST", "/x", turned(body)), answer);
				await assert.rejects(keys.begin("lee", name, "POST", "/x", [body]), { code: "api.idempotency-reused" });
				const other = await keys.begin("kim", name, "POST", "/x", [body]);
				assert("release" in other, "another person's key is another key");
				await other.release();
			}),
			{ numRuns: 30 },
		);
	});

	it("is worked on by one of those that come at once, the very first of a home too; the others are told to wait", async () => {
		for (let round = 0; round < 20; round++) {
			const keys = new IdempotencyKeys(join(home, `round-${round}`));
			const turns = await Promise.allSettled([1, 2, 3, 4].map(() => keys.begin("lee", "k", "POST", "/x", {})));
			const codes = turns.map((turn) => (turn.status === "fulfilled" ? "mine" : turn.reason.code));
			assert.deepEqual(codes.toSorted(), [...Array(3).fill("api.idempotency-running"), "mine"]);
		}
	});

	it("is not worked on again where a program was killed in the middle", async () => {
		await new IdempotencyKeys(home).begin("lee", "killed", "POST", "/x", {});
		const restarted = new IdempotencyKeys(home);
		await assert.rejects(restarted.begin("lee", "killed", "POST", "/x", {}), { code: "api.idempotency-unknown" });
	});

	it("is forgotten after a day", async () => {
		let nowMs = Date.now();
		const keys = new IdempotencyKeys(home, () => nowMs);
		const begun = await keys.begin("lee", "old", "POST", "/x", {});
		assert("keep" in begun);
		await begun.keep(answer);
		nowMs += 25 * 3_600_000;
		assert("keep" in (await keys.begin("lee", "old", "POST", "/x", { other: true })));
	});
});

describe("what a caller would rather have", () => {
	it("is the type with the largest weight, and JSON where nothing fits", () => {
		const offered = ["application/json", "text/csv"];
		for (const [accept, type] of [
			[undefined, "application/json"],
			["*/*", "application/json"],
			["text/html", "application/json"],
			["text/csv", "text/csv"],
			["text/*", "text/csv"],
			["application/json;q=0.5, text/csv", "text/csv"],
			["application/json, text/csv;q=0.9", "application/json"],
			["text/csv;q=0, */*", "application/json"],
		] as const) {
			assert.equal(preferredType(accept, offered), type, accept);
		}
	});

	it("is compressed only where the caller says so", () => {
		for (const [header, encoding] of [
			[undefined, undefined],
			["gzip, deflate, br", "br"],
			["gzip", "gzip"],
			["br;q=0, gzip;q=0.2", "gzip"],
			["*", "br"],
			["identity", undefined],
			["*;q=0", undefined],
		] as const) {
			assert.equal(encodingOf(header), encoding, header);
		}
	});
});

describe("a tag", () => {
	it("is the same for the same facts at another time, and another for others", () => {
		const now = etagOf({ time: "2026-11-22T01:00:00Z", rates: [1, 2] });
		assert.equal(etagOf({ time: "2026-11-22T02:00:00Z", rates: [1, 2] }), now);
		assert.notEqual(etagOf({ time: "2026-11-22T01:00:00Z", rates: [1, 3] }), now);
		assert(namesTag(`"x", ${now.replace("W/", "")}`, now));
	});
});

describe("figures of a path", () => {
	it("tell quantiles right to a fifth, and the rate of the last minute", () => {
		fc.assert(
			fc.property(
				fc.array(fc.double({ min: 0.06, max: 5_000, noNaN: true }), { minLength: 1, maxLength: 300 }),
				(times) => {
					const meter = new RouteMeter("GET", "/x");
					for (const ms of times) meter.add(200, ms, 0, 60_000);
					const sorted = times.toSorted((a, b) => a - b);
					for (const share of [0.5, 0.99]) {
						const exact = sorted[Math.ceil(share * sorted.length) - 1] ?? 0;
						const told = meter.quantileMs(share) ?? 0;
						assert(told >= exact - 1e-9 && told <= exact * 1.2 + 1e-9, `${told} for ${exact}`);
					}
					assert.equal(meter.within([1e9])[0], times.length);
					assert.equal(meter.perSecond(60_000), times.length / 60);
					assert.equal(meter.perSecond(180_000), 0);
				},
			),
		);
	});
});
