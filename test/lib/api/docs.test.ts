import assert from "node:assert/strict";
import { knownProblems } from "../../../lib/messages.ts";
import { type Served, serve } from "../access/harness.ts";

describe("the documentation", () => {
	let served: Served;
	before(async () => {
		served = await serve();
	});
	after(() => served.close());
	const get = (path: string, headers: Record<string, string> = {}) =>
		fetch(served.base + path, { headers, redirect: "manual" });

	it("answers to anyone, with everything that it loads, under a policy without exceptions", async () => {
		for (const [path, type] of [
			["/api/docs", "text/html"],
			["/api/docs/page.js", "text/javascript"],
			["/api/docs/page.css", "text/css"],
			["/api/docs/openapi.json", "application/json"],
			["/api/docs/openapi.ko.json", "application/json"],
			["/api/docs/openapi.yaml", "application/yaml"],
			["/api/docs/asyncapi.yaml", "application/yaml"],
			["/api/docs/problems", "text/html"],
		] as const) {
			const answer = await get(path);
			const text = await answer.text();
			assert.equal(answer.status, 200, path);
			assert(answer.headers.get("content-type")?.startsWith(type), path);
			const policy = answer.headers.get("content-security-policy") ?? "";
			assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'/);
			assert.doesNotMatch(policy, /unsafe|\*/);
			// Nothing comes from elsewhere.
			if (!path.endsWith("yaml") && !path.endsWith("json")) {
				assert.doesNotMatch(text, /(?:src|href)="https?:|@import|url\(http/, path);
			}
			const again = await get(path, { "if-none-match": answer.headers.get("etag") ?? "" });
			assert.equal(again.status, 304, path);
		}
		assert.equal((await get("/api/docs/")).headers.get("location"), "/api/docs");
		for (const path of ["/api/docs/../v1/models", "/api/docs/page.ts", "/api/docs/%2e%2e/v1/models"]) {
			assert.equal((await get(path)).status, 401, path);
		}
		assert.equal((await fetch(`${served.base}/api/docs`, { method: "POST" })).status, 405);
	});

	it("explains every code in both languages, where the type of a problem leads", async () => {
		const { type } = (await (await get("/api/v1/models")).json()) as { type: string };
		assert.equal(type, "/api/docs/problems#access.unauthenticated");
		for (const language of ["en", "ko"] as const) {
			const page = await (await get(`/api/docs/problems?lang=${language}`)).text();
			for (const { code } of knownProblems()) assert(page.includes(`id="${code}"`), code);
			assert.match(page, language === "ko" ? /로그인하지 않았습니다/ : /Nobody is signed in/);
		}
	});

	it("stays small: what the page loads fits into 60 kB", async () => {
		const paths = ["/api/docs", "/api/docs/page.css", "/api/docs/page.js"];
		const sizes = await Promise.all(paths.map(async (path) => (await (await get(path)).arrayBuffer()).byteLength));
		assert(sizes.reduce((sum, size) => sum + size, 0) < 60_000, sizes.join(" + "));
	});
});
