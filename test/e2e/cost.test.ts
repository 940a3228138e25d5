import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import type { DemandMessage } from "../../lib/demand/wire.ts";
import type { BillMessage, PriceNow } from "../../lib/tariff/messages-live.ts";
import { power, text } from "../../nodes/ui-energy/ui/format.ts";
import { until } from "../flows/system.ts";
import { assertAccessible, assertFitsPhone, desktop, phone, picture, read, useDashboard, wall } from "./dashboard.ts";

/** ₩1,234,567 or −₩1,234 as a number. */
const won = (text: string): number => Number(text.replace("−", "-").replace(/[₩,]/g, ""));
const rows = (page: Page, selector: string): Promise<string[]> => page.locator(selector).allTextContents();

describe("the pages of cost in a browser", function () {
	this.timeout(240_000);
	// Long enough for a whole month behind the running one, whatever the day.
	const dashboard = useDashboard({ env: { SMARTFACTORY_DATA_HISTORY_DAYS: "70" } });
	let token: string;

	before(async () => {
		token = await dashboard.system.token();
	});

	async function ask<T>(path: string): Promise<T> {
		const answer = await fetch(`${dashboard.system.base}${path}`, { headers: { authorization: `Bearer ${token}` } });
		assert.equal(answer.status, 200, path);
		return (await answer.json()) as T;
	}

	const bill = (month = ""): Promise<BillMessage> => ask(`/api/v1/reports/bill${month ? `?month=${month}` : ""}`);

	/** The page of cost with everything on it. */
	async function visit(options?: Parameters<typeof dashboard.visit>[1]): Promise<Page> {
		const page = await dashboard.visit("/dashboard/cost", options);
		for (const card of ["cost-today", "price-now", "bill-month", "bill-waterfall"]) {
			await page.locator(`.se-card-${card} .se-big`).waitFor();
		}
		return page;
	}

	async function visitNow(options?: Parameters<typeof dashboard.visit>[1]): Promise<Page> {
		const page = await dashboard.visit("/dashboard/now", options);
		await page.locator(".se-card-demand-gauge .se-gauge-track").waitFor();
		await page.locator(".se-card-price-now .se-strip").waitFor();
		await page.locator(".se-chart path.se-line").first().waitFor();
		return page;
	}

	it("shows the price now, until when, and what comes then, as the API has them", async () => {
		const page = await visitNow();
		const card = page.locator(".se-card-price-now");
		await until(
			async () => {
				const { now } = await ask<{ now: PriceNow }>("/api/v1/tou/rates");
				const said = await read(card);
				return (
					Number.parseFloat(await read(card.locator(".se-big .se-num"))) === now.priceKrwPerKwh &&
					said.includes(now.until?.slice(11, 16) ?? "no change") &&
					said.includes(`₩${now.next?.priceKrwPerKwh?.toFixed(1)}`)
				);
			},
			() => "the card says another price than the API",
		);
	});

	it("draws the bands of the tariff behind the load", async () => {
		const page = await visitNow();
		await page.locator('.se-chart rect[class^="se-shade-"]').first().waitFor({ state: "attached" });
		await picture(page, "now-desktop-light-en");
		assert.deepEqual(dashboard.wrongs, []);
	});

	it("shows where the quarter-hour will end, against which levels, as the API has it", async () => {
		const page = await visitNow();
		const card = page.locator(".se-card-demand-gauge");
		const names = { target: "target", contract: "contract", incumbent: "paid for" };
		let said = "";
		// The meter may not have been read yet, and what is paid for changes with a quarter-hour that closes.
		await until(
			async () => {
				const { levels } = await ask<DemandMessage>("/api/v1/demand");
				const expected = levels.map(({ kind, kw }) => `${names[kind]} ${text(power(kw))}`).reverse();
				const shown = await rows(page, ".se-gauge-label");
				const [big, stake] = [await read(card.locator(".se-big")), await read(card.locator(".se-gauge-stake"))];
				said = JSON.stringify({ expected, shown, big, stake });
				return (
					levels.some(({ kind }) => kind === "contract") &&
					shown.join() === expected.join() &&
					/^[\d.,]+[kM]W$/.test(big) &&
					/Costs nothing more|a month until \d{4}-\d\d/.test(stake)
				);
			},
			() => `the gauge: ${said}`,
		);
		const first = await read(card.locator(".se-gauge-facts"));
		await until(
			async () => (await read(card.locator(".se-gauge-facts"))) !== first,
			() => "the energy of the quarter-hour does not grow",
		);
	});

	it("is reached by the menu", async () => {
		const page = await visitNow();
		await page.getByRole("button", { name: "Pages" }).click();
		await page.locator(".v-navigation-drawer").getByText("Cost", { exact: true }).click();
		await page.getByRole("heading", { level: 1, name: "Cost" }).waitFor();
	});

	it("shows this month's bill to the won, line by line", async () => {
		const page = await visit();
		// The card follows the API by a moment after each quarter-hour.
		const remark = page.locator(".se-card-bill-month .se-remark");
		const total = page.locator(".se-card-bill-month .se-big .se-num");
		let expected = await bill();
		let shown = 0;
		await until(
			async () => {
				// The last readings of a quarter-hour change the bill once more after its end.
				expected = await bill();
				shown = won(await read(total));
				if (shown === expected.totalKrw && (await read(remark)).includes(expected.asOf.slice(11, 16))) return true;
				await page.waitForTimeout(3_000);
				return false;
			},
			() => `the card shows ${shown}, the bill of the API says ${expected.totalKrw} as of ${expected.asOf}`,
			150_000,
		);
		const amounts = (await rows(page, ".se-card-bill-month tbody td:last-child")).map(won);
		const lines = expected.lines.filter(({ amountKrw, quantity }) => amountKrw !== 0 || quantity !== 0);
		assert.deepEqual(
			amounts,
			lines.map(({ amountKrw }) => amountKrw),
		);
		const said = await read(page.locator(".se-card-bill-month"));
		assert.ok(said.includes(expected.demand.billingDemandKw.toLocaleString("en-US", { maximumFractionDigits: 1 })));
		await picture(page, "cost-desktop-light-en");
		assert.deepEqual(dashboard.wrongs, []);
	});

	it("builds last month's bill up to its total", async () => {
		const page = await visit();
		const running = await bill();
		const [year = 0, month = 0] = running.month.split("-").map(Number);
		const last = await bill(new Date(Date.UTC(year, month - 2, 1)).toISOString().slice(0, 7));
		assert.equal(last.final, true);
		assert.equal(won(await read(page.locator(".se-card-bill-waterfall .se-big .se-num"))), last.totalKrw);
		const amounts = (await rows(page, ".se-card-bill-waterfall .se-fall-won")).map(won);
		const total = amounts.pop();
		assert.equal(total, last.totalKrw);
		assert.equal(
			amounts.reduce((sum, amount) => sum + amount, 0),
			last.totalKrw,
		);
	});

	it("tells what today has cost, by band", async () => {
		const page = await visit();
		let said = "";
		// A quarter-hour may close between two looks.
		await until(
			async () => {
				const big = won(await read(page.locator(".se-card-cost-today .se-big .se-num")));
				const bands = (await rows(page, ".se-card-cost-today .se-band-won")).map(won);
				const sum = bands.reduce((all, krw) => all + krw, 0);
				said = `${big} is not about ${sum}`;
				// Before the first quarter-hour of a day has closed, today has cost nothing yet.
				const early = new Date(Date.now() + 9 * 3_600_000).getUTCHours() === 0;
				return (early && sum === 0) || (big > 0 && Math.abs(big / sum - 1) < 0.01);
			},
			() => said,
		);
	});

	it("counts large sums by 만 and 억 where a Korean reader asks for it, and remembers", async () => {
		const page = await visit({ locale: "ko-KR" });
		const big = page.locator(".se-card-bill-waterfall .se-big");
		assert.match(await read(big), /^₩[\d,]+$/);
		await page.getByRole("button", { name: /만·억|큰 금액/ }).click();
		assert.match(await read(big), /^(\d+억 ?)?([\d,]+만 ?)?([\d,]+)?원$|만 원$/);
		await page.reload();
		await big.waitFor();
		assert.match(await read(big), /원$/);
		await picture(page, "cost-desktop-light-ko");
	});

	it("names what would cut the bill, the greatest saving first, and what was emitted", async () => {
		const page = await visit();
		const savings = page.locator(".se-advice .se-band-won");
		await savings.first().waitFor({ timeout: 90_000 });
		const krw = (await savings.allTextContents()).map((text) => Number(text.replace(/[^0-9]/g, "")));
		assert.ok(krw.length > 0 && krw.every((sum) => sum > 0), `${krw}`);
		assert.deepEqual(
			krw,
			krw.toSorted((a, b) => b - a),
		);
		await page.getByText("Option III").waitFor();
		await page.locator(".se-card-carbon .se-big").waitFor({ timeout: 60_000 });
		assert.match((await page.locator(".se-card-carbon .se-big").textContent()) ?? "", /CO₂e/);
	});

	it("fits a phone in one column, with targets for a finger", async () => {
		for (const open of [visit, visitNow]) {
			const page = await open({ viewport: phone, hasTouch: true, isMobile: true });
			await assertFitsPhone(page);
		}
		assert.deepEqual(dashboard.wrongs, []);
	});

	it("shows the Now page with price and demand on a wall screen without scrolling or spilling", async () => {
		for (const viewport of [wall, desktop]) {
			const page = await visitNow({ viewport });
			assert.equal(await page.evaluate("document.documentElement.scrollHeight <= innerHeight"), true);
			const spill =
				"[...document.querySelectorAll('.se-card')].filter((e) => e.scrollHeight > e.clientHeight + 1).map((e) => e.className)";
			assert.deepEqual(await page.evaluate(spill), []);
		}
	});

	for (const colorScheme of ["light", "dark"] as const) {
		it(`is accessible, ${colorScheme}: names, roles, and contrast of 4.5:1`, async () => {
			const page = await visit({ colorScheme });
			await page.locator("summary").first().click();
			await assertAccessible(page);
			await assertAccessible(await visitNow({ colorScheme }));
		});
	}
});
