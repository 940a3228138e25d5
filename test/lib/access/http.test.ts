import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import fc from "fast-check";
import { addressOf, cookieOf, isSameOrigin, isSecure, safeNext } from "../../../lib/access/http.ts";
import { renderLoginPage } from "../../../lib/access/login-page.ts";
import { EnergyError } from "../../../lib/errors.ts";

const asked = (headers: Record<string, string>, encrypted = false) =>
	({ headers, socket: { remoteAddress: "10.0.0.9", encrypted } }) as unknown as IncomingMessage;

describe("where a sign-in leads", () => {
	it("is the page that was asked for", () => {
		for (const next of ["/dashboard/now", "/dashboard/now?machine=furnace-1&from=a#top", "/editor/"]) {
			assert.equal(safeNext(next, "/dashboard"), next);
		}
	});

	it("is the home page for anything that is no page of this server", () => {
		const elsewhere = [
			...[
				"//evil.example",
				"/\\evil.example",
				"https://evil.example/",
				"javascript:alert(1)",
				"dashboard",
				"",
				"/.//evil",
			],
			...[
				"/a/..//evil.example",
				"/%2e//evil.example",
				"/\t/evil.example",
				"/ok\r\nSet-Cookie: a=b",
				"/login",
				"/login?next=/",
			],
		];
		for (const next of [...elsewhere, null, undefined, `/${"a".repeat(3000)}`]) {
			assert.equal(safeNext(next, "/dashboard"), "/dashboard", String(next));
		}
	});

	it("never is another server, whatever comes", () => {
		const pieces = fc.constantFrom(
			"/",
			"//",
			"\\",
			".",
			"..",
			"%2f",
			"%5c",
			"%2e",
			"evil.example",
			"@",
			":",
			"?",
			"#",
			"a",
		);
		fc.assert(
			fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
				const next = safeNext(parts.join(""), "/dashboard");
				assert.equal(new URL(next, "http://plant.local").host, "plant.local");
			}),
			{ numRuns: 2_000 },
		);
	});
});

describe("what a request says of itself", () => {
	it("its cookie, among others", () => {
		assert.equal(cookieOf("a=1; smartfactory_session=x=y ; b=2", "smartfactory_session"), "x=y");
		assert.equal(cookieOf("not_smartfactory_session=1", "smartfactory_session"), undefined);
		assert.equal(cookieOf(undefined, "smartfactory_session"), undefined);
	});

	it("its origin: this server's pages and programs, no other site", () => {
		const host = "plant.local:8000";
		const same = (headers: Record<string, string>, proxy = false) =>
			isSameOrigin({ headers: { host, ...headers } }, proxy);
		assert(same({}));
		assert(same({ origin: "http://plant.local:8000" }));
		assert(same({ "sec-fetch-site": "same-origin" }));
		for (const origin of ["http://plant.local", "http://plant.local:8001", "https://evil.example", "null", "x"]) {
			assert.equal(same({ origin }), false, origin);
		}
		assert.equal(same({ "sec-fetch-site": "cross-site" }), false);
		const forwarded = { origin: "https://energy.example", "x-forwarded-host": "energy.example" };
		assert.equal(same(forwarded), false);
		assert(same(forwarded, true));
	});

	it("its address and protocol, and what a proxy adds only where one is trusted", () => {
		const request = asked({ "x-forwarded-for": "6.6.6.6, 192.168.0.7", "x-forwarded-proto": "https" });
		assert.equal(addressOf(request, false), "10.0.0.9");
		assert.equal(addressOf(request, true), "192.168.0.7");
		assert.equal(isSecure(request, false), false);
		assert.equal(isSecure(request, true), true);
		assert.equal(isSecure(asked({}, true), false), true);
	});
});

describe("the sign-in page", () => {
	const page = { language: "en-US", base: "", next: "/dashboard" } as const;

	it("shows nothing of the visitor's as markup", () => {
		const html = renderLoginPage({ ...page, name: '"><script>alert(1)</script>', next: '/"onload="x' });
		assert.doesNotMatch(html, /<script>alert|"onload=/);
		assert.doesNotMatch(html, /\{\{/);
	});

	it("speaks both languages and keeps where to go in each", () => {
		assert.match(renderLoginPage(page), /Sign in/);
		const korean = renderLoginPage({ ...page, language: "ko", next: "/dashboard/now?a=b" });
		assert.match(korean, /<html lang="ko">[\s\S]*로그인[\s\S]*비밀번호/);
		assert.match(korean, /href="\/login\?lang=en&amp;next=%2Fdashboard%2Fnow%3Fa%3Db"/);
	});

	it("says what was wrong, and for how long one has to wait", () => {
		const html = renderLoginPage({ ...page, error: new EnergyError("access.locked", { seconds: 32 }) });
		assert.match(html, /role="alert"[^>]*data-seconds="32"[^>]*>Too many wrong attempts\. Sign-in is closed for 32 s/);
	});
});
