import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { password, type Served, serve } from "../lib/access/harness.ts";
import { PATIENCE_MS } from "./dashboard.ts";

const executablePath = [
	process.env.CHROMIUM,
	"/usr/bin/chromium",
	"/usr/bin/chromium-browser",
	"/usr/bin/google-chrome",
]
	.filter((path) => path !== undefined)
	.find((path) => existsSync(path));

describe("the sign-in page in a browser", function () {
	this.timeout(240_000);
	let served: Served;
	let browser: Browser;
	before(async function () {
		if (!executablePath) {
			if (process.env.CI) throw new Error("No Chromium: set CHROMIUM to its path");
			this.skip();
		}
		served = await serve();
		browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
	});
	after(async () => {
		await browser?.close();
		await served?.close();
	});

	/** A page whose every request stays on this server and whose scripts raise no error. */
	async function visit(
		path: string,
		options: BrowserContextOptions,
		act: (page: Page) => Promise<void>,
	): Promise<void> {
		const context = await browser.newContext(options);
		context.setDefaultTimeout(PATIENCE_MS);
		const page = await context.newPage();
		const foreign: string[] = [];
		const errors: string[] = [];
		page.on("request", (request) => {
			if (!request.url().startsWith(served.base)) foreign.push(request.url());
		});
		page.on("pageerror", (error) => errors.push(error.message));
		page.on("console", (message) => {
			if (message.type() === "error" && !/status of (401|429)/.test(message.text())) errors.push(message.text());
		});
		await page.goto(served.base + path);
		await act(page);
		await context.close();
		assert.deepEqual(foreign, []);
		assert.deepEqual(errors, []);
	}

	it("is passed with the keyboard alone, and leads back to the page that was asked for", async () => {
		await visit("/own-page?machine=furnace-1", { locale: "en-US" }, async (page) => {
			assert.match(page.url(), /\/login\?next=/);
			await page.keyboard.type("admin");
			await page.keyboard.press("Tab");
			await page.keyboard.type(password);
			await page.keyboard.press("Enter");
			await page.waitForURL("**/own-page?machine=furnace-1");
		});
	});

	it("says in Korean what was wrong, keeps the name and waits in the password field", async () => {
		await visit("/login", { locale: "ko-KR" }, async (page) => {
			await page.fill("#username", "kim");
			await page.fill("#password", "wrong");
			await page.press("#password", "Enter");
			await page.waitForSelector("[role=alert]:visible");
			assert.match((await page.textContent("[role=alert]")) ?? "", /비밀번호가 맞지 않습니다/);
			assert.equal(await page.inputValue("#username"), "kim");
			await page.waitForFunction("document.activeElement.id === 'password'");
			await page.click("text=English");
			await page.locator("#submit", { hasText: /^\s*Sign in\s*$/ }).waitFor();
		});
	});

	it("works without scripts", async () => {
		await visit("/login?next=/own-page", { javaScriptEnabled: false }, async (page) => {
			assert.equal(await page.isVisible("#show"), false);
			await page.fill("#username", "admin");
			await page.fill("#password", password);
			await page.click("#submit");
			await page.waitForURL(`${served.base}/own-page`);
		});
	});

	for (const colorScheme of ["light", "dark"] as const) {
		it(`fits a phone, with targets for a thumb and text that can be read (${colorScheme})`, async () => {
			await visit("/login", { viewport: { width: 390, height: 844 }, colorScheme }, async (page) => {
				assert.equal(await page.evaluate("document.documentElement.scrollWidth"), 390);
				for (const target of await page.locator("input:visible, button:visible, nav a").all()) {
					const box = await target.boundingBox();
					assert(box && box.height >= 44, await target.evaluate((element) => element.outerHTML));
				}
				for (const selector of ["h1", ".lead", "label", "#show", "#submit", ".hint"]) {
					const ratio = await contrastOf(page, selector);
					assert(ratio >= 4.5, `${selector}: ${ratio}`);
				}
			});
		});
	}
});

/** Contrast by WCAG 2 between an element's text and the first opaque ground behind it. */
async function contrastOf(page: Page, selector: string): Promise<number> {
	const [text, ground] = (await page.evaluate(`(() => {
		const element = document.querySelector(${JSON.stringify(selector)});
		let behind = element;
		while (/rgba\\(.*, 0\\)/.test(getComputedStyle(behind).backgroundColor)) behind = behind.parentElement;
		return [getComputedStyle(element).color, getComputedStyle(behind).backgroundColor];
	})()`)) as [string, string];
	const luminance = (color: string): number => {
		const parts = (color.match(/[\d.]+/g) ?? []).slice(0, 3).map((part) => {
			const share = Number(part) / 255;
			return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
		});
		return 0.2126 * (parts[0] ?? 0) + 0.7152 * (parts[1] ?? 0) + 0.0722 * (parts[2] ?? 0);
	};
	const [darker = 0, lighter = 0] = [luminance(text), luminance(ground)].toSorted((a, b) => a - b);
	return (lighter + 0.05) / (darker + 0.05);
}
