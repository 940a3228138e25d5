import assert from "node:assert/strict";
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Role } from "../../../lib/access/context.ts";
import { randomPassword } from "../../../lib/access/passwords.ts";
import { SharedFile, secretOf, writeNewSecretFile } from "../../../lib/access/secrets.ts";
import { roleCovers, roles, Users } from "../../../lib/access/users.ts";
import { EnergyError } from "../../../lib/errors.ts";
import { password, temporaryHome } from "./harness.ts";

const withCode = (code: string) => (error: unknown) => error instanceof EnergyError && error.code === code;

describe("users", () => {
	let home: string;
	beforeEach(() => {
		home = temporaryHome();
	});
	afterEach(() => rmSync(home, { recursive: true, force: true }));

	it("begin with an admin whose random password is told once", async () => {
		const first = new Users(home);
		assert.match(first.firstPassword ?? "", /^([a-z2-9]{6}-){3}[a-z2-9]{6}$/);
		assert.equal((await first.authenticate("admin", first.firstPassword ?? ""))?.role, "admin");
		const again = new Users(home);
		assert.equal(again.firstPassword, undefined);
		assert.equal((await again.authenticate("admin", first.firstPassword ?? ""))?.role, "admin");
	});

	it("take a given admin password, also later by whoever lost the old one", async () => {
		assert.equal(new Users(home, password).firstPassword, undefined);
		const restarted = new Users(home, "another long password");
		assert.equal(await restarted.authenticate("admin", password), null);
		assert.equal((await restarted.authenticate("admin", "another long password"))?.name, "admin");
	});

	it("keep no password, and nothing that others may read", () => {
		new Users(home, password);
		const path = join(home, "secrets", "users.json");
		assert.doesNotMatch(readFileSync(path, "utf8"), new RegExp(password));
		assert.equal(statSync(path).mode & 0o777, 0o600);
		assert.equal(statSync(join(home, "secrets")).mode & 0o077, 0);
	});

	it("answer the same for an unknown user and a wrong password", async () => {
		const users = new Users(home, password);
		assert.equal(await users.authenticate("admin", "wrong"), null);
		assert.equal(await users.authenticate("nobody", "wrong"), null);
		assert.equal(await users.authenticate("__proto__", "wrong"), null);
	});

	it("keep one admin who may come in: a second one that is switched off manages nobody", async () => {
		const users = new Users(home, password);
		await users.add("kim", "admin", "a long password");
		users.setDisabled("kim", true);
		for (const attempt of [
			() => users.remove("admin"),
			() => users.setRole("admin", "viewer"),
			() => users.setDisabled("admin", true),
		]) {
			assert.throws(attempt, withCode("access.last-admin"));
		}
		users.setDisabled("kim", false);
		assert.equal(users.setDisabled("admin", true).disabled, true);
		assert.throws(() => users.setDisabled("kim", true), withCode("access.last-admin"));
	});

	it("take a password typed in another Unicode form", async () => {
		const users = new Users(home, "전력관리자2026".normalize("NFD"));
		assert.equal((await users.authenticate("admin", "전력관리자2026".normalize("NFC")))?.name, "admin");
	});

	it("are added, changed and removed, but the last admin stays", async () => {
		const users = new Users(home, password);
		await users.add("kim", "engineer", "a long password");
		assert.deepEqual(
			users.list().map(({ name, role }) => [name, role]),
			[
				["admin", "admin"],
				["kim", "engineer"],
			],
		);
		await assert.rejects(users.add("kim", "viewer", "a long password"), withCode("access.user-exists"));
		await assert.rejects(users.add("a b", "viewer", "a long password"), withCode("access.user-name"));
		await assert.rejects(users.add("lee", "viewer", "short"), withCode("access.password-short"));
		assert.throws(() => users.remove("admin"), withCode("access.last-admin"));
		assert.throws(() => users.setRole("admin", "viewer"), withCode("access.last-admin"));
		assert.throws(() => users.remove("lee"), withCode("access.user-unknown"));
		users.setRole("kim", "admin");
		users.remove("admin");
		assert.deepEqual(
			users.list().map(({ name }) => name),
			["kim"],
		);
	});

	it("follow what another process does to the file", async () => {
		let nowMs = Date.now();
		const here = new Users(home, password, () => nowMs);
		const there = new Users(home, password);
		await there.add("kim", "viewer", "a long password");
		nowMs += 2_000;
		assert.equal(here.get("kim")?.role, "viewer");
	});

	it("let in at once whom another process has just made", async () => {
		const here = new Users(home, password);
		assert.equal(await here.authenticate("kim", "a long password"), null);
		await new Users(home, password).add("kim", "viewer", "a long password");
		assert.equal((await here.authenticate("kim", "a long password"))?.name, "kim");
	});

	it("say which file is damaged instead of starting anew", () => {
		new Users(home, password);
		writeFileSync(join(home, "secrets", "users.json"), '{"version":1,"users":[{"name":"admin"}]}');
		assert.throws(() => new Users(home, password), withCode("access.users-damaged"));
	});

	it("have roles of which each covers those below it", () => {
		const covered = (role: Role) => roles.filter((needed) => roleCovers(role, needed));
		assert.deepEqual(roles.map(covered), [
			["viewer"],
			["viewer", "operator"],
			["viewer", "operator", "engineer"],
			["viewer", "operator", "engineer", "admin"],
		]);
		assert.equal(roleCovers(null, "viewer"), false);
	});

	it("get passwords that differ", () => {
		assert.equal(new Set(Array.from({ length: 100 }, randomPassword)).size, 100);
	});
});

