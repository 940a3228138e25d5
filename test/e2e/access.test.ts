import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { BrowserContext, Page } from "playwright-core";
import { until } from "../flows/system.ts";
import { assertAccessible, assertFitsPhone, phone, picture, read, useDashboard } from "./dashboard.ts";

const viewer = { username: "viewer", password: "a viewer may look only" };

describe("the pages of access in a browser", function () {
	this.timeout(180_000);
	const dashboard = useDashboard({ env: { SMARTFACTORY_DATA_HISTORY_DAYS: "0" } });
	let asViewer: Awaited<ReturnType<BrowserContext["storageState"]>>;
	let headers: Record<string, string>;

	const ask = (method: string, path: string, body?: object, own: Record<string, string> = headers) =>
		fetch(`${dashboard.system.base}/api/v1${path}`, {
			method,
			headers: { "content-type": "application/json", ...own },
			...(body ? { body: JSON.stringify(body) } : {}),
		});

	before(async () => {
		headers = { authorization: `Bearer ${await dashboard.system.token()}` };
		const { username: name, password } = viewer;
		await ask("POST", "/users", { name, password: "for the first time", role: "viewer" });
		const first = await ask("POST", "/auth/login", { username: name, password: "for the first time" }, {});
		const { accessToken } = (await first.json()) as { accessToken: string };
		const own = { authorization: `Bearer ${accessToken}` };
		await ask("POST", "/auth/password", { current: "for the first time", next: password }, own);
		const origin = { origin: dashboard.system.base };
		const signedIn = await ask("POST", "/auth/login", { ...viewer, session: true }, origin);
		const [, cookie = "", value = ""] = /^([^=]+)=([^;]+)/.exec(signedIn.headers.getSetCookie()[0] ?? "") ?? [];
		const where = {
			domain: "127.0.0.1",
			path: "/",
			expires: -1,
			httpOnly: true,
			secure: false,
			sameSite: "Lax" as const,
		};
		asViewer = { cookies: [{ name: cookie, value, ...where }], origins: [] };
	});

	async function visit(options?: Parameters<typeof dashboard.visit>[1]): Promise<Page> {
		const page = await dashboard.visit("/dashboard/access", options);
		await page.locator(".se-card-access-users .se-order").first().waitFor();
		await page.locator(".se-audit-row").first().waitFor();
		return page;
	}
	const row = (page: Page, name: string) => page.locator(".se-card-access-users .se-order").filter({ hasText: name });

	it("make a user with a password shown once, change the role, and have it all in an unbroken audit", async () => {
		const page = await visit();
		const users = page.locator(".se-card-access-users");
		await users.getByRole("button", { name: "Add user" }).click();
		await page.keyboard.type("kim");
		await page.keyboard.press("Enter");
		const password = await users.locator(".se-secret-text").inputValue();
		const first = await ask("POST", "/auth/login", { username: "kim", password }, {});
		assert.equal(((await first.json()) as { mustChangePassword: boolean }).mustChangePassword, true);
		await users.getByRole("button", { name: "I have it" }).click();
		assert.ok(!(await page.content()).includes(password));

		await users.getByRole("button", { name: "Change: kim" }).click();
		await page.selectOption("#se-user-site-demo", "operator");
		await users.getByRole("button", { name: "Save role" }).click();
		await row(page, "Demo steel works: Operator").waitFor();
		const audit = page.locator(".se-card-access-audit");
		const changed = audit.locator(".se-audit-row").filter({ hasText: "Change a user" }).filter({ hasText: "kim" });
		await changed.click();
		await audit
			.locator(".se-diff tr")
			.filter({ hasText: "At sites · demo" })
			.filter({ hasText: "+Operator" })
			.waitFor();
		await audit.getByText(/^Unbroken, \d+ entries/).waitFor();
		await picture(page, "access-light-en");

		await page.selectOption("#se-audit-what", "addUser");
		await until(
			async () => (await audit.locator(".se-audit-row").allTextContents()).every((text) => text.includes("Add a user")),
			() => "the filter did not hold",
		);
		const [file] = await Promise.all([
			page.waitForEvent("download"),
			audit.getByRole("button", { name: "Export CSV" }).click(),
		]);
		const lines = readFileSync(await file.path(), "utf8")
			.trim()
			.split("\r\n");
		assert.match(lines[0] ?? "", /sequence,time,who,what/);
		assert.ok(lines.length === 3 && lines.slice(1).every((line) => line.includes(",addUser,")));
		assert.deepEqual(dashboard.wrongs, []);
	});

	it("ask twice before they take something away, and say why the last administrator stays", async () => {
		const page = await visit();
		const users = page.locator(".se-card-access-users");
		await users.getByRole("button", { name: "Change: admin" }).click();
		await users.getByRole("button", { name: "Switch off" }).click();
		await users.locator(".se-sure").getByRole("button", { name: "Switch off" }).click();
		await users.getByText(/admin is the only admin/).waitFor();

		const keys = page.locator(".se-card-access-keys");
		await keys.getByRole("button", { name: "Create key" }).click();
		await page.keyboard.type("meter gateway");
		await keys.getByRole("button", { name: "Create", exact: true }).click();
		const key = await keys.locator(".se-secret-text").inputValue();
		const withKey = (): Promise<Response> => ask("GET", "/auth/me", undefined, { "x-api-key": key });
		assert.equal((await withKey()).status, 200);
		await keys.getByRole("button", { name: "Revoke: meter gateway" }).click();
		assert.equal((await withKey()).status, 200);
		await keys.locator(".se-sure").getByRole("button", { name: "Revoke" }).click();
		await keys.getByText("No keys yet").waitFor();
		assert.equal((await withKey()).status, 401);
	});

	it("are nothing that a viewer sees, asks or learns of; the account is everybody's", async () => {
		const page = await dashboard.visit("/dashboard/account", { storageState: asViewer });
		const account = page.locator(".se-card-account");
		await account.locator(".se-order").first().waitFor();
		assert.match(await read(account), /viewer.*Viewer/);
		await page.locator(".v-app-bar-nav-icon").click();
		const menu = page.locator(".v-navigation-drawer");
		await menu.getByText("My account").waitFor();
		assert.equal(await menu.getByText("Access", { exact: true }).count(), 0);
		const asked = (path: string) => page.evaluate(`fetch("/api/v1${path}").then(({ status }) => status)`);
		for (const path of ["/users", "/api-keys", "/audit", "/audit/verification"]) assert.equal(await asked(path), 403);
		assert.equal(await asked("/auth/sessions"), 200);
		// Not even what Dashboard tells a page of its widgets names them.
		const told: string[] = [];
		page.on("websocket", (socket) => socket.on("framereceived", ({ payload }) => told.push(String(payload))));
		page.on("response", (answer) => {
			if (answer.url().includes("socket.io"))
				answer.text().then(
					(text) => told.push(text),
					() => undefined,
				);
		});
		await page.goto(`${dashboard.system.base}/dashboard/access`);
		await until(
			() => told.some((text) => text.includes("ui-config")),
			() => "the page was told nothing",
		);
		assert.ok(told.some((text) => text.includes("card-account")));
		assert.ok(!told.some((text) => text.includes('"access-users"') || text.includes('"/access"')));
		assert.equal(await page.locator(".se-card-access-users, .se-card-access-keys, .se-card-access-audit").count(), 0);
	});

	it("can be read and reached by everybody, also who uses a keyboard alone", async () => {
		const page = await visit();
		await page.locator(".se-card-access-users .se-order button").first().press("Enter");
		await page.locator(".se-audit-row").first().press("Enter");
		await page.locator(".se-card-access-keys .se-act-first").press("Enter");
		assert.equal(await page.evaluate("document.activeElement.id"), "se-key-name");
		await page.locator(".se-verdict .se-good").waitFor();
		await assertAccessible(page);
		await picture(page, "access-open-light");
	});

	it("fit a phone, in the dark and in Korean", async () => {
		const options = { viewport: phone, hasTouch: true, isMobile: true, colorScheme: "dark", locale: "ko-KR" } as const;
		const page = await visit(options);
		await page.locator(".se-card-access-users .se-order button").first().click();
		await page.locator(".se-audit-row").first().click();
		await assertFitsPhone(page);
		await assertAccessible(page);
		await picture(page, "access-phone-dark");
		const own = await dashboard.visit("/dashboard/account", options);
		await own.locator(".se-card-account .se-order").first().waitFor();
		await assertFitsPhone(own);
		await assertAccessible(own);
		await picture(own, "account-phone-dark");
		assert.deepEqual(dashboard.wrongs, []);
	});
});
