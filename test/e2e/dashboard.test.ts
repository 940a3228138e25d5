import assert from "node:assert/strict";
import type { Browser, Page } from "playwright-core";
import { password, until } from "../flows/system.ts";
import { assertAccessible, assertFitsPhone, phone, picture, read, useDashboard, wall } from "./dashboard.ts";

describe("the Now page in a browser", function () {
	this.timeout(240_000);
	const dashboard = useDashboard();

	async function visit(options?: Parameters<Browser["newContext"]>[0]): Promise<Page> {
		const page = await dashboard.visit("/", options);
		await page.locator(".se-card-power-now .se-big").waitFor();
		await page.locator(".se-chart path.se-line").first().waitFor();
		// The total is drawn by what the store knows; the machines come with the live picture.
		await page.locator("button.se-chip").first().waitFor();
		await page.locator(".se-row").first().waitFor();
		return page;
	}

	const number = (page: Page, card: string): Promise<string> => read(page.locator(`.se-card-${card} .se-big`));
	/** How far the total's line reaches over the time axis, 0…1. */
	async function filled(page: Page): Promise<number> {
		const plot = await page.locator(".se-chart").boundingBox();
		const line = await page.locator(".se-chart path.se-line").first().boundingBox();
		return line && plot ? line.width / plot.width : 0;
	}

	it("answers with the power now, and the answer moves", async () => {
		const page = await visit();
		const first = await read(page.locator(".se-machines"));
		assert.match(await number(page, "power-now"), /^[\d.,]+[kM]W$/);
		assert.match(await number(page, "energy-today"), /^[\d.,]+[kM]Wh$/);
		await until(
			async () => (await read(page.locator(".se-machines"))) !== first,
			() => "no number changed",
		);
		await picture(page, "desktop-light-en");
		assert.deepEqual(dashboard.wrongs, []);
	});

	it("shows the last 24 hours at once after a reload", async () => {
		const page = await visit();
		await page.reload();
		await page.locator(".se-chart path.se-line").first().waitFor();
		let share = 0;
		await until(
			async () => {
				share = await filled(page);
				return share > 0.6;
			},
			() => `filled to ${share}`,
		);
		assert.match(await number(page, "power-now"), /\d/);
	});

	it("speaks Korean at a touch and remembers it", async () => {
		const page = await visit();
		assert.equal(await read(page.locator("h1.se-page")), "Now");
		await page.getByRole("button", { name: "한국어" }).click();
		assert.equal(await read(page.locator("h1.se-page")), "현재");
		assert.equal(await read(page.locator(".se-card-power-now .se-title")), "현재 전력");
		assert.match(await read(page.locator(".se-machines")), /전기로/);
		assert.equal(await page.locator("html").getAttribute("lang"), "ko");
		await page.reload();
		await page.getByRole("heading", { name: "현재 전력" }).waitFor();
		await picture(page, "desktop-light-ko");
	});

	it("follows the system's dark setting, and the reader's own choice above it", async () => {
		const page = await visit({ colorScheme: "dark" });
		const ground = () => page.evaluate("getComputedStyle(document.querySelector('.nrdb-app')).backgroundColor");
		assert.equal(await page.locator("html").getAttribute("data-se-tone"), "dark");
		assert.equal(await ground(), "rgb(17, 20, 22)");
		await picture(page, "desktop-dark-en");
		await page.getByRole("button", { name: /Colours/ }).click();
		await until(
			async () => (await ground()) === "rgb(242, 244, 245)",
			() => "the page did not turn light",
		);
	});

	it("fits a phone in one column, with targets for a finger", async () => {
		const page = await visit({ viewport: phone, hasTouch: true, isMobile: true });
		await assertFitsPhone(page);
		await picture(page, "phone-light-en");
		// Korean has one switch more beside the page's name.
		const korean = await visit({ viewport: phone, hasTouch: true, isMobile: true, locale: "ko-KR" });
		const clipped = "((title) => title.scrollWidth > title.clientWidth)(document.querySelector('#app-bar-title'))";
		assert.equal(await korean.evaluate(clipped), false);
		await assertFitsPhone(korean);
		await picture(korean, "phone-light-ko");
		assert.deepEqual(dashboard.wrongs, []);
	});

	it("shows everything on a wall screen without scrolling", async () => {
		const page = await visit({ viewport: wall });
		assert.equal(await page.evaluate("document.documentElement.scrollHeight <= innerHeight"), true);
		const listFits = "((list) => list.scrollHeight <= list.clientHeight)(document.querySelector('.se-machines'))";
		assert.equal(await page.evaluate(listFits), true);
		const spill =
			"[...document.querySelectorAll('.se-card')].filter((e) => e.scrollHeight > e.clientHeight + 1).map((e) => e.className)";
		assert.deepEqual(await page.evaluate(spill), []);
		await picture(page, "wall-light-en");
	});

	it("is used by keyboard alone", async () => {
		const page = await visit();
		const reached = new Set<string>();
		for (let press = 0; press < 60 && reached.size < 4; press++) {
			await page.keyboard.press("Tab");
			const where = (await page.evaluate("document.activeElement.className")) as string;
			for (const part of ["se-switch", "se-chart", "se-chip", "se-row"]) {
				if (String(where).split(" ").includes(part)) reached.add(part);
			}
		}
		assert.equal(reached.size, 4, [...reached].join(", "));

		const chart = page.locator(".se-chart");
		await chart.focus();
		await chart.press("ArrowLeft");
		await chart.press("ArrowLeft");
		assert.match((await chart.getAttribute("aria-valuetext")) ?? "", /\d\d:\d\d: Site total [\d.]+ [kM]W/);
		assert.ok(await page.locator(".se-readout").isVisible());
		await chart.press("Escape");
		assert.equal(await page.locator(".se-readout").count(), 0);

		const row = page.locator(".se-row").first();
		await row.press("Enter");
		assert.equal(await row.getAttribute("aria-expanded"), "true");
		assert.match(await read(page.locator(".se-details")), /rating/);
	});

	for (const colorScheme of ["light", "dark"] as const) {
		it(`is accessible, ${colorScheme}: names, roles, and contrast of 4.5:1`, async () => {
			const page = await visit({ colorScheme });
			await assertAccessible(page);
		});
	}

	it("draws eight machines at most and says so", async () => {
		const page = await visit();
		const off = page.locator('.se-chip[aria-pressed="false"]:enabled');
		while ((await off.count()) > 0) await off.first().click();
		assert.equal(await page.locator('.se-chip[aria-pressed="true"]').count(), 8);
		assert.ok(await page.locator(".se-legend .se-note").isVisible());
		assert.equal(await page.locator(".se-chart path.se-line").count(), 9);
	});

	it("is left by signing out: the same browser has to sign in again", async () => {
		const page = await dashboard.visit("/dashboard", { storageState: { cookies: [], origins: [] } });
		await page.fill("#username", "admin");
		await page.fill("#password", password);
		await page.click("#submit");
		await page.getByRole("button", { name: "Sign out" }).click();
		await page.locator("#password").waitFor();
		await page.goto(`${dashboard.system.base}/dashboard`);
		await page.locator("#password").waitFor();
		assert.equal(await page.locator(".se-card").count(), 0);
	});

	it("lets nobody see it who has not signed in", async () => {
		const page = await dashboard.visit("/dashboard", { storageState: { cookies: [], origins: [] } });
		await page.locator("#password").waitFor();
		assert.equal(await page.locator(".se-card").count(), 0);
	});
});
