import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { AlarmBook } from "../../../lib/alarms/book.ts";
import { MOST_POSTS, Outbox } from "../../../lib/alarms/outbox.ts";
import { letterOf, Mailer, postWebhook, SinkError } from "../../../lib/alarms/sinks.ts";
import { wireAlarm } from "../../../lib/alarms/wire.ts";
import { MIN, S, signal, start } from "./signals.ts";

const post = (id: string, sink: "mail" | "webhook" = "webhook") => ({ id, sink, body: { id } });

describe("the outbox", () => {
	it("delivers each sink's posts in their order, one sink never waiting for another", () => {
		const box = new Outbox();
		box.add(post("a"), start);
		box.add(post("b"), start);
		box.add(post("c", "mail"), start);
		box.failed("a", start, false);
		assert.equal(box.due("webhook", start), undefined);
		assert.equal(box.due("mail", start)?.id, "c");
		box.delivered("a");
		assert.equal(box.due("webhook", start)?.id, "b");
	});

	it("tries again after pauses that double up to ten minutes, and gives up after a day", () => {
		const box = new Outbox();
		box.add(post("a"), start);
		const pauses: number[] = [];
		let nowMs = start;
		while (!box.failed("a", nowMs, false)) {
			const next = box.all()[0]?.nextMs ?? 0;
			pauses.push((next - nowMs) / S);
			nowMs = next;
		}
		assert.deepEqual(pauses.slice(0, 9), [5, 10, 20, 40, 80, 160, 320, 600, 600]);
		assert.ok(nowMs - start > 24 * 60 * MIN);
		assert.equal(box.size, 0);
	});

	it("gives up at once what is refused for good", () => {
		const box = new Outbox();
		box.add(post("a"), start);
		assert.equal(box.failed("a", start, true), true);
	});

	it("is bounded, and says what it gave up", () => {
		const box = new Outbox();
		for (let i = 0; i < MOST_POSTS; i++) assert.deepEqual(box.add(post(`p${i}`), start), []);
		assert.deepEqual(
			box.add(post("one more"), start).map(({ id }) => id),
			["p0"],
		);
	});

	it("does not wait for a clock that was put back to be there again", () => {
		const box = new Outbox();
		box.add(post("a"), start);
		box.failed("a", start, false);
		assert.equal(box.due("webhook", start - 24 * 60 * MIN)?.id, "a");
	});

	it("goes on after a restart", () => {
		const box = new Outbox();
		box.add(post("a"), start);
		box.failed("a", start, false);
		const again = new Outbox(JSON.parse(JSON.stringify(box.all())) as ReturnType<Outbox["all"]>);
		assert.equal(again.due("webhook", start + 4 * S), undefined);
		assert.equal(again.due("webhook", start + 5 * S)?.id, "a");
	});
});

describe("a webhook", () => {
	let server: Server;
	let url: string;
	let status = 200;
	let got: { headers: IncomingMessage["headers"]; body: string } | undefined;
	before((done) => {
		server = createServer((request, response) => {
			let body = "";
			request.setEncoding("utf8").on("data", (part: string) => {
				body += part;
			});
			request.on("end", () => {
				got = { headers: request.headers, body };
				response.writeHead(status).end();
			});
		}).listen(0, "127.0.0.1", () => {
			url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/alarms`;
			done();
		});
	});
	after((done) => {
		server.close(done);
	});

	it("carries the alarm, an id to tell repeats by, and a signature of its secret", async () => {
		status = 204;
		await postWebhook({ url, secret: "s3cret" }, "id-1", { alarm: "공기압축기" });
		assert.deepEqual(JSON.parse(got?.body ?? ""), { alarm: "공기압축기" });
		assert.equal(got?.headers["idempotency-key"], "id-1");
		const signature = createHmac("sha256", "s3cret")
			.update(got?.body ?? "")
			.digest("hex");
		assert.equal(got?.headers["x-smartfactory-signature"], `sha256=${signature}`);
	});

	for (const [answer, lasting] of [
		[503, false],
		[429, false],
		[302, false],
		[404, true],
	] as const) {
		it(`answered with ${answer} is ${lasting ? "given up" : "tried again"}`, async () => {
			status = answer;
			await assert.rejects(
				postWebhook({ url, secret: "" }, "id", {}),
				(error: SinkError) => error instanceof SinkError && error.lasting === lasting,
			);
		});
	}

	it("takes user and password of its address as a login, and never tells them", async () => {
		status = 200;
		const secret = url.replace("//", "//me:top%40secret@");
		await postWebhook({ url: secret, secret: "" }, "id", {});
		assert.equal(got?.headers.authorization, `Basic ${Buffer.from("me:top@secret").toString("base64")}`);
		for (const wrong of ["http://me:topsecret@127.0.0.1:1/", "http://me:topsecret@:bad/"]) {
			await assert.rejects(
				postWebhook({ url: wrong, secret: "" }, "id", {}),
				(error: SinkError) => error instanceof SinkError && !error.message.includes("topsecret"),
			);
		}
	});

	it("to nobody is tried again", async () => {
		await assert.rejects(postWebhook({ url: "http://127.0.0.1:1/", secret: "" }, "id", {}), { lasting: false });
	});
});

describe("a letter", () => {
	const alarm = () => {
		const book = new AlarmBook([], { priceAt: () => 150 });
		book.observe(signal({ excessKw: 20, priority: "high" }), start);
		const [one] = [...book.all()];
		assert.ok(one);
		return wireAlarm(one, "demo", book.running(one.id, start));
	};

	it("says in its subject what is wrong where, and in its text since when and what it costs", () => {
		const { subject, text } = letterOf(alarm(), "공기압축기 1호", "Asia/Seoul", "ko");
		assert.equal(subject, "[높음] 공기압축기 1호: 규칙의 조건에 해당합니다.");
		assert.match(text, /시간당 약 ₩3,000/);
		assert.match(text, /2026\. 11\. 22\. 오전 10:00:00/);
	});

	it("has a subject of one line", () => {
		assert.doesNotMatch(letterOf(alarm(), "press\r\nBcc: everybody@x", "Asia/Seoul", "en-US").subject, /[\r\n]/);
	});

	it("that no server takes is tried again", async () => {
		const server = { host: "127.0.0.1", port: 1, secure: false, user: "", password: "", from: "a@x", to: "b@x" };
		const mailer = new Mailer(server);
		await assert.rejects(mailer.send({ subject: "s", text: "t" }), { lasting: false });
		mailer.close();
	});
});
