import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { AlarmBook, type Signal } from "../../lib/alarms/book.ts";
import { openStore } from "../../lib/store/open.ts";
import { password, type System, startSystem, until } from "../flows/system.ts";
import { PATIENCE_MS } from "./dashboard.ts";

const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
/** Where the pictures of each view go; nowhere by default. */
const pictures = process.env.E2E_PICTURES;
const axePath = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

const viewer = { name: "viewer", password: "a viewer may look only" };

/** Alarms as they stood when the plant's computer lost power. */
async function leaveAlarms(home: string): Promise<void> {
	const signal = (more: Partial<Signal> & Pick<Signal, "rule" | "machine" | "cause">): Signal => ({
		...{ group: `${more.rule}:${more.machine}`, on: true, priority: "medium", suppress: null, excessKw: null },
		...{ onDelayMs: 0, offDelayMs: 0 },
		...more,
	});
	const book = new AlarmBook();
	const atMs = Date.now() - 12 * 60_000;
	const usual = { score: 0.94, method: "ensemble", feature: "powerKw", value: 58.2, usual: 41.5, unit: "kW" };
	const changes = [
		signal({
			...{ rule: "anomaly", machine: "compressor-1", priority: "high", excessKw: 16.7 },
			cause: { code: "alarms.cause.anomaly-above", details: usual },
		}),
		signal({
			...{ rule: "overload", machine: "chiller-1" },
			cause: { code: "alarms.cause.above", details: { measure: "loadPercent", value: 114, limit: 110, unit: "%" } },
		}),
		signal({
			...{ rule: "efficiency", machine: "mill-1", priority: "low" },
			cause: { code: "alarms.cause.below", details: { measure: "efficiency", value: 0.64, limit: 0.7, unit: "" } },
		}),
	].flatMap((one) => book.observe(one, atMs));
	const store = await openStore(`sqlite://${home}/energy.db`);
	await store.saveDocuments({
		...{ site: "demo", kind: "alarm", put: [...book.all()].map((value) => ({ id: value.id, atMs, value })) },
		journal: changes.map(({ line }) => ({ subject: line.alarm, atMs: line.atMs, value: line })),
	});
	await store.close();
}

/** Flows without the detection of anomalies: it would find the simulated machines well and settle what was left. */
function leaveOutAnalysis(home: string): void {
	const flows = JSON.parse(readFileSync("flows/flows.json", "utf8")) as { id: string; disabled?: boolean }[];
	for (const node of flows) if (node.id === "tab-analyse") node.disabled = true;
	writeFileSync(join(home, "flows.json"), JSON.stringify(flows));
}

