import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import type { HttpRequest, HttpResponse, Next } from "../../../lib/access/http.ts";
import { addSink, type Line, plainLine } from "../../../lib/log/log.ts";
import { until } from "../../support/mqtt.ts";
import { type Served, serve, temporaryHome, tokenFrom } from "../access/harness.ts";

type Flow = (req: HttpRequest, res: HttpResponse & { send(text: string): void }, next: Next) => void;

const alarmLine = (i: number) => ({
	time: `2026-11-22T01:00:${String(i % 60).padStart(2, "0")}.000Z`,
	alarm: "leak.press-1",
	by: i === 0 ? "=cmd|' /C calc'!A0" : "system",
	reason: 'a "quoted", word',
	type: "raised",
	from: "normal",
	to: "unacknowledged",
});
const job = {
	...{
		id: "anomaly.demo.cnc-1.1",
		type: "training",
		by: null,
		site: "demo",
		task: "anomaly",
		machine: "cnc-1",
		kind: "k",
	},
	...{ state: "queued", progress: 0, queuedAt: "2026-11-22T01:00:00.000Z", startedAt: null, endedAt: null },
	...{ result: null, problem: null },
};

describe("every answer of the API", () => {
	let served: Served;
	let flow: Flow = (_req, _res, next) => next();
	let authorization = "";
	let worked = 0;
	const home = temporaryHome();
	const lines: Line[] = [];
	const stop = addSink((line) => lines.push(line));
	const start = async () => {
		served = await serve({ home, validateResponses: true }, (...given: Parameters<Flow>) => flow(...given));
		authorization = `Bearer ${await tokenFrom(served.base)}`;
	};
	before(start);
	after(async () => {
		stop();
		await served.close();
	});
	const ask = (path: string, init: RequestInit & { headers?: Record<string, string> } = {}) =>
		fetch(served.base + path, { ...init, headers: { authorization, ...init.headers } });
	const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
		ask(path, {
			method: "POST",
			body: JSON.stringify(body),
			headers: { "content-type": "application/json", ...headers },
		});

	it("is a problem where no flow answers, never HTML", async () => {
		// What Express says where nothing is mounted.
		flow = (_req, res) => {
			res.writeHead(404, { "content-type": "text/html; charset=utf-8" });
			res.end("<!DOCTYPE html><pre>Cannot GET</pre>");
		};
		const answer = await ask("/api/v1/demand", { headers: { accept: "text/html" } });
		assert.equal(answer.status, 404);
		assert.equal(answer.headers.get("content-type"), "application/problem+json; charset=utf-8");
		assert.equal(((await answer.json()) as { title: string }).title, "api.not-served");
		flow = (_req, res) => {
			res.statusCode = 500;
			res.send("Internal Server Error");
		};
		const broken = (await (await ask("/api/v1/demand")).json()) as { title: string; status: number };
		assert.deepEqual([broken.title, broken.status], ["nodes.unexpected", 500]);
	});

	it("names every wrong place as a pointer, the page of the code, and the request", async () => {
		const wrong = { task: "anomaly", machine: "", seed: -1 };
		const answer = await post("/api/v1/models/train", wrong, { "x-request-id": "line-7.43", "accept-language": "ko" });
		const problem = (await answer.json()) as Record<string, unknown> & { errors: Record<string, string>[] };
		assert.equal(problem.type, "/api/docs/problems#access.request-invalid");
		assert.equal(problem.instance, "urn:smartfactory:request:line-7.43");
		assert.equal(answer.headers.get("x-request-id"), "line-7.43");
		assert.deepEqual(problem.errors.map((place) => [place.in, place.pointer, place.detail]).toSorted(), [
			["body", "#/machine", "1자 이상이어야 합니다"],
			["body", "#/seed", "0 이상이어야 합니다"],
		]);
		const query = (await (await ask("/api/v1/alarms?limit=0")).json()) as { errors: Record<string, string>[] };
		assert.deepEqual([query.errors[0]?.in, query.errors[0]?.pointer], ["query", "#/limit"]);
	});

	it("is one line of the log that grep finds, with the same id", async () => {
		lines.length = 0;
		flow = (_req, res) => res.jsonp?.({ items: [] });
		await (await ask("/api/v1/alarms", { headers: { "x-request-id": "line-7.44" } })).text();
		const told = (): Line[] => lines.filter(({ logger }) => logger === "api.requests");
		// The answer may be here a moment before the server notes that it has gone.
		await until("a line of the log", () => told().length > 0);
		const [line] = told().map(plainLine);
		assert.match(
			line ?? "",
			/ INFO {2}api\.requests GET \/api\/v1\/alarms 200 ms=\S+ bytes=12 user=admin from=\S+ request=line-7\.44\n$/,
		);
	});

	it("is refused where it breaks the contract, whichever way a flow sends it", async () => {
		const wrong = { items: [{ alarm: 7 }] };
		const ways: Flow[] = [
			(_req, res) => res.jsonp?.(wrong),
			(_req, res) => {
				res.setHeader("content-type", "application/json");
				res.send(JSON.stringify(wrong));
			},
			(_req, res) => {
				res.writeHead(200, { "content-type": "application/json" });
				res.end(JSON.stringify(wrong));
			},
			(_req, res) => {
				res.writeHead(200, { "content-type": "image/png" });
				res.end("no such type is described");
			},
		];
		for (const way of ways) {
			flow = way;
			const answer = await ask("/api/v1/alarms/x/journal");
			assert.equal(answer.status, 500);
			assert.equal(((await answer.json()) as { title: string }).title, "access.response-invalid");
		}
	});

	it("holds the fields that were asked for, and no field that there is not", async () => {
		flow = (_req, res) => res.jsonp?.({ items: [alarmLine(1)], nextCursor: "next" });
		const answer = await (await ask("/api/v1/alarms/x/journal?fields=time,by")).json();
		assert.deepEqual(answer, { items: [{ time: "2026-11-22T01:00:01.000Z", by: "system" }], nextCursor: "next" });
		const unknown = await ask("/api/v1/alarms/x/journal?fields=tiem");
		assert.equal(unknown.status, 400);
		assert.match(((await unknown.json()) as { detail: string }).detail, /tiem.*one of time, alarm, by/);
	});

	it("is a table for who asks for one, which no spreadsheet takes for a formula", async () => {
		flow = (_req, res) => res.jsonp?.({ items: [alarmLine(0)], nextCursor: "b c" });
		const answer = await ask("/api/v1/alarms/x/journal?limit=1", { headers: { accept: "text/csv, */*;q=0.1" } });
		assert.equal(answer.headers.get("content-type"), "text/csv; charset=utf-8");
		assert.equal(answer.headers.get("link"), '</api/v1/alarms/x/journal?limit=1&cursor=b+c>; rel="next"');
		const [head, row] = (await answer.text()).split("\r\n");
		assert.equal(head, "time,alarm,by,reason,type,from,to");
		assert.equal(
			row,
			`2026-11-22T01:00:00.000Z,leak.press-1,'=cmd|' /C calc'!A0,"a ""quoted"", word",raised,normal,unacknowledged`,
		);
	});

	it("comes compressed to who takes it so", async () => {
		const items = Array.from({ length: 100 }, (_, i) => alarmLine(i + 1));
		flow = (_req, res) => res.jsonp?.({ items });
		const { request } = await import("node:http");
		const raw = (encoding: string) =>
			new Promise<{ name: unknown; body: Buffer }>((resolve) => {
				const headers = { authorization, "accept-encoding": encoding };
				request(`${served.base}/api/v1/alarms/x/journal`, { headers }, (res) => {
					const chunks: Buffer[] = [];
					res.on("data", (chunk: Buffer) => chunks.push(chunk));
					res.on("end", () => resolve({ name: res.headers["content-encoding"], body: Buffer.concat(chunks) }));
				}).end();
			});
		const whole = JSON.stringify({ items });
		for (const [encoding, name, open] of [
			["gzip, br", "br", brotliDecompressSync],
			["br;q=0.1, gzip", "gzip", gunzipSync],
			["identity", undefined, (body: Buffer) => body],
		] as const) {
			const answer = await raw(encoding);
			assert.deepEqual([answer.name, String(open(answer.body)) === whole], [name, true]);
			assert(name === undefined || answer.body.length < whole.length / 5);
		}
	});

	it("has a tag where it changes slowly, and is not sent twice", async () => {
		let created = 1;
		flow = (_req, res) => res.jsonp?.({ items: [], created: created++ });
		const first = await ask("/api/v1/models");
		const etag = first.headers.get("etag") ?? "";
		assert.match(etag, /^W\/"/);
		assert.equal(first.headers.get("cache-control"), "private, no-cache");
		const again = await ask("/api/v1/models", { headers: { "if-none-match": `"other", ${etag}` } });
		assert.deepEqual([again.status, await again.text(), again.headers.get("etag")], [304, "", etag]);
	});

	describe("to an order with a key", () => {
		const order = { task: "anomaly", machine: "cnc-1" };
		const train = (key: string, body: unknown = order) =>
			post("/api/v1/models/train", body, { "idempotency-key": key });
		beforeEach(() => {
			worked = 0;
			flow = (_req, res) => {
				worked++;
				res.statusCode = 202;
				res.setHeader("location", "/api/v1/jobs/1");
				res.jsonp?.(job);
			};
		});

		it("is the first one again, also after a restart, and the work is done once", async () => {
			const first = await train("order-1");
			const again = await train("order-1", { machine: "cnc-1", task: "anomaly" });
			assert.deepEqual([first.status, again.status, worked], [202, 202, 1]);
			assert.deepEqual(await again.json(), await first.json());
			assert.deepEqual(
				[first, again].map(({ headers }) => [headers.get("location"), headers.get("idempotency-replayed")]),
				[
					["/api/v1/jobs/1", null],
					["/api/v1/jobs/1", "true"],
				],
			);
			const other = await serve({ home, validateResponses: true }, (...given: Parameters<Flow>) => flow(...given));
			const third = await fetch(`${other.base}/api/v1/models/train`, {
				method: "POST",
				headers: { authorization, "content-type": "application/json", "idempotency-key": "order-1" },
				body: JSON.stringify(order),
			});
			await third.text();
			await other.stop();
			assert.deepEqual([third.status, worked], [202, 1]);
		});

		it("makes a user or an API key once, and keeps neither password nor key", async () => {
			const key = { "idempotency-key": "people-1" };
			const user = { name: "once", password: "for the first time only", role: "viewer" };
			const [made, again] = [
				await post("/api/v1/users", user, key),
				await post("/api/v1/users", { ...user, password: "another password" }, key),
			];
			assert.deepEqual([made.status, again.status], [201, 201]);
			assert.equal(again.headers.get("idempotency-replayed"), "true");
			assert.deepEqual(await again.json(), await made.json());
			const other = await post("/api/v1/users", { ...user, role: "operator" }, key);
			assert.equal(((await other.json()) as { title: string }).title, "api.idempotency-reused");

			const order = { name: "gateway", role: "operator" };
			const first = await post("/api/v1/api-keys", order, { "idempotency-key": "keys-1" });
			assert.equal(first.status, 201);
			const { key: secret, id } = (await first.json()) as { key: string; id: string };
			const second = await post("/api/v1/api-keys", order, { "idempotency-key": "keys-1" });
			const { title, detail } = (await second.json()) as { title: string; detail: string };
			assert.deepEqual([second.status, title], [409, "api.idempotency-secret"]);
			assert(detail.includes(`/api/v1/api-keys/${id}`), detail);
			const kept = readdirSync(join(home, "idempotency")).map((name) =>
				readFileSync(join(home, "idempotency", name), "utf8"),
			);
			assert(!kept.join("").includes(secret.slice(-20)) && !/first time only|another password/.test(kept.join("")));
		});

		it("refuses another order under the same key", async () => {
			await train("order-2");
			const other = await train("order-2", { ...order, machine: "cnc-2" });
			assert.equal(other.status, 422);
			assert.equal(((await other.json()) as { title: string }).title, "api.idempotency-reused");
			assert.equal((await train("not a key\u007f".slice(0, 9))).status, 400);
		});

		it("is worked on once when it comes twice at the same time", async () => {
			const answers = await Promise.all(Array.from({ length: 8 }, () => train("order-3")));
			const statuses = answers.map(({ status }) => status);
			assert.equal(worked, 1);
			for (const status of statuses) assert(status === 202 || status === 409, String(status));
		});

		it("leaves the key free where nothing was done", async () => {
			const refuse: Flow = (_req, res) => {
				res.writeHead(422, { "content-type": "application/problem+json" });
				res.end(JSON.stringify({ type: "/api/docs/problems#x", title: "x", status: 422, detail: "x" }));
			};
			const accept = flow;
			flow = refuse;
			assert.equal((await train("order-4")).status, 422);
			flow = accept;
			assert.equal((await train("order-4", { ...order, machine: "cnc-3" })).status, 202);
		});

		it("is kept under a name that tells nothing", () => {
			for (const name of readdirSync(join(home, "idempotency"))) assert.match(name, /^[0-9a-f]{64}\.json$/);
		});
	});
});
