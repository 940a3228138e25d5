import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { type Browser, type BrowserContext, chromium, type Locator, type Page } from "playwright-core";
import { password, type System, type SystemOptions, startSystem } from "../flows/system.ts";

const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
/** Where the pictures of each view go; nowhere by default. */
const pictures = process.env.E2E_PICTURES;

const axePath = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
interface AxeResults {
	violations: { id: string; nodes: { html: string }[] }[];
}

export const desktop = { width: 1440, height: 900 };
export const wall = { width: 1920, height: 1080 };
export const phone = { width: 390, height: 844 };

/** How long a page may take, ms: a loaded machine takes its time. */
export const PATIENCE_MS = 90_000;

export const read = async (locator: Locator): Promise<string> => (await locator.textContent()) ?? "";

export async function picture(page: Page, name: string): Promise<void> {
	if (pictures) await page.screenshot({ path: `${pictures}/${name}.png`, fullPage: true });
}

/** Holds for every page on a phone: nothing sideways, targets that a finger hits. */
export async function assertFitsPhone(page: Page): Promise<void> {
	assert.equal(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), true);
	const columns = "new Set([...document.querySelectorAll('.se-card')].map((e) => e.getBoundingClientRect().left)).size";
	assert.equal(await page.evaluate(columns), 1);
	// A bar of the schedule is as long as its operation: its whole row takes the touch for it.
	const targets = ".se-card :is(button:not(.se-op), summary), .se-switches button";
	for (const target of await page.locator(targets).all()) {
		const box = await target.boundingBox();
		assert.ok(box && box.height >= 44 && box.width >= 44, `${await read(target)}: ${JSON.stringify(box)}`);
	}
}

/** Names, roles and contrast of a page, by axe. */
export async function assertAccessible(page: Page): Promise<void> {
	await page.addScriptTag({ content: readFileSync(axePath, "utf8") });
	const { violations } = (await page.evaluate("axe.run('.nrdb-app', { resultTypes: ['violations'] })")) as AxeResults;
	const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" | ")}`);
	assert.deepEqual(found, []);
}

/** The running system with a browser on its dashboard. */
export interface Dashboard {
	system: System;
	browser: Browser;
	/** What a page must not do: report errors, or ask anything of another host. Emptied before each test. */
	wrongs: string[];
	contexts: BrowserContext[];
	/** A person who has signed in, with a browser of their own, on a page of the dashboard. */
	visit(path: string, options?: Parameters<Browser["newContext"]>[0]): Promise<Page>;
}

/**
 * Starts system and browser before the tests of the suite that calls it, and ends both after them. Without Chromium the
 * suite is skipped, or fails where CI is set.
 */
export function useDashboard(options: SystemOptions = {}): Dashboard {
	const contexts: BrowserContext[] = [];
	const dashboard = { wrongs: [], contexts } as unknown as Dashboard;
	let signedIn: Awaited<ReturnType<BrowserContext["storageState"]>>;

	before(async function () {
		if (!existsSync(executablePath)) {
			if (process.env.CI) throw new Error(`No Chromium at ${executablePath}; set CHROMIUM.`);
			this.skip();
		}
		if (pictures) mkdirSync(pictures, { recursive: true });
		dashboard.system = await startSystem(options);
		const args = [
			"--no-sandbox",
			"--disable-gpu",
			"--disable-quic",
			"--no-first-run",
			"--disable-background-networking",
		];
		args.push("--disable-component-update", "--disable-sync");
		dashboard.browser = await chromium.launch({ executablePath, args });
		signedIn = await signIn(dashboard);
	});
	beforeEach(() => {
		dashboard.wrongs = [];
	});
	afterEach(async () => {
		await Promise.all(contexts.splice(0).map((context) => context.close()));
	});
	after(async () => {
		await dashboard.browser?.close();
		await dashboard.system?.stop("SIGKILL");
	});

	dashboard.visit = async (path, context = {}) => {
		const visitor = await dashboard.browser.newContext({
			viewport: desktop,
			locale: "en-US",
			storageState: signedIn,
			...context,
		});
		contexts.push(visitor);
		visitor.setDefaultTimeout(PATIENCE_MS);
		const page = await visitor.newPage();
		const { wrongs } = dashboard;
		page.on("console", (message) => message.type() === "error" && wrongs.push(message.text()));
		page.on("pageerror", (error) => wrongs.push(error.message));
		page.on("request", (request) => {
			const { protocol, hostname } = new URL(request.url());
			if (protocol !== "data:" && protocol !== "blob:" && hostname !== "127.0.0.1") wrongs.push(request.url());
		});
		await page.goto(`${dashboard.system.base}${path}`);
		return page;
	};
	return dashboard;
}

/** Signs in as a person does, once: too many sign-ins are refused. */
async function signIn({ browser, system }: Dashboard): Promise<Awaited<ReturnType<BrowserContext["storageState"]>>> {
	const context = await browser.newContext();
	context.setDefaultTimeout(PATIENCE_MS);
	const page = await context.newPage();
	await page.goto(`${system.base}/`);
	await page.fill("#username", "admin");
	await page.fill("#password", password);
	await page.click("#submit");
	await page.waitForURL(/\/dashboard/);
	const state = await context.storageState();
	await context.close();
	return { cookies: state.cookies, origins: [] };
}
