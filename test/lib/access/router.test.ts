import assert from "node:assert/strict";
import { cookieFrom, password, type Served, serve, signIn, tokenFrom } from "./harness.ts";

interface Echo {
	access: { user: string | null; role: string | null; language: string; requestId: string };
	query: Record<string, unknown>;
}

describe("the router in front of flows", () => {
	let served: Served;
	let nowMs = Date.now();
	before(async () => {
		served = await serve({ now: () => nowMs, sessionMs: 3_600_000 });
		await served.access.users.add("viewer-lee", "viewer", password);
	});
	after(() => served.close());

	const get = (path: string, headers: Record<string, string> = {}) =>
		fetch(served.base + path, { headers, redirect: "manual" });
	const bearer = async (more: Record<string, unknown> = {}) => {
		const { accessToken } = (await (await signIn(served.base, more)).json()) as { accessToken: string };
		return { authorization: `Bearer ${accessToken}` };
	};

	it("signs in with a short token and one to refresh it, and a cookie only where it was asked for", async () => {
		const plain = await signIn(served.base);
		assert.equal(plain.headers.getSetCookie().length, 0);
		const { accessToken, refreshToken, ...rest } = (await plain.json()) as Record<string, unknown>;
		for (const token of [accessToken, refreshToken]) assert.match(String(token), /^eyJ/);
		assert.deepEqual(rest, {
			tokenType: "Bearer",
			expiresIn: 900,
			refreshExpiresIn: 604_800,
			user: "admin",
			role: "admin",
			sites: {},
			mustChangePassword: false,
		});
		const [cookie] = (await signIn(served.base, { session: true })).headers.getSetCookie();
		assert.match(cookie ?? "", /^smartfactory_session=eyJ[^;]+; Path=\/; Max-Age=3600; HttpOnly; SameSite=Lax$/);
	});

	it("takes a cookie for no token and a token for no cookie", async () => {
		const token = await tokenFrom(served.base);
		const cookie = (await cookieFrom(served.base)).split("=")[1] ?? "";
		assert.equal((await get("/api/v1/data/sensors", { authorization: `Bearer ${cookie}` })).status, 401);
		assert.equal((await get("/api/v1/data/sensors", { cookie: `smartfactory_session=${token}` })).status, 401);
	});

	it("tells flows who asks, in which language, and the request's id", async () => {
		const headers = { ...(await bearer()), "accept-language": "ko", "x-request-id": "line-7.42" };
		const answer = await get("/own", headers);
		assert.equal(answer.headers.get("x-request-id"), "line-7.42");
		const { access } = (await answer.json()) as Echo;
		assert.deepEqual(access, { user: "admin", role: "admin", sites: {}, language: "ko", requestId: "line-7.42" });
		const strange = await get("/own", { ...headers, "x-request-id": "<script>" });
		assert.match(strange.headers.get("x-request-id") ?? "", /^[0-9a-f-]{36}$/);
	});

	it("answers health to anyone and knows those who are signed in", async () => {
		assert.equal(((await (await get("/health")).json()) as Echo).access.user, null);
		assert.equal(((await (await get("/health", await bearer())).json()) as Echo).access.user, "admin");
	});

	it("gives flows numbers where the contract says so, and its defaults", async () => {
		const { query } = (await (await get("/api/v1/data/sensors?limit=5", await bearer())).json()) as Echo;
		assert.equal(query.limit, 5);
		assert.equal(query.resolution, "15min");
	});

	it("names the field and the rule that a request breaks, in the caller's language", async () => {
		const headers = { ...(await bearer()), "content-type": "application/json" };
		const detail = async (path: string, language: string, body?: string) => {
			const init = body === undefined ? {} : { method: "POST", body };
			const answer = await fetch(served.base + path, { ...init, headers: { ...headers, "accept-language": language } });
			assert.equal(answer.status, 400);
			return ((await answer.json()) as { detail: string }).detail;
		};
		assert.match(await detail("/api/v1/data/sensors", "en", '[{"a":1},7]'), /\/body\/1 must be object/);
		assert.match(await detail("/api/v1/data/sensors?limit=0", "ko"), /\/query\/limit: 1 이상이어야 합니다/);
		assert.match(await detail("/api/v1/data/sensors?limt=5", "ko"), /알 수 없는 매개변수 'limt'/);
		assert.match(await detail("/api/v1/auth/login", "ko", "{}"), /'username' 항목이 필요합니다/);
		const resolution = await detail("/api/v1/data/sensors?resolution=week", "ko");
		assert.match(resolution, /다음 중 하나여야 합니다: raw, 15min, hour, day, month/);
	});

	it("lets a viewer read and an operator send", async () => {
		const headers = { ...(await bearer({ username: "viewer-lee" })), "content-type": "application/json" };
		assert.equal((await get("/api/v1/data/sensors", headers)).status, 200);
		const answer = await fetch(`${served.base}/api/v1/data/sensors`, { method: "POST", headers, body: '[{"a":1}]' });
		assert.equal(answer.status, 403);
		assert.equal(((await answer.json()) as { title: string }).title, "access.forbidden");
	});

	it("refuses a post that a page of another site sends with the visitor's cookie", async () => {
		const cookie = await cookieFrom(served.base);
		const post = (origin: string) =>
			fetch(`${served.base}/api/v1/auth/logout`, { method: "POST", headers: { cookie, origin } });
		assert.equal((await post("https://evil.example")).status, 403);
		assert.equal((await post(served.base)).status, 204);
	});

	it("tells of an answer that breaks the contract, and writes it to the log", async () => {
		const holder = globalThis as { answer?: unknown };
		holder.answer = { items: [{ machine: "furnace-1" }] };
		const answer = await get("/api/v1/data/quarantine", await bearer());
		delete holder.answer;
		assert.equal(answer.status, 500);
		assert.equal(((await answer.json()) as { title: string }).title, "access.response-invalid");
		assert.match(served.logged.at(-1) ?? "", /GET \/api\/v1\/data\/quarantine: access\.response-invalid/);
	});

	it("renews a session in use and ends one that is left alone", async () => {
		const cookie = await cookieFrom(served.base);
		assert.equal((await get("/own", { cookie })).headers.getSetCookie().length, 0);
		nowMs += 40 * 60_000;
		const [renewed] = (await get("/own", { cookie })).headers.getSetCookie();
		nowMs += 40 * 60_000;
		assert.equal((await get("/own", { cookie })).status, 401);
		assert.equal((await get("/own", { cookie: renewed?.split(";")[0] ?? "" })).status, 200);
	});

	it("sends safety headers with everything", async () => {
		for (const path of ["/login", "/health", "/own"]) {
			const { headers } = await get(path);
			assert.equal(headers.get("x-content-type-options"), "nosniff", path);
			assert.equal(headers.get("x-frame-options"), "SAMEORIGIN", path);
		}
		assert.match((await get("/login")).headers.get("content-security-policy") ?? "", /^default-src 'none'/);
	});

	describe("on its sign-in page", () => {
		const post = (fields: Record<string, string>, headers: Record<string, string> = { origin: served.base }) =>
			fetch(`${served.base}/login`, { method: "POST", headers, body: new URLSearchParams(fields), redirect: "manual" });

		it("leads a person where they wanted to go", async () => {
			const answer = await post({ username: "admin", password, next: "/dashboard/now?x=1" });
			assert.equal(answer.status, 303);
			assert.equal(answer.headers.get("location"), "/dashboard/now?x=1");
			assert.match(answer.headers.getSetCookie()[0] ?? "", /HttpOnly/);
		});

		it("keeps name, language and target when the password is wrong", async () => {
			const answer = await post({ username: "kim", password: "wrong", next: "/editor/", lang: "ko" });
			assert.equal(answer.status, 401);
			const html = await answer.text();
			assert.match(html, /비밀번호가 맞지 않습니다/);
			assert.match(html, /value="kim"/);
			assert.match(html, /name="next" value="\/editor\/"/);
			assert.doesNotMatch(html, /wrong/);
		});

		it("signs nobody in for a page of another site", async () => {
			const answer = await post({ username: "admin", password }, { origin: "https://evil.example" });
			assert.equal(answer.status, 403);
			assert.equal(answer.headers.getSetCookie().length, 0);
		});

		it("passes on who is signed in already", async () => {
			const answer = await get("/login?next=/editor/", { cookie: await cookieFrom(served.base) });
			assert.equal(answer.status, 303);
			assert.equal(answer.headers.get("location"), "/editor/");
		});

		it("closes for a while after five wrong attempts, for the right password too", async () => {
			for (let attempt = 0; attempt < 5; attempt++) await post({ username: "park", password: "wrong" });
			const answer = await post({ username: "park", password: "wrong" });
			assert.equal(answer.status, 429);
			assert.equal(answer.headers.get("retry-after"), "2");
			assert.match(await answer.text(), /data-seconds="2"/);
			nowMs += 2_000;
			assert.equal((await post({ username: "park", password: "wrong" })).status, 401);
			assert.equal((await post({ username: "park", password: "wrong" })).headers.get("retry-after"), "4");
		});
	});
});

describe("limits of requests", () => {
	it("slow a caller down, and tell for how long", async () => {
		const served = await serve({ apiPerMinute: 3, now: () => Date.parse("2026-11-22T01:00:00Z") });
		try {
			const headers = { authorization: `Bearer ${await tokenFrom(served.base)}` };
			const statuses: number[] = [];
			let last: Response | undefined;
			for (let call = 0; call < 4; call++) {
				last = await fetch(`${served.base}/api/v1/data/sensors`, { headers });
				statuses.push(last.status);
			}
			assert.deepEqual(statuses, [200, 200, 200, 429]);
			assert(Number(last?.headers.get("retry-after")) >= 1);
		} finally {
			await served.close();
		}
	});
});

describe("a router below another root", () => {
	it("keeps its paths together", async () => {
		const served = await serve({ httpNodeRoot: "/plant/" });
		try {
			const answer = await fetch(`${served.base}/editor/`, { headers: { accept: "text/html" }, redirect: "manual" });
			assert.equal(answer.headers.get("location"), "/plant/login?next=%2Feditor%2F");
		} finally {
			await served.close();
		}
	});
});
