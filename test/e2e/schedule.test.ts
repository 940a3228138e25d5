import assert from "node:assert/strict";
import { createRequire } from "node:module";
import type { BrowserContext, Page } from "playwright-core";
import type { Job, PlanSummary, StoredPlan } from "../../lib/operation/types.ts";
import { won } from "../../nodes/ui-energy/ui/format.ts";
import { until } from "../flows/system.ts";
import { assertAccessible, assertFitsPhone, PATIENCE_MS, phone, picture, read, useDashboard } from "./dashboard.ts";

const viewer = { name: "viewer", password: "a viewer may look only" };
/** A plan takes its seconds, and a busy machine has others to wait for. */
const PLANNED_MS = 150_000;

describe("the page of the schedule in a browser", function () {
	this.timeout(300_000);
	const dashboard = useDashboard();
	let token: string;
	let asViewer: Awaited<ReturnType<BrowserContext["storageState"]>>;

	before(async () => {
		token = await dashboard.system.token();
		const { createAccess } = createRequire(import.meta.url)("../../dist/lib/access/index.js") as {
			createAccess(options: { home: string }): {
				users: { add(name: string, role: string, password: string): Promise<void> };
			};
		};
		await createAccess({ home: dashboard.system.home }).users.add(viewer.name, "viewer", viewer.password);
		const context = await dashboard.browser.newContext();
		const page = await context.newPage();
		await page.goto(`${dashboard.system.base}/`);
		await page.fill("#username", viewer.name);
		await page.fill("#password", viewer.password);
		await page.click("#submit");
		await page.waitForURL(/\/dashboard/, { timeout: PATIENCE_MS });
		asViewer = { cookies: (await context.storageState()).cookies, origins: [] };
		await context.close();
	});

	async function ask<T>(path: string): Promise<T> {
		const answer = await fetch(`${dashboard.system.base}/api/v1/scheduling/${path}`, {
			headers: { authorization: `Bearer ${token}` },
		});
		assert.equal(answer.status, 200, path);
		return (await answer.json()) as T;
	}
	const plans = async (): Promise<PlanSummary[]> => (await ask<{ items: PlanSummary[] }>("schedules")).items;

	/** The page with a plan on it. */
	async function visit(options?: Parameters<typeof dashboard.visit>[1]): Promise<Page> {
		const page = await dashboard.visit("/dashboard/schedule", options);
		await page.locator(".se-op").first().waitFor({ timeout: PLANNED_MS });
		return page;
	}

	const chosen = (page: Page): Promise<string | null> =>
		page.evaluate("document.activeElement?.getAttribute('data-op')") as Promise<string | null>;

	/** Tab leads to one bar of the chart; the arrow keys lead on from there. */
	async function tabToBar(page: Page): Promise<void> {
		for (let press = 0; press < 40; press++) {
			await page.keyboard.press("Tab");
			if (await chosen(page)) return;
		}
		assert.fail("Tab leads to no bar");
	}

	/** Presses a button of the plan's card, then the one that says so again. */
	async function step(page: Page, name: "Approve" | "Dispatch" | "Withdraw"): Promise<void> {
		const card = page.locator(".se-card-schedule-plan");
		const soon = { timeout: 15_000 };
		await card.getByRole("button", { name, exact: true }).click(soon);
		const sure = card.locator(".se-sure");
		await sure.waitFor(soon);
		await sure.getByRole("button", { name, exact: true }).click(soon);
	}

	it("shows the plan of the day's orders as the API has it: what it saves, how good it is, every operation", async () => {
		const page = await visit();
		await until(
			async () => {
				const [newest] = (await plans()).filter((plan) => plan.status === "proposed");
				if (!newest) return false;
				const plan = await ask<StoredPlan>(`schedules/${newest.id}`);
				const bars = await page.locator(".se-op").count();
				const said = await read(page.locator(".se-card-schedule-plan"));
				const bill = await read(page.locator(".se-card-schedule-bill"));
				return (
					bars === plan.operations.length &&
					said.includes(`version ${plan.version}`) &&
					/No cheaper plan|above the cheapest|Keeps every rule/.test(said) &&
					bill.includes(won(plan.cost.plan.totalKrw))
				);
			},
			() => "the page shows another plan than the API",
			PLANNED_MS,
		);
		await picture(page, "schedule-desktop-light-en");
		await picture(await visit({ locale: "ko-KR" }), "schedule-desktop-light-ko");
		await picture(await visit({ colorScheme: "dark" }), "schedule-desktop-dark-en");
		assert.deepEqual(dashboard.wrongs, []);
	});

	/** Again where a newer plan took the place of the one that was being read. */
	async function whileItStands(page: Page, look: () => Promise<void>): Promise<void> {
		const version = async () => /version \d+/.exec(await read(page.locator(".se-card-schedule-plan")))?.[0];
		for (;;) {
			const before = await version();
			try {
				return await look();
			} catch (error) {
				if ((await version()) === before) throw error;
				await page.reload();
				await page.locator(".se-op").first().waitFor();
			}
		}
	}

	it("is read by keyboard alone: from bar to bar, then why it lies there and what it costs", async () => {
		const page = await visit();
		await whileItStands(page, () => readByKeyboard(page));
	});

	async function readByKeyboard(page: Page): Promise<void> {
		await tabToBar(page);
		const first = await chosen(page);
		await page.keyboard.press("PageUp");
		await page.keyboard.press("PageDown");
		assert.notEqual(await chosen(page), first);
		await page.keyboard.press("Enter");
		const details = page.locator(".se-details-op");
		await details.waitFor({ timeout: 30_000 });
		const label = await page.locator(".se-op[aria-pressed=true]").getAttribute("aria-label");
		const cost = await read(details.locator("tfoot td").last());
		assert.ok(label?.endsWith(cost), `${label} does not end with ${cost}`);
		assert.match(await read(details.locator(".se-verdict")), /\S+.*\./);
		assert.match(await read(details), /kWh/);
		await page.keyboard.press("Escape");
		await details.waitFor({ state: "detached" });
	}

	it("says the same as a table", async () => {
		const page = await visit();
		await page.locator(".se-card-schedule-gantt summary").click();
		const rows = page.locator(".se-table tbody tr");
		await rows.first().waitFor();
		await until(
			async () => (await rows.count()) === (await page.locator(".se-op").count()),
			() => "the table has other operations than the chart",
		);
	});

	it("lets a viewer look, and offers nothing more", async () => {
		const page = await visit({ storageState: asViewer });
		await page.locator(".se-card-schedule-plan").getByText("You may look.").waitFor();
		await page.locator(".se-op").first().click();
		await page.locator(".se-details-op").waitFor();
		for (const name of ["Approve", "Plan now", "Add an order", "Remove", "Keep it here"]) {
			assert.equal(await page.getByRole("button", { name }).count(), 0, name);
		}
	});

	it("takes an order by its form, after it said what is missing", async () => {
		const page = await visit();
		const card = page.locator(".se-card-schedule-orders");
		await card.getByRole("button", { name: "Add an order" }).click();
		await card.getByLabel("Order number").fill("E2E-1");
		await card.getByRole("button", { name: "Save" }).click();
		assert.equal(await card.locator("[aria-invalid=true]").count(), 1);
		await card.getByLabel("Power, kW").fill("30");
		await card.getByRole("button", { name: "CNC cell 1", exact: true }).click();
		await card.getByRole("button", { name: "Save" }).click();
		await card.locator(".se-form").waitFor({ state: "detached" });
		const job = await ask<Job>("jobs/E2E-1");
		assert.equal(job.by, "admin");
		assert.deepEqual(job.operations[0]?.modes, [{ machine: "cnc-1", minutes: 60, powerKw: 30 }]);
	});

	it("names every mistake of a list with its line, and takes over nothing of it", async () => {
		const page = await visit();
		const card = page.locator(".se-card-schedule-orders");
		await card.getByRole("button", { name: "Import a list (CSV)" }).click();
		await card.locator("textarea").fill("id,machine,minutes,powerKw\nE2E-2,cnc-1,45,30\nE2E-3,cnc-1,soon,30\n");
		await card.getByRole("button", { name: "Import", exact: true }).click();
		await card.locator(".se-trouble li").first().waitFor();
		assert.match(await read(card.locator(".se-trouble")), /Line 3: minutes is soon/);
		const { items } = await ask<{ items: Job[] }>("jobs");
		assert.ok(items.every(({ id }) => id !== "E2E-2"));
		await card.locator("textarea").fill("id,machine,minutes,powerKw\nE2E-2,cnc-1,45,30\n");
		await card.getByRole("button", { name: "Import", exact: true }).click();
		await card.locator(".se-form").waitFor({ state: "detached" });
		assert.equal((await ask<Job>("jobs/E2E-2")).id, "E2E-2");
	});

	for (const colorScheme of ["light", "dark"] as const) {
		it(`is accessible, ${colorScheme}: with details, table and form open`, async () => {
			const page = await visit({ colorScheme });
			await page.locator(".se-op").last().focus();
			await page.keyboard.press("Enter");
			await page.locator(".se-card-schedule-gantt summary").click();
			await page.getByRole("button", { name: "Add an order" }).click();
			await page.locator(".se-form").waitFor();
			await assertAccessible(page);
		});
	}

	it("fits a phone in one column: the chart scrolls within its card, targets are for a finger", async () => {
		const page = await visit({ viewport: phone, hasTouch: true, isMobile: true });
		await page.locator(".se-card-schedule-plan .se-act").first().waitFor();
		await assertFitsPhone(page);
		const wide = "(() => { const e = document.querySelector('.se-gantt'); return e.scrollWidth > e.clientWidth; })()";
		assert.equal(await page.evaluate(wide), true);
		await page.locator(".se-op").first().tap();
		await page.locator(".se-details-op").waitFor();
		await picture(page, "schedule-phone");
	});

	it("is approved, dispatched and withdrawn after a second press each, and the API knows by whom", async () => {
		const page = await visit();
		const inForce = async (wanted: PlanSummary["status"]): Promise<PlanSummary | undefined> =>
			(await plans()).find((plan) => plan.status === wanted);
		const next = { Approve: "approved", Dispatch: "dispatched", Withdraw: "withdrawn" } as const;
		for (const name of ["Approve", "Dispatch", "Withdraw"] as const) {
			// A newer plan may take the place of the one on the page between two presses: then the page says so.
			await until(
				async () => {
					if (await inForce(next[name])) return true;
					await step(page, name).catch(() => undefined);
					await page.waitForTimeout(500);
					return (await inForce(next[name])) !== undefined;
				},
				() => `no plan became ${next[name]}`,
				PLANNED_MS,
			);
			if (name === "Approve") assert.equal((await inForce("approved"))?.approvedBy, "admin");
			if (name !== "Dispatch") continue;
			await page.locator(".se-version").filter({ hasText: "Dispatched" }).waitFor();
			await picture(page, "schedule-dispatched");
		}
		await page.locator(".se-version").filter({ hasText: "Withdrawn" }).first().waitFor();
		assert.deepEqual(dashboard.wrongs, []);
	});
});
