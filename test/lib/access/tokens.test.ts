import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import fc from "fast-check";
import { decodeProtectedHeader, SignJWT, UnsecuredJWT } from "jose";
import { KeyRing } from "../../../lib/access/key-ring.ts";
import { Ledger } from "../../../lib/access/ledger.ts";
import { Tokens } from "../../../lib/access/tokens.ts";
import { type User, Users } from "../../../lib/access/users.ts";
import { EnergyError } from "../../../lib/errors.ts";
import { password, temporaryHome } from "./harness.ts";

const secret = "0123456789abcdef0123456789abcdef";
const hour = 3_600_000;
const withCode = (code: string) => (error: unknown) => error instanceof EnergyError && error.code === code;
const invalid = withCode("access.token-invalid");

describe("tokens", () => {
	let home: string;
	let users: Users;
	let tokens: Tokens;
	let admin: User;
	let nowMs: number;
	beforeEach(() => {
		home = temporaryHome();
		nowMs = Date.parse("2026-11-22T01:00:00Z");
		users = new Users(home, password, () => nowMs);
		tokens = made(secret);
		admin = users.get("admin") as User;
	});
	afterEach(() => rmSync(home, { recursive: true, force: true }));
	/** What a process of this home has. */
	const made = (key?: string) => new Tokens(new KeyRing(home, key, () => nowMs), new Ledger(home), users, () => nowMs);

	it("tell who holds them until their time is over", async () => {
		const { token } = await tokens.issue(admin, "api", hour);
		assert.equal((await tokens.verify(token, "api")).user.name, "admin");
		nowMs += hour - 2_000;
		await tokens.verify(token, "api");
		nowMs += 2_000;
		await assert.rejects(tokens.verify(token, "api"), withCode("access.token-expired"));
	});

	it("serve only the use they were made for", async () => {
		await assert.rejects(tokens.verify((await tokens.issue(admin, "api", hour)).token, "session"), invalid);
		await assert.rejects(tokens.verify((await tokens.issue(admin, "session", hour)).token, "api"), invalid);
	});

	it("are worth nothing when forged: no algorithm, another one, another key, another maker", async () => {
		const claims = { use: "api", sid: "s", auth_ms: nowMs, ver: admin.changedMs };
		const signed = (alg: string, key: string, issuer: string) =>
			new SignJWT(claims)
				.setProtectedHeader({ alg, kid: String(kid) })
				.setIssuer(issuer)
				.setAudience("smartfactory")
				.setSubject("admin")
				.setJti("1")
				.setExpirationTime(Math.floor(nowMs / 1000) + 100)
				.sign(new TextEncoder().encode(key));
		const unsigned = new UnsecuredJWT(claims).setSubject("admin").setIssuer("smartfactory").encode();
		const long = secret + secret;
		const onLong = made(long);
		const { kid } = decodeProtectedHeader((await onLong.issue(admin, "api", hour)).token);
		await onLong.verify(await signed("HS256", long, "smartfactory"), "api");
		for (const forged of [
			unsigned,
			await signed("HS512", long, "smartfactory"),
			await signed("HS256", secret, "smartfactory"),
			await signed("HS256", long, "elsewhere"),
		]) {
			await assert.rejects(onLong.verify(forged, "api"), invalid);
		}
	});

	it("are worth nothing with any sign changed", async () => {
		const { token } = await tokens.issue(admin, "api", hour);
		await fc.assert(
			fc.asyncProperty(fc.nat(token.length - 2), fc.constantFrom(..."AZaz09_-."), async (at, sign) => {
				fc.pre(token[at] !== sign);
				await assert.rejects(tokens.verify(token.slice(0, at) + sign + token.slice(at + 1), "api"), invalid);
			}),
			{ numRuns: 100 },
		);
	});

	it("end with their user's password, role or leaving", async () => {
		await users.add("kim", "engineer", "a long password");
		const kim = () => users.get("kim") as User;
		const held = async () => (await tokens.issue(kim(), "api", hour)).token;
		let token = await held();
		users.setRole("kim", "viewer");
		await assert.rejects(tokens.verify(token, "api"), invalid);
		token = await held();
		await users.setPassword("kim", "another password");
		await assert.rejects(tokens.verify(token, "api"), invalid);
		token = await held();
		users.remove("kim");
		await assert.rejects(tokens.verify(token, "api"), invalid);
	});

	it("of one sign-in end together, also after a restart; other sign-ins go on", async () => {
		const first = await tokens.issue(admin, "session", hour);
		const renewed = await tokens.issue(admin, "session", hour, first.claims);
		const other = await tokens.issue(admin, "session", hour);
		tokens.revoke(first.claims, nowMs + hour);
		for (const process of [tokens, made(secret)]) {
			await assert.rejects(process.verify(first.token, "session"), invalid);
			await assert.rejects(process.verify(renewed.token, "session"), invalid);
			await process.verify(other.token, "session");
		}
	});

	it("go on being good when the key is rotated; new ones carry the new key, also in another process", async () => {
		const ring = new KeyRing(home, undefined, () => nowMs);
		const here = new Tokens(ring, new Ledger(home), users, () => nowMs);
		const there = made();
		const before = (await here.issue(admin, "api", hour)).token;
		const { id } = ring.rotate();
		nowMs += 2_000;
		const after = (await there.issue(admin, "api", hour)).token;
		assert.equal(decodeProtectedHeader(after).kid, id);
		for (const process of [here, there]) {
			await process.verify(before, "api");
			await process.verify(after, "api");
		}
		nowMs += 8 * 24 * hour;
		ring.rotate();
		assert.equal(ring.find(decodeProtectedHeader(before).kid), undefined);
	});

	it("are not rotated where the key comes from the environment, but its predecessor still verifies", async () => {
		assert.throws(() => new KeyRing(home, secret).rotate(), withCode("access.key-given"));
		const { token } = await tokens.issue(admin, "api", hour);
		const renewed = new KeyRing(home, `new ${secret}`, () => nowMs, secret);
		await new Tokens(renewed, new Ledger(home), users, () => nowMs).verify(token, "api");
	});
});
