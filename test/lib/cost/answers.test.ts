import assert from "node:assert/strict";
import { type AdviceTask, adviceAnswer } from "../../../lib/cost/advice.ts";
import { adviseOn } from "../../../lib/cost/advise.ts";
import { carbonAnswer, priceAnswer, ratesAnswer } from "../../../lib/cost/answers.ts";
import { bandChange, priceMessage } from "../../../lib/cost/live-price.ts";
import { loadPrices, pricePoints, savePrices } from "../../../lib/cost/prices.ts";
import { openStore } from "../../../lib/store/open.ts";
import { pricerOf } from "../../../lib/tariff/contract.ts";
import type { PriceStep } from "../../../lib/tariff/messages-live.ts";
import { temporaryStore } from "../../support/store-site.ts";
import { SampleStore, site } from "../report/sample.ts";
import { plantContract, seoul } from "./contract.ts";

const now = seoul("2026-11-23T09:20:00");
const contract = plantContract();
const pricer = pricerOf(contract);

describe("prices of a time", () => {
	const ask = (parameters: object, of = contract) =>
		priceAnswer(site, of, () => pricerOf(of), parameters as Record<string, unknown>, now) as {
			items: PriceStep[];
			missing: { from: string; to: string }[];
			band?: string;
			until?: string;
			priceKrwPerKwh?: number | null;
			warnings: { code: string }[];
		};

	it("are stretches that follow each other without gap or overlap, or quarter-hours", () => {
		const { items } = ask({ from: "2026-11-23T00:00:00+09:00", to: "2026-11-30T00:00:00+09:00" });
		for (const [index, step] of items.entries()) if (index > 0) assert.equal(step.from, items[index - 1]?.to);
		assert.equal(items.at(-1)?.to, "2026-11-30T00:00:00+09:00");
		const quarters = ask({ from: "2026-11-23T00:00:00+09:00", resolution: "15min" }).items;
		assert.equal(quarters.length, 96);
	});

	it("of an instant say until when, and what follows", () => {
		const answer = ask({ at: "2026-11-23T09:20:00+09:00" });
		const { next } = pricer.at(now);
		assert.equal(answer.band, pricer.band(now));
		assert.equal(Date.parse(answer.until ?? ""), next?.atMs);
	});

	it("that are not published are null, listed, and said", () => {
		const prices = [0, 1, 2].map((hour) => ({
			time: seoul("2026-11-23T09:00:00") + hour * 3_600_000,
			price: 100 + hour,
		}));
		const dynamic = plantContract({ tariff: "dynamic/series" }, prices);
		const answer = ask({ from: "2026-11-23T09:00:00+09:00", to: "2026-11-24T09:00:00+09:00" }, dynamic);
		assert.deepEqual(
			answer.items.map(({ priceKrwPerKwh }) => priceKrwPerKwh),
			[100, 101, 102, null],
		);
		assert.deepEqual(answer.missing, [{ from: "2026-11-23T12:00:00+09:00", to: "2026-11-24T09:00:00+09:00" }]);
		assert.deepEqual(
			answer.warnings.map(({ code }) => code),
			["tariff.prices-unknown"],
		);
		const message = priceMessage(site.id, dynamic, pricerOf(dynamic), now, { today: null, warnings: [] });
		assert.equal(message.knownUntil, "2026-11-23T12:00:00+09:00");
	});

	for (const parameters of [
		{ from: "yesterday" },
		{ from: "2026-11-24T00:00:00Z", to: "2026-11-23T00:00:00Z" },
		{ from: "2026-01-01T00:00:00Z", to: "2027-11-23T00:00:00Z" },
		{ resolution: "second" },
		{ site: "elsewhere" },
	]) {
		it(`refuses ${JSON.stringify(parameters)}`, () => {
			assert.throws(() => ask(parameters), { code: "store.bad-query" });
		});
	}
});

describe("a change of band", () => {
	it("is announced with both prices, in both languages", () => {
		const change = bandChange(site.id, pricer, seoul("2026-11-23T08:45:00"));
		const night = bandChange(site.id, pricer, seoul("2026-11-23T07:45:00"));
		assert.equal(night?.minutesAhead, 15);
		assert.equal(night?.at, "2026-11-23T08:00:00+09:00");
		assert.match(night?.text.ko ?? "", /^15분 뒤 08:00부터 .+입니다: ₩[\d.]+\/kWh \(현재 경부하 ₩[\d.]+\)\.$/);
		assert.match(night?.text["en-US"] ?? "", /begins at 08:00, in 15 min: ₩[\d.]+\/kWh after Off-peak/);
		assert.notEqual(change?.from.priceKrwPerKwh, change?.to.priceKrwPerKwh);
	});
});