describe("secrets", () => {
	let home: string;
	beforeEach(() => {
		home = temporaryHome();
	});
	afterEach(() => rmSync(home, { recursive: true, force: true }));

	it("are made once, for their owner alone, and stay", () => {
		const made = secretOf(home, "secret.key");
		assert(made.length >= 32);
		assert.equal(secretOf(home, "secret.key"), made);
		assert.notEqual(secretOf(home, "credential.key"), made);
		assert.equal(statSync(join(home, "secrets", "secret.key")).mode & 0o777, 0o600);
	});

	it("are made by one of two processes that start at once", () => {
		const path = join(home, "secrets", "users.json");
		assert.equal(writeNewSecretFile(path, "first"), true);
		assert.equal(writeNewSecretFile(path, "second"), false);
		assert.equal(readFileSync(path, "utf8"), "first");
		assert.deepEqual(readdirSync(join(home, "secrets")), ["users.json"]);
	});

	it("of several processes are read again after each writing, however soon one follows another", () => {
		const path = join(home, "shared.json");
		const [here, there] = [new SharedFile(path), new SharedFile(path)];
		assert.equal(there.changed(true), false);
		for (let i = 0; i < 200; i++) {
			here.write(String(i % 10));
			assert.equal(there.changed(true), true, `writing ${i}`);
			assert.equal(
				there.read((text) => text),
				String(i % 10),
			);
			assert.equal(there.changed(true), false);
			assert.equal(here.changed(true), false);
		}
		here.write("x");
		assert.throws(() =>
			there.read(() => {
				throw new Error("cut in half");
			}),
		);
		assert.equal(there.changed(true), true, "what was not understood is looked at again");
	});

	it("come from the environment first, where they are long enough", () => {
		const given = "0123456789abcdef0123456789abcdef";
		assert.equal(secretOf(home, "secret.key", given), given);
		assert.throws(() => secretOf(home, "secret.key", "short"), withCode("access.secret-short"));
	});

	it("are not replaced when their file was cut", () => {
		secretOf(home, "credential.key");
		writeFileSync(join(home, "secrets", "credential.key"), "cut");
		assert.throws(() => secretOf(home, "credential.key"), withCode("access.secret-damaged"));
	});
});
