import assert from "node:assert/strict";
import { appendFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { Audit, knownHead } from "../../../lib/access/audit.ts";
import { verifyAudit } from "../../../lib/access/audit-check.ts";
import { noteConfig } from "../../../lib/access/audit-config.ts";
import { FlowChanges, type FlowNode } from "../../../lib/access/flow-changes.ts";
import { openStore } from "../../../lib/store/open.ts";
import type { AuditEntry, AuditQuery, Store } from "../../../lib/store/store.ts";
import { type Served, serve, signIn, temporaryHome, tokenFrom } from "./harness.ts";

describe("the audit", function () {
	this.timeout(60_000);
	let home: string;
	let store: Store;
	let audit: Audit;
	const url = (folder: string) => pathToFileURL(join(folder, "energy.db")).href.replace(/^file:/, "sqlite:");
	beforeEach(async () => {
		home = temporaryHome();
		store = await openStore(url(home));
		audit = new Audit({ home, open: () => openStore(url(home)) });
	});
	afterEach(async () => {
		await audit.close();
		await store.close();
		rmSync(home, { recursive: true, force: true });
	});
	const entries = async (query: AuditQuery = {}): Promise<AuditEntry[]> => {
		await audit.flush();
		return (await store.audit({ order: "asc", ...query })).items;
	};
	const verdict = () => verifyAudit(store, Audit.keyOf(home), knownHead(home));

	it("keeps who did what to what, in order, and finds it by each of them", async () => {
		audit.record({ who: "kim", what: "signIn", target: "kim", status: 200, from: "10.0.0.7", requestId: "r-1" });
		audit.record({
			who: "kim",
			what: "changeUser",
			target: "lee",
			before: { role: "viewer" },
			after: { role: "operator" },
		});
		audit.record({ who: "key:abc", what: "promoteModel", target: "m-1", site: "gwangyang" });
		const all = await entries();
		assert.deepEqual(
			all.map(({ sequence, who, what }) => [sequence, who, what]),
			[
				[1, "kim", "signIn"],
				[2, "kim", "changeUser"],
				[3, "key:abc", "promoteModel"],
			],
		);
		assert.deepEqual(all[1]?.detail, { before: { role: "viewer" }, after: { role: "operator" } });
		const found = async (query: AuditQuery) => (await entries(query)).map(({ sequence }) => sequence);
		assert.deepEqual(await found({ who: "kim" }), [1, 2]);
		assert.deepEqual(await found({ what: "change*" }), [2]);
		assert.deepEqual(await found({ target: "lee" }), [2]);
		assert.deepEqual(await found({ target: "m-*" }), [3]);
		assert.deepEqual(await found({ site: "gwangyang" }), [3]);
		assert.deepEqual(await found({ toMs: all[0]?.atMs ?? 0 }), []);
		const first = await store.audit({ limit: 2 });
		assert.deepEqual(
			first.items.map(({ sequence }) => sequence),
			[3, 2],
		);
		const rest = await store.audit({ limit: 2, cursor: first.nextCursor ?? "" });
		assert.deepEqual(
			rest.items.map(({ sequence }) => sequence),
			[1],
		);
	});

	it("keeps neither secrets nor how to reach people", async () => {
		audit.record({
			who: "kim",
			what: "addUser",
			request: { name: "lee", password: "a long password", note: "mail lee.min@plant.kr, 010-1234-5678" },
			after: { credentials: { user: "x" }, header: "Bearer abcdefgh.ijklmnop.qrstuvwx" },
		});
		const [entry] = await entries();
		// Without its id and its time: random digits may be any.
		const kept = JSON.stringify(entry?.detail);
		assert.doesNotMatch(kept, /a long password|lee\.min|1234|abcdefgh|"x"/);
		assert.match(kept, /l\*\*\*@plant\.kr/);
	});

	it("counts what comes by the thousand, and still tells of the first", async () => {
		for (let post = 0; post < 1_000; post++) {
			audit.summarise({ who: "key:gateway", what: "postReadings", status: 200, from: "10.0.0.9" });
		}
		assert.equal((await entries()).length, 1);
		await audit.close();
		const { items } = await store.audit({});
		assert.deepEqual([items.length, items[0]?.detail.count], [2, 999]);
	});

	describe("shows where it was tampered with", () => {
		const record = async (count: number) => {
			for (let at = 1; at <= count; at++) audit.record({ who: "kim", what: "acknowledgeAlarm", target: `a-${at}` });
			await audit.flush();
		};
		/** What somebody may do who can write the file. */
		const tamper = (sql: string) => {
			const database = new DatabaseSync(join(home, "energy.db"));
			database.exec("DROP TRIGGER audit_stands; DROP TRIGGER audit_stays");
			database.exec(sql);
			database.close();
		};
		for (const [how, sql, sequence, reason] of [
			[
				"a record that says something else",
				"UPDATE audit SET entry = replace(entry, 'kim', 'lee') WHERE sequence = 3",
				3,
				"changed",
			],
			["a record that is gone", "DELETE FROM audit WHERE sequence = 2", 2, "missing"],
			["an end that was cut off", "DELETE FROM audit WHERE sequence > 4", 5, "missing"],
			[
				"two that changed places",
				"UPDATE audit SET sequence = 99 WHERE sequence = 2; UPDATE audit SET sequence = 2 WHERE sequence = 3; UPDATE audit SET sequence = 3 WHERE sequence = 99",
				2,
				"changed",
			],
			["a link that was made up", "UPDATE audit SET link = 'x' WHERE sequence = 5", 5, "changed"],
		] as const) {
			it(`by ${how}`, async () => {
				await record(5);
				assert.deepEqual((await verdict()).broken, undefined);
				tamper(sql);
				assert.deepEqual((await verdict()).broken, { sequence, reason });
			});
		}

		it("by an end that was cut off, also when the chain has grown again since", async () => {
			await record(5);
			tamper("DELETE FROM audit WHERE sequence > 3");
			await record(6);
			assert.deepEqual((await verdict()).broken?.sequence, 5);
		});

		it("by nothing that one process does beside another", async () => {
			const otherHome = temporaryHome();
			mkdirSync(join(otherHome, "secrets"));
			writeFileSync(join(otherHome, "secrets", "audit.key"), Audit.keyOf(home));
			const other = new Audit({ home: otherHome, open: () => openStore(url(home)) });
			for (let at = 0; at < 50; at++) other.record({ who: "lee", what: "acknowledgeAlarm" });
			await Promise.all([other.close(), record(50)]);
			rmSync(otherHome, { recursive: true });
			const { entries: count, broken } = await verdict();
			assert.deepEqual([count, broken], [100, undefined]);
		});

		it("and the file itself lets nothing be changed", async () => {
			await record(1);
			const database = new DatabaseSync(join(home, "energy.db"));
			assert.throws(() => database.exec("UPDATE audit SET entry = '{}'"), /only grows/);
			assert.throws(() => database.exec("DELETE FROM audit"), /only grows/);
			database.close();
		});
	});

	it("hands over after a crash what it had not yet, once, and leaves out a half line", async () => {
		audit.record({ who: "kim", what: "signIn", target: "kim" });
		const folder = join(home, "audit");
		const [spool = ""] = readdirSync(folder).filter((name) => name.endsWith(".jsonl"));
		const written = readFileSync(join(folder, spool), "utf8");
		assert.equal((await entries()).length, 1);
		// As a process left it that was killed between the store and its own note of that, and in the middle of a line.
		const dead = join(folder, "999999999.jsonl");
		mkdirSync(folder, { recursive: true });
		writeFileSync(dead, written.replace(/"id":"[^"]*"/, '"id":"lost-one"'));
		appendFileSync(dead, `${written}{"id":"half`);
		const next = new Audit({ home, open: () => openStore(url(home)) });
		await next.flush();
		const { items } = await store.audit({});
		assert.deepEqual(
			items.map(({ sequence }) => sequence),
			[2, 1],
		);
		assert.equal((await verdict()).broken, undefined);
		await next.close();
	});

	it("tells who edited the peak limit in a file, from what to what", async () => {
		noteConfig(audit, home, { power: { peak_power_limit: 1100, safety_margin: 0.1 } });
		assert.equal((await entries()).length, 0);
		noteConfig(audit, home, { power: { peak_power_limit: 1250, safety_margin: 0.1 } });
		const [change] = await entries({ target: "power.peak_power_limit" });
		assert.match(change?.who ?? "", /^os:/);
		assert.deepEqual(change?.detail, { before: 1100, after: 1250 });
	});

	it("tells what a deploy changed, node by node, and what was edited beside the editor", async () => {
		let nodes: FlowNode[] = [
			{ id: "guard", type: "demand-guard", limitKw: 1100, x: 10 },
			{ id: "mail", type: "e-mail", z: "tab" },
		];
		let credentials: Record<string, unknown> = {};
		const source = { file: "flows.json", nodes: () => nodes, credentials: (id: string) => credentials[id] };
		const changes = new FlowChanges(audit, home);
		changes.watch(source);
		assert.equal((await entries()).length, 0);
		nodes = [
			{ id: "guard", type: "demand-guard", limitKw: 1250, x: 99 },
			{ id: "mail", type: "e-mail", z: "tab" },
			{ id: "new", type: "debug" },
		];
		credentials = { mail: { password: "a long password" } };
		changes.compare({ who: "kim", from: "10.0.0.7", status: 204 });
		const told = await entries({ what: "flow.*" });
		assert.deepEqual(
			told.map(({ who, target, detail: { before, after } }) => [who, target, before, after]),
			[
				["kim", "demand-guard:guard", { limitKw: 1100 }, { limitKw: 1250 }],
				["kim", "e-mail:mail", { credentials: "***" }, { credentials: "***" }],
				["kim", "debug:new", null, { id: "new", type: "debug" }],
			],
		);
		nodes = nodes.filter(({ id }) => id !== "new");
		new FlowChanges(audit, home).watch(source);
		const [last] = (await entries()).slice(-1);
		assert.deepEqual([last?.target, last?.detail.note, last?.detail.after], ["debug:new", "outside the editor", null]);
	});

	describe("over the API", () => {
		let served: Served;
		let admin: Record<string, string>;
		before(async () => {
			const own = temporaryHome();
			served = await serve({ home: own, validateResponses: true, auditStore: () => openStore(url(own)) });
			admin = { authorization: `Bearer ${await tokenFrom(served.base)}` };
		});
		after(() => served.close());
		const read = async (query: string) => {
			const answer = await fetch(`${served.base}/api/v1/audit?${query}`, { headers: admin });
			assert.equal(answer.status, 200);
			return ((await answer.json()) as { items: Record<string, unknown>[] }).items;
		};
		const post = (path: string, body: unknown, method = "POST") =>
			fetch(`${served.base}/api/v1${path}`, {
				method,
				headers: { ...admin, "content-type": "application/json", "x-request-id": "r-42" },
				body: JSON.stringify(body),
			});

		it("tells of sign-ins, right and wrong, and of no more than the beginning of an unknown name", async () => {
			await signIn(served.base, { password: "wrong" });
			await signIn(served.base, { username: "my password by mistake", password: "x" });
			const told = (await read("what=signIn&order=asc")).map(({ who, target, status }) => [who, target, status]);
			assert.deepEqual(told, [
				["admin", "admin", 200],
				["?", "admin", 401],
				["?", "my…", 401],
			]);
		});

		it("says whether it is whole, over all that was done until now", async () => {
			const verdict = async () => {
				const answer = await fetch(`${served.base}/api/v1/audit/verification`, { headers: admin });
				return (await answer.json()) as { whole: boolean; entries: number; broken: unknown };
			};
			const before = await verdict();
			await post("/users/nobody", { disabled: true }, "PATCH");
			assert.deepEqual([before.whole, before.broken, (await verdict()).entries - before.entries], [true, null, 1]);
		});

		it("tells of users and keys with what stood before, from where, and in which request", async () => {
			await post("/users", { name: "kim", password: "for the first time", role: "viewer" });
			await post("/users/kim", { role: "operator" }, "PATCH");
			const [change = {}] = await read("target=kim&what=changeUser");
			assert.equal((change.before as { role: string }).role, "viewer");
			assert.equal((change.after as { role: string }).role, "operator");
			assert.deepEqual([change?.who, change?.requestId, change?.status], ["admin", "r-42", 200]);
			assert.match(String(change?.from), /127\.0\.0\.1/);
		});

		it("tells of what was refused, without the passwords in it", async () => {
			await post("/auth/password", { current: "not this one", next: "never to be seen" });
			const items = await read("who=admin");
			assert(items.some(({ what, status }) => what === "changePassword" && status === 401));
			assert.doesNotMatch(JSON.stringify(items), /not this one|never to be seen|for the first time/);
		});

		it("answers who changed the peak limit last Tuesday, in a file or in a node", async () => {
			const own = temporaryHome();
			const clock = { ms: 0 };
			const at = (text: string): number => Date.parse(`2026-11-${text}+09:00`);
			const now = (): number => clock.ms;
			clock.ms = at("16T08:00:00");
			const plant = await serve({ home: own, now, auditStore: () => openStore(url(own)) });
			const { audit: kept, flows } = plant.access;
			assert(kept && flows);
			let limitKw = 1_000;
			noteConfig(kept, own, { power: { peak_power_limit: 1_000 } });
			flows.watch({
				file: "flows.json",
				nodes: () => [{ id: "guard", type: "demand-guard", limitKw, loads: [] }],
				credentials: () => undefined,
			});
			// Monday, the first and the last minute of Tuesday, Wednesday: each changes one of the two.
			for (const [time, who, kw] of [
				["16T23:59:00", "lee", 1_050],
				["17T00:00:00", "kim", 1_100],
				["17T23:59:59", "", 1_250],
				["18T00:00:00", "choi", 1_300],
			] as const) {
				clock.ms = at(time);
				if (who === "") noteConfig(kept, own, { power: { peak_power_limit: kw } });
				else {
					limitKw = kw;
					flows.compare({ who, status: 204 });
				}
			}
			clock.ms = at("23T09:00:00");
			const headers = { authorization: `Bearer ${await tokenFrom(plant.base)}` };
			const tuesday = { from: "2026-11-17T00:00:00+09:00", to: "2026-11-18T00:00:00+09:00" };
			const told = async (query: Record<string, string>) => {
				const asked = new URLSearchParams({ ...tuesday, ...query });
				const { items } = (await (await fetch(`${plant.base}/api/v1/audit?${asked}`, { headers })).json()) as {
					items: { time: string; who: string; before: unknown; after: unknown }[];
				};
				return items.map(({ time, who, before, after }) => [time, who.replace(/:.*/, ""), before, after]);
			};
			assert.deepEqual(await told({ target: "demand-guard:*" }), [
				["2026-11-16T15:00:00.000Z", "kim", { limitKw: 1_050 }, { limitKw: 1_100 }],
			]);
			assert.deepEqual(await told({ target: "power.peak_power_limit" }), [
				["2026-11-17T14:59:59.000Z", "os", 1_000, 1_250],
			]);
			assert.deepEqual(await told({ what: "flow.*", who: "lee" }), []);
			await plant.close();
		});

		it("is read by an admin alone", async () => {
			await served.access.users.add("lee", "engineer", "a long password");
			const answer = await signIn(served.base, { username: "lee", password: "a long password" });
			const { accessToken } = (await answer.json()) as { accessToken: string };
			const headers = { authorization: `Bearer ${accessToken}` };
			assert.equal((await fetch(`${served.base}/api/v1/audit`, { headers })).status, 403);
		});
	});
});