describe("tariffs and rates", () => {
	const ask = (parameters: object) =>
		ratesAnswer(site, contract, () => pricer, parameters as Record<string, unknown>, now) as {
			tariff: { id: string; versions: { effective: string; inForce: boolean; energy: object[]; demand: object[] }[] };
			horizon: PriceStep[];
			tariffs: { id: string }[];
			now: { band: string };
		};

	it("name every version with its rates, and which is in force", () => {
		const { tariff, tariffs, horizon } = ask({});
		assert.equal(tariff.id, "kepco/industrial-b/high-a/II");
		assert.deepEqual(
			tariff.versions.filter(({ inForce }) => inForce).map(({ effective }) => effective),
			["2026-04-16"],
		);
		assert(tariff.versions.every(({ energy, demand }) => energy.length >= 9 && demand.length === 1));
		assert(tariffs.some(({ id }) => id === "kepco/general-b/high-b/I"));
		assert.equal(horizon.at(-1)?.to, "2026-11-24T09:30:00+09:00");
	});

	it("of another tariff are shown when it is named", () => {
		assert.equal(ask({ tariff: "kepco/general-b/high-a/I" }).tariff.id, "kepco/general-b/high-a/I");
		assert.throws(() => ask({ tariff: "kepco/none" }), { code: "tariff.unknown" });
	});
});

describe("emissions", () => {
	it("are energy times the factor of its year, by the day", async () => {
		const answer = (await carbonAnswer(
			new SampleStore(),
			site,
			{ from: "2026-11-02T00:00:00+09:00", to: "2026-11-05T00:00:00+09:00" },
			now,
		)) as { kgCo2e: number; energyKwh: number; items: { start: string }[]; factors: { kgCo2ePerKwh: number }[] };
		assert.deepEqual(
			answer.items.map(({ start }) => start),
			["2026-11-02T00:00:00+09:00", "2026-11-03T00:00:00+09:00", "2026-11-04T00:00:00+09:00"],
		);
		assert(Math.abs(answer.kgCo2e - answer.energyKwh * (answer.factors[0]?.kgCo2ePerKwh ?? 0)) < 1e-6);
	});
});

describe("recommendations", () => {
	it("are ranked by what they save a year, with a reason in both languages", async () => {
		let given: AdviceTask | undefined;
		const answer = await adviceAnswer(new SampleStore(), site, contract, { months: "6" }, now, async (task) => {
			given = structuredClone(task);
			return adviseOn(given);
		});
		assert.deepEqual([answer.firstMonth, answer.months], ["2026-05", 6]);
		assert(given?.kwh.every((kwh) => kwh >= 0));
		assert(answer.items.length >= 3);
		for (const [index, { rank, savingKrwPerYear, reason }] of answer.items.entries()) {
			assert.equal(rank, index + 1);
			assert(savingKrwPerYear > 0 && savingKrwPerYear < answer.yearKrw);
			assert(savingKrwPerYear <= (answer.items[index - 1]?.savingKrwPerYear ?? Number.POSITIVE_INFINITY));
			assert(reason.ko.length > 10 && reason["en-US"].length > 10);
		}
		assert(answer.warnings.some(({ code }) => code === "tariff.advice-short"));
	});

	it("stand beside what the same load costs under other options, versions and contract demands", async () => {
		const answer = await adviceAnswer(new SampleStore(), site, contract, { months: "6" }, now, async (task) =>
			adviseOn(task),
		);
		const { compared, yearKrw, items, contractKw, tariff } = answer;
		for (const by of ["option", "version", "contract-demand"] as const) {
			const rows = compared.filter((row) => row.by === by);
			assert(rows.length >= 2, by);
			for (const row of rows) assert.equal(row.yearKrw - row.moreKrw, yearKrw);
			assert.deepEqual(
				rows.map((row) => row.yearKrw),
				rows.map((row) => row.yearKrw).toSorted((a, b) => a - b),
			);
		}
		const options = compared.filter(({ by }) => by === "option");
		assert(options.every((row) => row.tariff !== tariff && row.contractKw === contractKw && row.version === null));
		// What is advised is what is compared: another option is named exactly where one is cheaper.
		const advised = items.find(({ kind }) => kind === "option");
		assert.equal(
			advised !== undefined,
			options.some(({ moreKrw }) => moreKrw < 0),
		);
		assert(
			compared.filter(({ by }) => by === "version").every(({ version }) => /^\d{4}-\d\d-\d\d$/.test(version ?? "")),
		);
	});

	it("need a finished month", async () => {
		const young = new SampleStore({ sinceMs: seoul("2026-11-10T00:00:00") });
		await assert.rejects(
			adviceAnswer(young, site, contract, {}, now, async (task) => adviseOn(task)),
			{ code: "tariff.too-little-data" },
		);
	});
});

describe("dynamic prices", () => {
	it("are kept in the store and come back, newer ones above older", async () => {
		const folder = temporaryStore();
		const store = await openStore(folder.url);
		try {
			const points = (price: number) =>
				pricePoints([
					{ time: "2026-10-31T23:00:00Z", priceKrwPerKwh: price },
					{ time: "2026-11-01T00:00:00Z", priceKrwPerKwh: price + 1 },
				]);
			await savePrices(store, site.id, points(100));
			await savePrices(store, site.id, points(90).slice(1));
			assert.deepEqual(await loadPrices(store, site.id, now), [
				{ time: Date.parse("2026-10-31T23:00:00Z"), price: 100 },
				{ time: Date.parse("2026-11-01T00:00:00Z"), price: 91 },
			]);
		} finally {
			await store.close();
			folder.remove();
		}
	});

	it("are refused whole, naming the entry", () => {
		for (const payload of [{}, [], [{ time: "2026-11-01T00:00:00Z" }], [{ time: "soon", price: 1 }]]) {
			assert.throws(() => pricePoints(payload), { code: "tariff.series" });
		}
	});
});
