import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { SignJWT } from "jose";
import WebSocket from "ws";
import { parse } from "yaml";
import { password, type System, startSystem } from "./system.ts";

interface Operation {
	operationId: string;
	security?: unknown[];
	"x-role"?: string;
	"x-scope"?: "system" | "self";
	requestBody?: { content: Record<string, { example?: unknown; examples?: Record<string, { value: unknown }> }> };
}
interface Asked {
	name: string;
	id: string;
	method: string;
	path: string;
	role: string;
	scope: string | undefined;
	isPublic: boolean;
	type: string | undefined;
	body: string | undefined;
}

const contract = parse(readFileSync(new URL("../../flows/openapi.yaml", import.meta.url), "utf8")) as {
	paths: Record<string, Record<string, Operation>>;
};
const roles = ["viewer", "operator", "engineer", "admin"];

/** Each operation of the contract with an example of its body, and names of nothing in its path. */
const operations: Asked[] = Object.entries(contract.paths).flatMap(([path, methods]) =>
	Object.entries(methods)
		.filter(([method]) => ["get", "post", "put", "patch", "delete"].includes(method))
		.map(([method, operation]) => {
			const [[type, media] = []] = Object.entries(operation.requestBody?.content ?? {});
			const example = media?.example ?? Object.values(media?.examples ?? {})[0]?.value;
			return {
				name: `${method.toUpperCase()} ${path}`,
				id: operation.operationId,
				method: method.toUpperCase(),
				path: path.replace("/api-keys/{id}", "/api-keys/aaaaaaaaaa").replace(/\{\w+\}/g, "none"),
				role: operation["x-role"] ?? "viewer",
				scope: operation["x-scope"],
				isPublic: operation.security?.length === 0,
				type,
				body: example === undefined ? (type === "application/json" ? "{}" : undefined) : JSON.stringify(example),
			};
		}),
);
/** These change who is signed in; identity.test.ts looks after them. */
const own = new Set(["logout", "changePassword", "addUser", "addApiKey"]);

