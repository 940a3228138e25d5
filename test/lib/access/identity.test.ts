import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { addKey } from "../../../lib/access/answers.ts";
import { type Served, serve, signIn } from "./harness.ts";

interface Tokens {
	accessToken: string;
	refreshToken: string;
	mustChangePassword: boolean;
}
interface Problem {
	title: string;
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const titleOf = async (answer: Response) => ((await answer.json()) as Problem).title;
type Ask = (method: string, path: string, headers: Record<string, string>, body?: unknown) => Promise<Response>;
const askAt = (base: string, ...[method, path, headers, body]: Parameters<Ask>): Promise<Response> =>
	fetch(`${base}/api/v1${path}`, {
		method,
		headers: { ...headers, ...(body === undefined ? {} : { "content-type": "application/json" }) },
		...(body === undefined ? {} : { body: JSON.stringify(body) }),
	});

describe("who comes in", function () {
	this.timeout(60_000);
	let served: Served;
	let nowMs = Date.now();
	let admin: Record<string, string>;
	before(async () => {
		served = await serve({ now: () => nowMs, validateResponses: false });
		admin = { authorization: `Bearer ${(await tokens()).accessToken}` };
	});
	after(() => served.close());

	const tokens = async (more: object = {}) => (await (await signIn(served.base, { ...more })).json()) as Tokens;
	const ask: Ask = (...given) => askAt(served.base, ...given);
	const me = (headers: Record<string, string>) => ask("GET", "/auth/me", headers);

	describe("refreshes", () => {
		it("once with each refresh token, and by nothing else", async () => {
			const first = await tokens();
			const second = (await (await ask("POST", "/auth/refresh", {}, pick(first))).json()) as Tokens;
			assert.equal((await me(bearer(second.accessToken))).status, 200);
			assert.equal((await me(bearer(second.refreshToken))).status, 401);
			const wrong = await ask("POST", "/auth/refresh", {}, { refreshToken: second.accessToken });
			assert.equal(await titleOf(wrong), "access.token-invalid");
			const third = await ask("POST", "/auth/refresh", {}, { refreshToken: second.refreshToken });
			assert.equal(third.status, 200);
		});

		it("no more once a used one came again: the whole sign-in ends, another one goes on", async () => {
			const stolen = await tokens();
			const other = await tokens();
			const owners = (await (await ask("POST", "/auth/refresh", {}, pick(stolen))).json()) as Tokens;
			assert.equal(await titleOf(await ask("POST", "/auth/refresh", {}, pick(stolen))), "access.refresh-reused");
			assert.equal(await titleOf(await ask("POST", "/auth/refresh", {}, pick(owners))), "access.token-invalid");
			assert.equal((await me(bearer(owners.accessToken))).status, 401);
			assert.equal((await me(bearer(other.accessToken))).status, 200);
		});

		it("for one of two that come at once", async () => {
			const held = await tokens();
			const statuses = await Promise.all(
				[1, 2].map(async () => (await ask("POST", "/auth/refresh", {}, pick(held))).status),
			);
			assert.deepEqual(statuses.toSorted(), [200, 401]);
		});

		it("not after signing out, which ends the access token too", async () => {
			const held = await tokens();
			const headers = bearer(held.accessToken);
			assert.equal((await ask("POST", "/auth/logout", headers)).status, 204);
			assert.equal((await me(headers)).status, 401);
			assert.equal((await ask("POST", "/auth/refresh", {}, pick(held))).status, 401);
		});
	});

	describe("users", () => {
		const kim = { name: "kim", password: "for the first time", role: "viewer", sites: { gwangyang: "operator" } };

		it("are made by an admin with a password for the first time alone", async () => {
			const made = await ask("POST", "/users", admin, kim);
			assert.equal(made.status, 201);
			assert.equal(made.headers.get("location"), "/api/v1/users/kim");
			const { mustChangePassword, ...rest } = (await made.json()) as Record<string, unknown>;
			assert.equal(mustChangePassword, true);
			assert.deepEqual({ role: rest.role, sites: rest.sites }, { role: "viewer", sites: { gwangyang: "operator" } });
			assert.equal(await titleOf(await ask("POST", "/users", admin, kim)), "access.user-exists");
			assert.doesNotMatch(JSON.stringify(rest), /hash|salt|password/);
		});

		it("may do nothing before they have chosen their own", async () => {
			const first = await tokens({ username: "kim", password: kim.password });
			assert.equal(first.mustChangePassword, true);
			assert.equal(first.refreshToken, undefined);
			const headers = bearer(first.accessToken);
			assert.equal(await titleOf(await ask("GET", "/data/sensors", headers)), "access.password-change");
			const change = (next: string, current = kim.password) =>
				ask("POST", "/auth/password", headers, { current, next });
			assert.equal(await titleOf(await change("another password", "wrong")), "access.credentials-wrong");
			assert.equal(await titleOf(await change(kim.password)), "access.password-same");
			const changed = (await (await change("chosen by kim")).json()) as Tokens;
			assert.equal(changed.mustChangePassword, false);
			assert.equal((await ask("GET", "/data/sensors", bearer(changed.accessToken))).status, 200);
			assert.equal((await me(headers)).status, 401);
		});

		it("send at the site where they may, and at no other", async () => {
			const { accessToken } = await tokens({ username: "kim", password: "chosen by kim" });
			const post = (body: unknown) => ask("POST", "/data/sensors", bearer(accessToken), body);
			assert.equal((await post([{ site: "gwangyang", machine: "a" }])).status, 200);
			const refused = await post([{ site: "gwangyang" }, { site: "pohang" }]);
			assert.equal(refused.status, 403);
			assert.equal(await titleOf(refused), "access.site-forbidden");
			assert.equal((await ask("GET", "/data/sensors?site=pohang", bearer(accessToken))).status, 200);
			assert.equal((await ask("GET", "/users", bearer(accessToken))).status, 403);
		});

		it("lose their sign-ins with their rights", async () => {
			const { accessToken } = await tokens({ username: "kim", password: "chosen by kim" });
			const changed = await ask("PATCH", "/users/kim", admin, { role: null, sites: { pohang: "viewer" } });
			assert.equal(changed.status, 200);
			assert.equal((await me(bearer(accessToken))).status, 401);
			const again = bearer((await tokens({ username: "kim", password: "chosen by kim" })).accessToken);
			assert.equal((await ask("GET", "/data/sensors?site=gwangyang", again)).status, 403);
			assert.equal((await ask("GET", "/data/sensors?site=pohang", again)).status, 200);
		});

		it("are told what can't be", async () => {
			const attempts: [Response, string][] = [
				[await ask("PATCH", "/users/kim", admin, { role: null, sites: {} }), "access.no-right"],
				[await ask("PATCH", "/users/admin", admin, { role: "viewer" }), "access.last-admin"],
				[await ask("PATCH", "/users/admin", admin, { password: "another password" }), "access.password-own"],
				[await ask("DELETE", "/users/admin", admin), "access.last-admin"],
				[await ask("DELETE", "/users/nobody", admin), "access.user-unknown"],
				[await ask("POST", "/users", admin, { name: "lee", password: "short" }), "access.request-invalid"],
				[await ask("POST", "/users", admin, { ...kim, name: "__proto__" }), "access.user-name"],
			];
			for (const [answer, title] of attempts) assert.equal(await titleOf(answer), title);
		});

		it("are removed, and their sign-ins with them", async () => {
			const { accessToken } = await tokens({ username: "kim", password: "chosen by kim" });
			assert.equal((await ask("DELETE", "/users/kim", admin)).status, 204);
			assert.equal((await me(bearer(accessToken))).status, 401);
		});
	});

	describe("API keys", () => {
		const gateway = { name: "meter gateway", sites: { gwangyang: "operator" } };
		let key: string;
		let id: string;

		it("are shown once, and kept as nothing that opens anything", async () => {
			const made = await ask("POST", "/api-keys", admin, gateway);
			assert.equal(made.status, 201);
			({ key, id } = (await made.json()) as { key: string; id: string });
			assert(key.startsWith(`sfk_${id}_`));
			const listed = await (await ask("GET", "/api-keys", admin)).text();
			assert.match(listed, new RegExp(id));
			const secret = key.slice(-43);
			assert(!listed.includes(secret));
			assert(!readFileSync(join(served.home, "secrets", "api-keys.json"), "utf8").includes(secret));
		});

		it("open what their scope names, by either header, and say when they were last used", async () => {
			for (const headers of [bearer(key), { "x-api-key": key }]) {
				const { name } = (await (await me(headers)).json()) as { name: string };
				assert.equal(name, `key:${id}`);
				assert.equal((await ask("POST", "/data/sensors", headers, [{ site: "gwangyang" }])).status, 200);
				assert.equal((await ask("POST", "/data/sensors", headers, [{ site: "pohang" }])).status, 403);
			}
			const { items } = (await (await ask("GET", "/api-keys", admin)).json()) as { items: { lastUsedAt: string }[] };
			assert.equal(items[0]?.lastUsedAt, new Date(nowMs).toISOString());
		});

		it("make neither users nor keys, even where they may read both", async () => {
			const made = await ask("POST", "/api-keys", admin, { name: "reads all", role: "admin" });
			const { key: strong } = (await made.json()) as { key: string };
			assert.equal((await ask("GET", "/users", bearer(strong))).status, 200);
			assert.equal(await titleOf(await ask("POST", "/api-keys", bearer(strong), gateway)), "access.person-only");
			const disable = ask("PATCH", "/users/admin", bearer(strong), { disabled: true });
			assert.equal(await titleOf(await disable), "access.person-only");
			const lee = { name: "lee", password: "a long password", role: "viewer" };
			assert.equal(await titleOf(await ask("POST", "/users", bearer(strong), lee)), "access.person-only");
		});

		it("are refused with any sign changed, after their time, and once they were taken back", async () => {
			const last = key.at(-1) === "A" ? "B" : "A";
			for (const wrong of [`${key.slice(0, -1)}${last}`, "sfk_", `sfk_${id}_`, key.toUpperCase()]) {
				assert.equal((await me({ "x-api-key": wrong })).status, 401, wrong);
			}
			const grants = { role: "viewer" as const, sites: {} };
			const soon = addKey(served.access, "for a while", grants, "admin", nowMs + 1_000, nowMs).key;
			assert.equal((await me(bearer(soon))).status, 200);
			nowMs += 1_000;
			assert.equal(await titleOf(await me(bearer(soon))), "access.key-invalid");
			assert.equal((await ask("DELETE", `/api-keys/${id}`, admin)).status, 204);
			assert.equal((await me(bearer(key))).status, 401);
			assert.equal((await ask("DELETE", `/api-keys/${id}`, admin)).status, 404);
		});
	});

	it("is kept out for as long after a restart as before it", async () => {
		const guess = (base: string) => signIn(base, { username: "park", password: "wrong" });
		for (let attempt = 0; attempt < 5; attempt++) await guess(served.base);
		assert.equal((await guess(served.base)).status, 429);
		const restarted = await serve({ now: () => nowMs, home: served.home, keepHome: true });
		try {
			assert.equal((await guess(restarted.base)).status, 429);
		} finally {
			await restarted.close();
		}
		nowMs += 2_000;
	});

	it("chooses a password on the page that the first sign-in leads to", async () => {
		await served.access.users.add("choi", "operator", "for the first time", true);
		const form = (path: string, fields: Record<string, string>, headers: Record<string, string> = {}) =>
			fetch(served.base + path, {
				method: "POST",
				headers: { origin: served.base, ...headers },
				body: new URLSearchParams(fields),
				redirect: "manual",
			});
		const signedIn = await form("/login", { username: "choi", password: "for the first time", next: "/dashboard/now" });
		const page = signedIn.headers.get("location") ?? "";
		assert.equal(page, "/login/password?lang=en-US&next=%2Fdashboard%2Fnow");
		const cookie = (signedIn.headers.getSetCookie()[0] ?? "").split(";")[0] ?? "";
		const elsewhere = await fetch(`${served.base}/dashboard`, {
			headers: { cookie, accept: "text/html" },
			redirect: "manual",
		});
		assert.match(elsewhere.headers.get("location") ?? "", /^\/login\/password/);
		const html = await (await fetch(served.base + page, { headers: { cookie } })).text();
		assert.match(html, /chosen by somebody else/);
		const change = (fields: Record<string, string>, origin = served.base) =>
			form(
				"/login/password",
				{ password: "for the first time", next: "/dashboard/now", ...fields },
				{ cookie, origin },
			);
		assert.equal((await change({ new: "my own password", again: "my own passwort" })).status, 422);
		assert.equal(
			(await change({ new: "my own password", again: "my own password" }, "https://evil.example")).status,
			403,
		);
		const changed = await change({ new: "my own password", again: "my own password" });
		assert.equal(changed.headers.get("location"), "/dashboard/now");
		const own = (changed.headers.getSetCookie()[0] ?? "").split(";")[0] ?? "";
		assert.equal((await fetch(`${served.base}/own`, { headers: { cookie: own } })).status, 200);
		assert.equal((await fetch(`${served.base}/own`, { headers: { cookie } })).status, 401);
	});
});

describe("who manages users", function () {
	this.timeout(60_000);
	const nowMs = Date.now();
	let served: Served;
	let admin: Record<string, string>;
	before(async () => {
		served = await serve({ now: () => nowMs, validateResponses: true });
		admin = bearer((await tokens()).accessToken);
		await served.access.users.add("kim", "viewer", "chosen by kim");
	});
	after(() => served.close());

	const tokens = async (more: object = {}) => (await (await signIn(served.base, { ...more })).json()) as Tokens;
	const ask: Ask = (...given) => askAt(served.base, ...given);
	const me = (headers: Record<string, string>) => ask("GET", "/auth/me", headers);
	const listed = async (): Promise<Record<string, unknown>> => {
		const { items } = (await (await ask("GET", "/users", admin)).json()) as { items: Record<string, unknown>[] };
		return items.find(({ name }) => name === "kim") ?? {};
	};

	it("sees when they last came in, and whether they may", async () => {
		await tokens({ username: "kim", password: "chosen by kim" });
		const before = await listed();
		assert.deepEqual(
			[before.lastSignInAt, before.disabled, before.lockedUntil],
			[new Date(nowMs).toISOString(), false, null],
		);
	});

	it("switches one off with the sign-ins, who is told so once the password is right, and on again", async () => {
		const { accessToken } = await tokens({ username: "kim", password: "chosen by kim" });
		const off = await ask("PATCH", "/users/kim", admin, { disabled: true });
		assert.equal(((await off.json()) as { disabled: boolean }).disabled, true);
		assert.equal((await me(bearer(accessToken))).status, 401);
		const refused = await signIn(served.base, { username: "kim", password: "chosen by kim" });
		assert.deepEqual([refused.status, await titleOf(refused)], [403, "access.disabled"]);
		const guessed = await signIn(served.base, { username: "kim", password: "not the password" });
		assert.equal(await titleOf(guessed), "access.credentials-wrong");
		await ask("PATCH", "/users/kim", admin, { disabled: false });
		assert.equal((await signIn(served.base, { username: "kim", password: "chosen by kim" })).status, 200);
		const last = await ask("PATCH", "/users/admin", admin, { disabled: true });
		assert.equal(await titleOf(last), "access.last-admin");
	});

	it("sees who has to wait after wrong attempts, and lets them try again", async () => {
		for (let attempt = 0; attempt < 5; attempt++) await signIn(served.base, { username: "kim", password: "wrong" });
		const locked = async (): Promise<unknown> => (await listed()).lockedUntil;
		assert.ok(Date.parse(String(await locked())) > nowMs);
		assert.equal((await ask("DELETE", "/users/kim/lock", admin)).status, 204);
		assert.equal(await locked(), null);
		assert.equal((await signIn(served.base, { username: "kim", password: "chosen by kim" })).status, 200);
	});

	it("leaves to each where they are signed in: they see it, end the others, and keep the one they are at", async () => {
		await ask("DELETE", "/users/kim/sessions", admin);
		const kim = { username: "kim", password: "chosen by kim" };
		const [here, there, third] = [await tokens(kim), await tokens(kim), await tokens(kim)];
		const mine = bearer(here.accessToken);
		const list = async () => {
			const { items } = (await (await ask("GET", "/auth/sessions", mine)).json()) as {
				items: { id: string; kind: string; current: boolean }[];
			};
			return items;
		};
		const items = await list();
		assert.deepEqual([items.length, items.filter(({ current }) => current).length, items[0]?.kind], [3, 1, "program"]);
		assert.equal((await ask("DELETE", "/auth/sessions/none", mine)).status, 404);
		const other = items.find(({ current }) => !current)?.id ?? "";
		// Not by somebody else, whatever they may.
		assert.equal(await titleOf(await ask("DELETE", `/auth/sessions/${other}`, admin)), "access.session-unknown");
		assert.equal((await ask("DELETE", `/auth/sessions/${other}`, mine)).status, 204);
		assert.equal((await list()).length, 2);
		assert.equal((await ask("DELETE", "/auth/sessions", mine)).status, 204);
		assert.deepEqual(
			(await list()).map(({ current }) => current),
			[true],
		);
		for (const { accessToken, refreshToken } of [there, third]) {
			assert.equal((await me(bearer(accessToken))).status, 401);
			assert.equal((await ask("POST", "/auth/refresh", {}, { refreshToken })).status, 401);
		}
		assert.equal((await me(mine)).status, 200);
	});

	it("signs one out everywhere, password and rights kept", async () => {
		const { accessToken } = await tokens({ username: "kim", password: "chosen by kim" });
		assert.equal((await ask("DELETE", "/users/kim/sessions", bearer(accessToken))).status, 403);
		assert.equal((await ask("DELETE", "/users/kim/sessions", admin)).status, 204);
		assert.equal((await me(bearer(accessToken))).status, 401);
		assert.equal((await signIn(served.base, { username: "kim", password: "chosen by kim" })).status, 200);
	});
});

const pick = ({ refreshToken }: Tokens) => ({ refreshToken });
