import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { addSink, jsonLine, type Line, log, plainLine } from "../../../lib/log/log.ts";
import { nodeRedHandler, openLogFile } from "../../../lib/log/log-file.ts";
import { mask, maskText } from "../../../lib/log/mask.ts";
import { RotatingFile } from "../../../lib/log/rotating-file.ts";
import { inScope } from "../../../lib/log/scope.ts";

describe("the log", () => {
	let folder: string;
	beforeEach(() => {
		folder = mkdtempSync(join(tmpdir(), "smart-energy-log-"));
	});
	afterEach(() => rmSync(folder, { recursive: true, force: true }));
	const collect = (work: () => void): Line[] => {
		const lines: Line[] = [];
		const stop = addSink((line) => lines.push(line));
		work();
		stop();
		return lines;
	};

	it("is found with grep: by level, by who says it, and by request", () => {
		const stop = openLogFile({ home: folder, mode: "full", level: "info", format: "plain", maxMb: 1, files: 3 });
		inScope({ requestId: "line-7" }, () =>
			log("error", "api.requests", "POST /api/v1/models/train 500", { ms: 3, user: "lee" }),
		);
		log("debug", "api", "not kept");
		const handler = nodeRedHandler();
		handler({ level: 30, type: "energy-store", id: "n1", name: "write", msg: "The disk is nearly full." });
		handler({ level: 20, msg: new TypeError("undefined is no function") });
		stop();
		const text = readFileSync(join(folder, "logs", "smartfactory.log"), "utf8");
		const grep = (word: string): string[] => text.split("\n").filter((line) => line.includes(word));
		assert.match(
			grep("ERROR api.requests")[0] ?? "",
			/^\d{4}-.*Z ERROR api\.requests POST .* ms=3 user=lee request=line-7$/,
		);
		assert.match(grep("WARN ")[0] ?? "", /node\.energy-store The disk is nearly full\. node=write$/);
		assert.match(grep("ERROR node-red")[0] ?? "", /TypeError: undefined is no function/);
		assert.deepEqual(grep("not kept"), []);
		assert.equal(statSync(join(folder, "logs", "smartfactory.log")).mode & 0o077, 0);
	});

	it("keeps the request's id through whatever is waited for", async () => {
		const lines: Line[] = [];
		const stop = addSink((line) => lines.push(line));
		await inScope({ requestId: "line-8" }, async () => {
			await new Promise((resolve) => setImmediate(resolve));
			log("info", "node.test", "later");
		});
		log("info", "node.test", "outside");
		stop();
		assert.deepEqual(
			lines.map(({ requestId }) => requestId),
			["line-8", undefined],
		);
	});

	it("turns into JSON, one object a line", () => {
		const [line] = collect(() => log("warn", "api", 'a "quoted"\nword', { requestId: "r", count: 2 }));
		assert(line);
		const { time, ...rest } = JSON.parse(jsonLine(line)) as Record<string, unknown>;
		assert.equal(time, new Date(line.timeMs).toISOString());
		assert.deepEqual(rest, { level: "warn", logger: "api", text: 'a "quoted"\nword', requestId: "r", count: 2 });
	});

	it("lets nothing that is quoted begin a line or move a cursor", () => {
		const pieces = fc.constantFrom("a", "전력", "\n", "\r\n", "\r", "\x00", "\x1b[2J", "\x7f", "\x9b", "\t", " ERROR ");
		fc.assert(
			fc.property(fc.array(pieces), (parts) => {
				const text = parts.join("");
				const lines = plainLine({ timeMs: 0, level: "info", logger: "api", text }).split("\n");
				assert.equal(lines.pop(), "");
				assert(lines[0]?.startsWith("1970-01-01T00:00:00.000Z INFO  api "));
				for (const line of lines.slice(1)) assert(line.startsWith("\t"));
				// biome-ignore lint/suspicious/noControlCharactersInRegex: that none of them is left is the point
				for (const line of lines) assert.doesNotMatch(line, /[\x00-\x08\x0b-\x1f\x7f-\x9f]/);
			}),
		);
	});

	it("holds no secret, wherever it stands", () => {
		const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZG1pbiJ9.c2lnbmF0dXJl";
		for (const text of [
			`Authorization: Bearer ${jwt}`,
			`cookie smartfactory_session=${jwt}; Path=/`,
			'{"username":"lee","password":"hush-hush"}',
			"connecting to mqtt://lee:hush-hush@broker:1883",
			"postgresql://lee:hush-hush@db/energy",
			"api_key=hush-hush&x=1",
		]) {
			const masked = maskText(text);
			assert.doesNotMatch(masked, /hush-hush|eyJ/, text);
			assert.match(masked, /\*\*\*/);
		}
		assert.deepEqual(mask({ user: "lee", newPassword: "hush-hush", deep: [{ accessToken: jwt, ms: 3 }] }), {
			user: "lee",
			newPassword: "***",
			deep: [{ accessToken: "***", ms: 3 }],
		});
		const [line] = collect(() => log("info", "api", "signed in", { authorization: `Basic ${jwt}` }));
		assert.deepEqual(line?.fields, { authorization: "***" });
	});

	it("rotates by size, keeps so many files, and cuts no line", () => {
		const path = join(folder, "x.log");
		const file = new RotatingFile(path, { maxBytes: 1_000, files: 3 });
		for (let i = 0; i < 200; i++) {
			file.write(`${String(i).padStart(4, "0")} ${"전력".repeat(5)}\n`);
			if (i % 7 === 0) file.flush();
		}
		file.close();
		assert.deepEqual(readdirSync(folder).toSorted(), ["x.log", "x.log.1", "x.log.2"]);
		const numbers = ["x.log.2", "x.log.1", "x.log"].flatMap((name) => {
			const text = readFileSync(join(folder, name), "utf8");
			assert(Buffer.byteLength(text) <= 1_000, name);
			assert(text.endsWith("\n"));
			return text
				.trimEnd()
				.split("\n")
				.map((line) => Number(line.slice(0, 4)));
		});
		assert.equal(numbers.at(-1), 199);
		for (const [i, number] of numbers.entries()) if (i > 0) assert.equal(number, (numbers[i - 1] ?? 0) + 1);
	});

	it("goes on in the file of before, and tells once that it cannot", () => {
		const path = join(folder, "y.log");
		for (const text of ["one\n", "two\n"]) {
			const file = new RotatingFile(path, { maxBytes: 1_000, files: 2 });
			file.write(text, true);
			file.close();
		}
		assert.equal(readFileSync(path, "utf8"), "one\ntwo\n");
		let failed = 0;
		// A file where a folder has to be.
		const lost = new RotatingFile(join(path, "z.log"), { maxBytes: 1_000, files: 2, failed: () => failed++ });
		for (let i = 0; i < 3; i++) lost.write("x\n", true);
		lost.close();
		assert.equal(failed, 1);
	});
});
