import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import type { WirePast } from "../../models/forecast/forecast-wire.ts";
import { power, text } from "../../nodes/ui-energy/ui/format.ts";
import { until } from "../flows/system.ts";
import { assertAccessible, assertFitsPhone, phone, picture, read, useDashboard } from "./dashboard.ts";

/** The plant's clock is nine hours ahead of UTC the whole year. */
function endOfTomorrow(): number {
	const [day, ahead] = [86_400_000, 9 * 3_600_000];
	return (Math.floor((Date.now() + ahead) / day) + 2) * day - ahead;
}

describe("the page of the forecast in a browser", function () {
	this.timeout(240_000);
	// Long enough for the shipped model, which looks back on weeks.
	const dashboard = useDashboard({ env: { SMARTFACTORY_DATA_HISTORY_DAYS: "30" } });
	let token: string;

	before(async () => {
		token = await dashboard.system.token();
	});

	async function ask(query = ""): Promise<WirePast> {
		const headers = { authorization: `Bearer ${token}` };
		const answer = await fetch(`${dashboard.system.base}/api/v1/forecasts${query}`, { headers });
		assert.equal(answer.status, 200, query);
		return (await answer.json()) as WirePast;
	}

	async function visit(options?: Parameters<typeof dashboard.visit>[1]): Promise<Page> {
		const page = await dashboard.visit("/dashboard/forecast", options);
		await page.locator(".se-card-load-forecast .se-big").waitFor();
		await page.locator(".se-chart path.se-line").first().waitFor({ state: "attached" });
		return page;
	}

	it("shows the load until tomorrow's end with its band, minutes after a first start", async () => {
		const page = await visit();
		const card = page.locator(".se-card-load-forecast");
		// The card and the API speak of the same forecast; a new one may be issued between two looks.
		await until(
			async () => {
				const { items } = await ask();
				const shown = items.filter(({ start }) => Date.parse(start) < endOfTomorrow());
				const highest = text(power(4 * Math.max(...shown.map(({ energyKwh }) => energyKwh))));
				return (await read(card.locator(".se-big"))) === highest.replace(" ", "");
			},
			() => "the card's highest quarter-hour is another than the API's",
			60_000,
		);
		assert.match(await read(card.locator(".se-fc-answer")), /(today|tomorrow) at \d\d:\d\d: between .+ and .+/);
		assert.match(await read(card.locator(".se-fc-answer")), /of the contract demand of 1\.20 MW/);
		assert.match(await read(card.locator(".se-fc-words")), /Issued \d\d:\d\d\./);
		assert.equal(await page.locator(".se-chart path[fill-opacity='0.15']").count(), 1, "no band");
		assert.equal(await page.locator(".se-chart path.se-line").count(), 2);
		await picture(page, "forecast-desktop-light-en");
		assert.deepEqual(dashboard.wrongs, []);
	});

	it("tells the exact reading by keyboard", async () => {
		const page = await visit();
		const slider = page.getByRole("slider");
		await slider.focus();
		await slider.press("End");
		await slider.press("ArrowLeft");
		await until(
			async () => /forecast [\d.,]+ [kM]W/.test((await slider.getAttribute("aria-valuetext")) ?? ""),
			() => "nothing is read out",
		);
	});

	it("draws a machine that is chosen, and remembers the choice", async () => {
		const page = await visit();
		const chooser = page.getByRole("combobox", { name: "Site or machine" });
		await until(
			async () => (await chooser.locator("option[value='furnace-1']").count()) === 1,
			() => "the furnace cannot be chosen",
			60_000,
		);
		await chooser.selectOption("furnace-1");
		await until(
			async () => !(await read(page.locator(".se-fc-answer"))).includes("contract"),
			() => "a machine has no contract of its own",
		);
		await page.reload();
		await page.locator(".se-card-load-forecast .se-big").waitFor();
		assert.equal(await chooser.inputValue(), "furnace-1");
	});

	it("looks back on what had been said, or says that nothing has come due", async () => {
		const page = await visit();
		for (const lead of ["15 min", "1 day"]) {
			const button = page.getByRole("button", { name: lead, exact: true });
			await button.click();
			assert.equal(await button.getAttribute("aria-pressed"), "true");
		}
		assert.match(await read(page.locator(".se-card-load-forecast .se-empty")), /No forecast has come due yet .* 1 day/);
		assert.deepEqual(dashboard.wrongs, []);
	});

	it("fits a phone in one column, with targets for a finger", async () => {
		const page = await visit({ viewport: phone, hasTouch: true, isMobile: true, locale: "ko-KR" });
		await assertFitsPhone(page);
		assert.match(await read(page.locator(".se-fc-words")), /낸 예측입니다/);
		await picture(page, "forecast-phone-light-ko");
	});

	for (const colorScheme of ["light", "dark"] as const) {
		it(`is accessible, ${colorScheme}: names, roles, and contrast of 4.5:1`, async () => {
			const page = await visit({ colorScheme });
			await assertAccessible(page);
			await picture(page, `forecast-desktop-${colorScheme}`);
		});
	}
});