describe("every operation of the API", function () {
	this.timeout(180_000);
	let system: System;
	let admin: string;
	/** By role, everywhere. */
	const keys: Record<string, string> = {};
	/** Admin, at another site. */
	let elsewhere: string;
	let expired: string;

	before(async () => {
		system = await startSystem({
			env: { SMARTFACTORY_DATA_HISTORY_DAYS: "0", SMARTFACTORY_LIMITS_WORK_PER_MINUTE: "10000" },
		});
		admin = await system.token();
		for (const role of roles) keys[role] = await keyWith({ role });
		elsewhere = await keyWith({ sites: { elsewhere: "admin" } });
		expired = await forged({ exp: Math.floor(Date.now() / 1000) - 60 });
	});
	after(() => system?.stop());

	const api = (path: string, init: RequestInit = {}, token = admin) =>
		fetch(system.base + path, {
			...init,
			headers: { ...(token ? { authorization: `Bearer ${token}` } : {}), ...(init.headers as Record<string, string>) },
		});
	const post = (path: string, body: string, headers: Record<string, string> = {}, token = admin) =>
		api(path, { method: "POST", body, headers: { "content-type": "application/json", ...headers } }, token);
	const titleOf = async (answer: Response) => ((await answer.json()) as { title: string }).title;
	async function keyWith(grants: object): Promise<string> {
		const made = await post("/api/v1/api-keys", JSON.stringify({ name: "matrix", ...grants }));
		assert.equal(made.status, 201);
		return ((await made.json()) as { key: string }).key;
	}
	/** A token as it was never handed out, by the very key of the server. */
	async function forged(more: { exp: number; alg?: string }): Promise<string> {
		const { keys: ring } = JSON.parse(readFileSync(join(system.home, "secrets", "signing-keys.json"), "utf8")) as {
			keys: { id: string; secret: string }[];
		};
		const { id, secret } = ring[0] ?? { id: "", secret: "" };
		const { users } = JSON.parse(readFileSync(join(system.home, "secrets", "users.json"), "utf8")) as {
			users: { changedMs: number }[];
		};
		return await new SignJWT({ use: "api", sid: "s", auth_ms: Date.now(), ver: users[0]?.changedMs ?? 0 })
			.setProtectedHeader({ alg: more.alg ?? "HS256", kid: id })
			.setIssuer("smartfactory")
			.setAudience("smartfactory")
			.setSubject("admin")
			.setJti("1")
			.setExpirationTime(more.exp)
			.sign(new TextEncoder().encode(secret));
	}
	const call = ({ method, path, type, body }: Asked, token: string) =>
		api(path, { method, ...(body === undefined ? {} : { body, headers: { "content-type": type ?? "" } }) }, token);

	it("answers nobody without a token but sign-in, health and documentation", async () => {
		const open: string[] = [];
		for (const each of operations) {
			const { status } = await call(each, "");
			if (status !== 401) open.push(each.id);
			else if (each.isPublic && !["login", "refresh"].includes(each.id)) assert.fail(`${each.name} should be open`);
		}
		assert.deepEqual(
			open.filter((id) => !operations.find((each) => each.id === id)?.isPublic),
			[],
		);
	});

	it("refuses a token whose time is over, and one that was signed by another algorithm", async () => {
		const wrong = await forged({ exp: Math.floor(Date.now() / 1000) + 600, alg: "HS512" });
		for (const each of operations.filter(({ isPublic }) => !isPublic)) {
			for (const token of [expired, wrong]) assert.equal((await call(each, token)).status, 401, each.name);
		}
	});

	it("refuses the role below the one that it takes, and lets that one in", async () => {
		for (const each of operations.filter(({ isPublic, id }) => !isPublic && !own.has(id))) {
			const below = roles[roles.indexOf(each.role) - 1];
			if (below && each.scope !== "self") {
				const refused = await call(each, keys[below] ?? "");
				assert.equal(refused.status, 403, `${each.name} as ${below}`);
				assert.equal(await titleOf(refused), "access.forbidden", each.name);
			}
			const allowed = await call(each, keys[each.role] ?? "");
			const text = await allowed.text();
			const title = allowed.status === 403 ? (JSON.parse(text) as { title: string }).title : "";
			// Identities are people's business: there a key of an admin is told so.
			assert(allowed.status !== 401 && (title === "" || title === "access.person-only"), `${each.name}: ${title}`);
			assert(allowed.status < 500 || allowed.status === 503, `${each.name}: ${allowed.status} ${text}`);
		}
	});

	it("refuses whoever has a role at another site alone", async () => {
		const let_in: string[] = [];
		for (const each of operations.filter(({ isPublic, scope }) => !isPublic && scope !== "self")) {
			const { status } = await call(each, elsewhere);
			// What does not fit the contract is told so before anybody's site is looked at.
			if (![400, 403, 415].includes(status)) let_in.push(`${each.name}: ${status}`);
		}
		assert.deepEqual(let_in, []);
		assert.equal((await api("/api/v1/data/sensors", {}, elsewhere)).status, 403);
		const readings = JSON.stringify([{ machine: "a", time: new Date().toISOString(), powerKw: 1 }]);
		assert.equal((await post("/api/v1/data/sensors", readings, {}, elsewhere)).status, 403);
		assert.equal((await fetch(`${system.base}/editor/flows`, { headers: { "x-api-key": elsewhere } })).status, 401);
	});

	describe("under attack", () => {
		const socketStatus = (headers: Record<string, string>) =>
			new Promise<number>((resolve, reject) => {
				const socket = new WebSocket(`${system.base.replace("http", "ws")}/ws`, { headers });
				socket.once("unexpected-response", (_req, res) => resolve(res.statusCode ?? 0));
				socket.once("open", () => {
					resolve(101);
					socket.terminate();
				});
				socket.once("error", reject);
			});
		const session = async () => {
			const answer = await post(
				"/api/v1/auth/login",
				JSON.stringify({ username: "admin", password, session: true }),
				{},
				"",
			);
			return (answer.headers.getSetCookie()[0] ?? "").split(";")[0] ?? "";
		};

		it("takes no token without an algorithm, nor one signed with a public part as its key", async () => {
			const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
			const claims = part({ sub: "admin", iss: "smartfactory", aud: "smartfactory", use: "api", exp: 9_999_999_999 });
			const none = `${part({ alg: "none", typ: "JWT" })}.${claims}.`;
			const head = `${part({ alg: "HS256", kid: "../../dev/null", typ: "JWT" })}.${claims}`;
			const confused = `${head}.${createHmac("sha256", "").update(head).digest("base64url")}`;
			for (const token of [none, confused]) assert.equal((await api("/api/v1/auth/me", {}, token)).status, 401);
		});

		it("opens its live feed neither to a stranger, nor to another site's page, nor to who may not see this site", async () => {
			const cookie = await session();
			assert.equal(await socketStatus({}), 401);
			assert.equal(await socketStatus({ cookie, origin: "https://evil.example" }), 401);
			assert.equal(await socketStatus({ authorization: `Bearer ${elsewhere}` }), 403);
			assert.equal(await socketStatus({ cookie, origin: system.base }), 101);
		});

		it("closes the sockets of a session at once when it signs out", async () => {
			const cookie = await session();
			const socket = new WebSocket(`${system.base.replace("http", "ws")}/ws`, { headers: { cookie } });
			const closed = new Promise<number>((resolve) => socket.once("close", resolve));
			await new Promise((resolve) => socket.once("message", resolve));
			await fetch(`${system.base}/api/v1/auth/logout`, { method: "POST", headers: { cookie, origin: system.base } });
			assert.equal(await closed, 1008);
		});

		it("takes SQL for a name", async () => {
			for (const evil of ["x' OR '1'='1", "x'; DROP TABLE readings; --", "x\\' UNION SELECT * FROM sqlite_master --"]) {
				const answer = await api(`/api/v1/data/sensors?machine=${encodeURIComponent(evil)}`);
				assert(answer.status < 500);
				if (answer.ok) assert.deepEqual(((await answer.json()) as { items: unknown[] }).items, []);
				assert.deepEqual(
					((await (await api(`/api/v1/audit?who=${encodeURIComponent(evil)}`)).json()) as { items: unknown[] }).items,
					[],
				);
			}
			assert.equal((await api("/api/v1/data/sensors")).status, 200);
		});

		it("lets no body change what all objects have", async () => {
			for (const body of [
				'[{"__proto__":{"admin":true},"machine":"a","time":"2026-11-22T10:00:00Z"}]',
				'{"username":"admin","password":"x","__proto__":{"session":true}}',
			]) {
				const path = body.startsWith("[") ? "/api/v1/data/sensors" : "/api/v1/auth/login";
				const { status } = await post(path, body);
				assert(status >= 400 && status < 500, `${status} for ${body}`);
			}
			assert.equal(({} as { admin?: unknown }).admin, undefined);
			const me = (await (await api("/api/v1/auth/me", {}, keys.viewer)).json()) as { role: string };
			assert.equal(me.role, "viewer");
		});

		it("opens no file that a name points to", async () => {
			for (const id of ["..%2f..%2fsecrets%2fusers.json", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "none%00.json"]) {
				for (const path of [`/api/v1/models/${id}/status`, `/api/v1/jobs/${id}`, `/api/v1/users/${id}`]) {
					const answer = await api(path);
					const text = await answer.text();
					assert([400, 404, 405].includes(answer.status), `${path}: ${answer.status}`);
					assert.doesNotMatch(text, /root:|"hash"/);
				}
			}
			for (const path of [
				"/api/docs/../../secrets/users.json",
				"/login/..%2f..%2fpackage.json",
				"/api/docs/%2e%2e/%2e%2e/package.json",
			]) {
				const answer = await api(path, { redirect: "manual" });
				assert.doesNotMatch(await answer.text(), /"hash"|"dependencies"/, path);
			}
		});

		it("refuses bombs: packed, nested, endless in number", async () => {
			const packed = gzipSync(Buffer.alloc(20_000_000, " "));
			const zipped = await api("/api/v1/data/sensors", {
				method: "POST",
				body: packed,
				headers: { "content-type": "application/json", "content-encoding": "gzip" },
			});
			assert.equal(zipped.status, 415);
			assert.equal((await post("/api/v1/data/sensors", `${"[".repeat(50_000)}${"]".repeat(50_000)}`)).status, 400);
			const many = `[${Array.from({ length: 300_000 }, () => "{}").join(",")}]`;
			assert.equal((await post("/api/v1/data/sensors", many)).status, 413);
		});

		it("answers quickly, whatever pattern a text is made for", async () => {
			const evil = [`${"a".repeat(60)}!`, `${"1-".repeat(400)}x`, `${" ".repeat(900)}x`, `${"@a".repeat(400)}`];
			const before = performance.now();
			for (const text of evil) {
				await api(`/api/v1/data/sensors?from=${encodeURIComponent(text)}`);
				await api("/api/v1/auth/me", {
					headers: { authorization: `Bearer ${text}`, "accept-language": text, cookie: text },
				});
				await post("/api/v1/auth/login", JSON.stringify({ username: text.slice(0, 64), password: text.slice(0, 250) }));
			}
			// The four wrong passwords cost a second or two; a pattern that explodes would cost hours.
			assert(performance.now() - before < 60_000);
		});

		it("puts nothing that a caller sends into a header of its own", async () => {
			const answer = await api("/api/v1/data/sensors", { headers: { "x-request-id": "a%0d%0aSet-Cookie:x" } });
			assert.match(answer.headers.get("x-request-id") ?? "", /^[0-9a-f-]{36}$/);
			for (const next of ["/%0d%0aSet-Cookie:x=1", "//evil.example", "/\\evil.example", "https://evil.example"]) {
				const form = new URLSearchParams({ username: "admin", password, next });
				const login = await fetch(`${system.base}/login`, {
					method: "POST",
					body: form,
					headers: { origin: system.base },
					redirect: "manual",
				});
				const location = login.headers.get("location") ?? "";
				assert.doesNotMatch(location, /evil|\r|\n/);
				assert.equal(login.headers.getSetCookie().length, 1);
			}
		});

		it("shares nothing with pages of other sites, and takes no order from them", async () => {
			const cookie = await session();
			const origin = "https://evil.example";
			const read = await api("/api/v1/auth/me", { headers: { origin } });
			assert.equal(read.headers.get("access-control-allow-origin"), null);
			const asked = await fetch(`${system.base}/api/v1/data/sensors`, {
				method: "OPTIONS",
				headers: { origin, "access-control-request-method": "POST" },
			});
			assert.equal(asked.headers.get("access-control-allow-origin"), null);
			for (const path of ["/api/v1/auth/logout", "/editor/flows", "/login/password"]) {
				const sent = await fetch(system.base + path, { method: "POST", headers: { cookie, origin } });
				assert.equal(sent.status, 403, path);
				assert.equal(await titleOf(sent), "access.origin-foreign");
			}
			assert.equal((await fetch(`${system.base}/dashboard`, { headers: { cookie } })).status, 200);
		});

		// Last: it closes the door for this address.
		it("makes who guesses wait, whatever name they guess", async () => {
			const guess = async (username: string) =>
				(await post("/api/v1/auth/login", JSON.stringify({ username, password: "guess" }), {}, "")).status;
			const statuses: number[] = [];
			for (let attempt = 0; attempt < 24; attempt++) statuses.push(await guess(`user-${attempt}`));
			assert.equal(statuses.at(-1), 429);
		});

		it("tells of all that in the audit, which is whole", async () => {
			const { items } = (await (await api("/api/v1/audit?what=signIn&limit=200")).json()) as {
				items: { who: string; status: number }[];
			};
			assert(items.some(({ who, status }) => who === "?" && status === 401));
			assert.doesNotMatch(system.output(), new RegExp(`${password}|eyJ[\\w-]{20}|sfk_[a-z2-7]{10}_`));
		});
	});
});