describe("the alarm card in a browser", function () {
	this.timeout(240_000);
	let system: System;
	let home: string;
	let browser: Browser;
	let token: string;
	const contexts: BrowserContext[] = [];
	const wrongs: string[] = [];
	let sessions: Record<string, Awaited<ReturnType<BrowserContext["storageState"]>>>;

	before(async function () {
		if (!existsSync(executablePath)) {
			if (process.env.CI) throw new Error(`No Chromium at ${executablePath}; set CHROMIUM.`);
			this.skip();
		}
		if (pictures) mkdirSync(pictures, { recursive: true });
		home = mkdtempSync(join(tmpdir(), "smart-energy-alarms-"));
		await leaveAlarms(home);
		leaveOutAnalysis(home);
		system = await startSystem({ home });
		token = await system.token();
		const { createAccess } = createRequire(import.meta.url)("../../dist/lib/access/index.js") as {
			createAccess(options: { home: string }): {
				users: { add(name: string, role: string, password: string): Promise<void> };
			};
		};
		await createAccess({ home }).users.add(viewer.name, "viewer", viewer.password);
		const args = [
			"--no-sandbox",
			"--disable-gpu",
			"--disable-quic",
			"--no-first-run",
			"--disable-background-networking",
		];
		browser = await chromium.launch({
			executablePath,
			args: [...args, "--disable-component-update", "--disable-sync"],
		});
		sessions = { admin: await signIn("admin", password), viewer: await signIn(viewer.name, viewer.password) };
	});
	afterEach(async () => {
		await Promise.all(contexts.splice(0).map((context) => context.close()));
		assert.deepEqual(wrongs.splice(0), []);
	});
	after(async () => {
		await browser?.close();
		await system?.stop("SIGKILL");
		rmSync(home, { recursive: true, force: true });
	});

	async function signIn(name: string, secret: string): Promise<(typeof sessions)[string]> {
		const context = await browser.newContext();
		context.setDefaultTimeout(PATIENCE_MS);
		const page = await context.newPage();
		await page.goto(`${system.base}/`);
		await page.fill("#username", name);
		await page.fill("#password", secret);
		await page.click("#submit");
		await page.waitForURL(/\/dashboard/);
		const { cookies } = await context.storageState();
		await context.close();
		return { cookies, origins: [] };
	}

	async function visit(
		who: "admin" | "viewer",
		options: Parameters<Browser["newContext"]>[0] = {},
		path = "alarms",
	): Promise<Page> {
		const viewport = { width: 1440, height: 900 };
		const context = await browser.newContext({ viewport, locale: "en-US", storageState: sessions[who], ...options });
		contexts.push(context);
		context.setDefaultTimeout(PATIENCE_MS);
		const page = await context.newPage();
		page.on("console", (message) => message.type() === "error" && wrongs.push(message.text()));
		page.on("pageerror", (error) => wrongs.push(error.message));
		await page.goto(`${system.base}/dashboard/${path}`);
		await page.locator(".se-notice").first().waitFor();
		return page;
	}
	const picture = async (page: Page, name: string): Promise<void> => {
		if (pictures) await page.screenshot({ path: `${pictures}/${name}.png`, fullPage: true });
	};
	const alarm = (page: Page, name: string) => page.locator(".se-notice").filter({ hasText: name });
	const meta = async (page: Page, name: string): Promise<string> =>
		(await alarm(page, name).locator(".se-alarm-meta").textContent()) ?? "";
	const becomes = (page: Page, name: string, expected: RegExp): Promise<void> =>
		until(
			async () => expected.test(await meta(page, name)),
			() => `${name} did not become ${expected}`,
			60_000,
		);

	it("shows after a power cut what stood before it: the most urgent first, with its cause", async () => {
		// Machines have their names once the live picture is there.
		const first = async (page: Page, expected: RegExp): Promise<void> => {
			let said: string | null = "";
			await until(
				async () => {
					said = await page.locator(".se-notice").first().textContent();
					return expected.test(said ?? "");
				},
				() => `${said} is not ${expected}`,
			);
		};
		const page = await visit("admin");
		await first(page, /Air compressor 1.*Power is 58\.2 kW, usually 41\.5 kW/i);
		await picture(page, "alarms-light-en");
		const korean = await visit("admin", { locale: "ko-KR" });
		await first(korean, /공기압축기 1호.*평소 41\.5 kW보다 높음/);
		await picture(korean, "alarms-light-ko");
	});

	it("tells below what happened, whether it is too much, and how efficient machines are", async () => {
		const page = await visit("viewer");
		const happened = page.locator(".se-happened");
		await happened.first().waitFor();
		assert.match((await happened.last().textContent()) ?? "", /Power is 58\.2 kW|Load is 114 %|fficiency/);
		await page.getByText("one operator can answer 150").waitFor();
		await page.getByText("Air compressor 1 · unusual behaviour").first().waitFor();
		await page.locator(".se-eff").first().waitFor({ timeout: 60_000 });
		const phone = await visit("viewer", { viewport: { width: 390, height: 844 } });
		await phone.locator(".se-eff").first().waitFor({ timeout: 60_000 });
		const { scroll, width } = (await phone.evaluate(
			"({ scroll: document.documentElement.scrollWidth, width: innerWidth })",
		)) as { scroll: number; width: number };
		assert.ok(scroll <= width, `${scroll} px wide`);
		await picture(phone, "alarms-past-phone");
	});

	it("lets a viewer look, and offers nothing more", async () => {
		const page = await visit("viewer");
		await page.getByText("You may look.").waitFor();
		assert.equal(await page.locator(".se-act").count(), 0);
	});

	it("shelves for half an hour and shows it again, by hand", async () => {
		const page = await visit("admin");
		await alarm(page, "Chiller 1").getByRole("button", { name: "Shelve" }).click();
		await picture(page, "alarms-shelving-en");
		await alarm(page, "Chiller 1").getByRole("button", { name: "30 min" }).click();
		await becomes(page, "Chiller 1", /shelved until (\d\d-\d\d )?\d\d:\d\d/);
		await alarm(page, "Chiller 1").getByRole("button", { name: "Unshelve" }).click();
		// The simulated chiller runs within its rating, so its alarm may be over by now.
		await becomes(page, "Chiller 1", /^(new|over)/);
	});

	it("is acknowledged by keyboard alone, and the journal knows by whom", async () => {
		const page = await visit("admin");
		await alarm(page, "Air compressor 1").waitFor();
		for (let press = 0; press < 60; press++) {
			await page.keyboard.press("Tab");
			const label = (await page.evaluate("document.activeElement.getAttribute('aria-label')")) as string | null;
			if (label?.startsWith("Acknowledge: Air compressor 1")) break;
		}
		await page.keyboard.press("Enter");
		await becomes(page, "Air compressor 1", /acknowledged by admin/);
		const answer = await fetch(`${system.base}/api/v1/alarms/anomaly.compressor-1/journal`, {
			headers: { authorization: `Bearer ${token}` },
		});
		const { items } = (await answer.json()) as { items: { type: string; by: string }[] };
		assert.deepEqual([items[0]?.type, items[0]?.by], ["acknowledged", "admin"]);
	});

	it("stands on the Now page, first on a phone, with targets for a finger", async () => {
		const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
		const page = await visit("admin", phone, "now");
		assert.equal(await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), true);
		await page.locator(".se-card-power-now .se-big").waitFor();
		const top = async (card: string): Promise<number> =>
			(await page.locator(`.se-card-${card}`).boundingBox())?.y ?? -1;
		assert.ok((await top("alarms")) < (await top("power-now")));
		await page.locator(".se-act").first().waitFor();
		for (const target of await page.locator(".se-act").all()) {
			const box = await target.boundingBox();
			assert.ok(box && box.height >= 44 && box.width >= 44, `${await target.textContent()}: ${JSON.stringify(box)}`);
		}
		await picture(page, "alarms-phone");
		const wall = await visit("admin", { viewport: { width: 1920, height: 1080 }, colorScheme: "dark" }, "now");
		await wall.locator(".se-chart path.se-line").first().waitFor();
		await picture(wall, "alarms-wall-dark");
	});

	for (const colorScheme of ["light", "dark"] as const) {
		it(`is accessible, ${colorScheme}`, async () => {
			const page = await visit("admin", { colorScheme });
			await page.locator(".se-act").first().waitFor();
			await page.addScriptTag({ content: readFileSync(axePath, "utf8") });
			const { violations } = (await page.evaluate("axe.run('.nrdb-app', { resultTypes: ['violations'] })")) as {
				violations: { id: string; nodes: { html: string }[] }[];
			};
			assert.deepEqual(
				violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" | ")}`),
				[],
			);
		});
	}
});
