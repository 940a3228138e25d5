import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import fc from "fast-check";
import { addressOf, networkOf, proxiesFrom } from "../../../lib/access/addresses.ts";
import { cookieOf, isSameOrigin, isSecure, safeNext } from "../../../lib/access/http.ts";
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
			isSameOrigin({ headers: { host, ...headers } }, proxiesFrom(proxy));
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
		for (const [trusted, address, secure] of [
			[false, "10.0.0.9", false],
			[undefined, "10.0.0.9", false],
			["10.0.0.8, 192.168.0.0/16", "10.0.0.9", false],
			[true, "192.168.0.7", true],
			["10.0.0.0/8", "192.168.0.7", true],
			["10.0.0.9, 192.168.0.0/16", "6.6.6.6", true],
			["0.0.0.0/0, ::/0", "6.6.6.6", true],
		] as const) {
			const proxies = proxiesFrom(trusted);
			assert.deepEqual([addressOf(request, proxies), isSecure(request, proxies)], [address, secure], String(trusted));
		}
		assert.equal(isSecure(asked({}, true), proxiesFrom(false)), true);
	});

	it("its address, as proxies write it, and no text that is none", () => {
		const behind = (from: string): string =>
			addressOf(
				{ headers: { "x-forwarded-for": from }, socket: { remoteAddress: "::ffff:10.0.0.9" } },
				proxiesFrom("10.0.0.9"),
			);
		assert.equal(behind("192.168.0.7:51234"), "192.168.0.7");
		assert.equal(behind("[2001:DB8::7]:443"), "2001:db8::7");
		assert.equal(behind("::ffff:c0a8:7"), "192.168.0.7");
		assert.equal(behind("unknown"), "10.0.0.9");
		assert.equal(behind("6.6.6.6, <script>"), "10.0.0.9");
		assert.equal(addressOf({ headers: {} }, proxiesFrom(true)), "unknown");
	});

	it("what its limits count: IPv4 by address, IPv6 by the network that one subscriber has", () => {
		assert.equal(networkOf("192.168.0.7"), "192.168.0.7");
		assert.equal(networkOf("2001:db8:0:7::1"), "2001:db8:0:7::/64");
		assert.equal(networkOf("2001:db8:0:7:aaaa:bbbb:cccc:dddd"), "2001:db8:0:7::/64");
		assert.notEqual(networkOf("2001:db8:0:8::1"), networkOf("2001:db8:0:7::1"));
		assert.equal(networkOf("::1"), "0:0:0:0::/64");
		assert.equal(networkOf("fe80::1.2.3.4"), "fe80:0:0:0::/64");
		assert.equal(networkOf("unknown"), "unknown");
		fc.assert(
			fc.property(fc.ipV6(), (address) => {
				assert.match(networkOf(address), /^([\da-f]{1,4}:){4}:\/64$/);
			}),
		);
	});

	it("no proxy that is no address", () => {
		for (const wrong of ["yes", "10.0.0.0/33", "10.0.0.5,", "fd00::/129", "10.0.0.5/8/8", "plant.local"]) {
			assert.throws(() => proxiesFrom(wrong), { code: "access.proxy-invalid" }, wrong);
		}
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
