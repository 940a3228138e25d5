import assert from "node:assert/strict";
import type { EventEmitter } from "node:events";
import { readFileSync } from "node:fs";
import type { Node, NodeMessage } from "node-red";
import type { Interval } from "../../lib/telemetry/interval.ts";
import type { EnergySiteNode } from "../../nodes/energy-site/config.ts";
import { SampleStore } from "../lib/report/sample.ts";
import { siteNode, useTemporaryStore } from "../support/store-site.ts";
import { next, nodeSet, useNodeRed } from "./harness.ts";

interface Sent<T = Record<string, unknown>> extends NodeMessage {
	payload: T;
	topic?: string;
	event?: string;
}

const contract = { configVersion: 2, tariff: "kepco/industrial-b/high-a/II", contractKw: "700" };
const main = { id: "main", name: "Main meter", area: "site", role: "main", ratedKw: 900 };

describe("tou-price node", () => {
	const helper = useNodeRed();
	const store = useTemporaryStore(helper);

	const load = (config: object = {}, site: object = {}) =>
		helper.load(
			[nodeSet("energy-site"), nodeSet("tou-price")] as never,
			[
				{ id: "f", type: "tab" },
				siteNode(store.url, { ...contract, machines: [main], ...site }),
				{
					...{ id: "n", z: "f", type: "tou-price", site: "site", operation: "readings", live: false, aheadMin: "0" },
					...{ wires: [["out"], ["events"], ["live"]], ...config },
				},
				{ id: "out", z: "f", type: "helper" },
				{ id: "events", z: "f", type: "helper" },
				{ id: "live", z: "f", type: "helper" },
			] as { id: string; type: string }[],
		);
	const site = (): EnergySiteNode => helper.getNode("site") as unknown as EnergySiteNode;
	const send = (msg: object) => (helper.getNode("n") as Node).receive(msg as NodeMessage);
	const failure = () =>
		new Promise<{ firstArg: { code: string } }>((resolve) => {
			(helper.getNode("n") as EventEmitter).on("call:error", resolve);
		});
	const ask = async <T = Record<string, unknown>>(msg: object): Promise<Sent<T>> => {
		const answer = next<Sent<T>>("out");
		send(msg);
		return answer;
	};
	const at = "2026-11-23T10:00:00+09:00";

	it("prices a reading, and a batch as a batch, and leaves the rest of the message alone", async () => {
		await load();
		const price = site().pricer().energyPrice(Date.parse(at));
		const one = await ask({ payload: { machine: "main", time: at, powerKw: 60 }, keep: 1 });
		assert.deepEqual(one.payload, {
			...{ machine: "main", time: at, powerKw: 60 },
			...{ priceKrwPerKwh: price, band: "on-peak", costKrw: null },
		});
		assert.equal((one as unknown as { keep: number }).keep, 1);
		const later = [{ machine: "main", time: "2026-11-23T10:01:00+09:00", powerKw: 60 }];
		const many = await ask<{ costKrw: number }[]>({ payload: later });
		assert.equal(many.payload[0]?.costKrw, price);
	});

	for (const more of [{ tariff: "kepco/unknown" }, { tariff: "dynamic/series" }, { contractKw: "none" }]) {
		it(`lets readings flow on unpriced with ${JSON.stringify(more)}`, async () => {
			await load({}, more);
			const reading = { machine: "main", time: at, powerKw: 60 };
			assert.deepEqual((await ask({ payload: [reading] })).payload, [reading]);
		});
	}

	it("answers questions about prices", async () => {
		await load();
		const { payload } = await ask<{ band: string; until: string }>({ query: { at } });
		assert.equal(payload.band, "on-peak");
		const day = await ask<{ items: object[] }>({ query: { from: at, resolution: "15min" } });
		assert.equal(day.payload.items.length, 96);
	});

	it("prices a page of intervals as energy-store answers it, though the question for it still stands", async () => {
		await load();
		const items = [{ start: at, end: "2026-11-23T10:15:00+09:00", machine: "main", energyKwh: 10 }];
		const { payload } = await ask<{ items: { costKrw: number }[]; nextCursor: string }>({
			...{ query: { from: at }, payload: { items, nextCursor: "next" } },
		});
		assert.equal(payload.items[0]?.costKrw, 10 * site().pricer().energyPrice(Date.parse(at)));
		assert.equal(payload.nextCursor, "next");
	});

	it("says what is wrong with a question, a payload, and an operation", async () => {
		await load({ operation: "from-message" });
		for (const [msg, code] of [
			[{ operation: "readings", payload: "no reading" }, "tariff.not-readings"],
			[{ operation: "price", query: { at: "soon" } }, "store.bad-query"],
			[{ operation: "magic" }, "store.bad-query"],
			[{ operation: "cost", payload: {} }, "tariff.input"],
			[{ operation: "bill", payload: { month: "2026-10" } }, "report.no-data"],
		] as const) {
			const failed = failure();
			send(msg);
			assert.equal((await failed).firstArg.code, code);
			(helper.getNode("n") as EventEmitter).removeAllListeners("call:error");
		}
	});

	it("takes dynamic prices, keeps them over a restart, and says which are missing", async () => {
		await load({}, { tariff: "dynamic/series" });
		// Of a day that is over: no price of it is the one of now.
		const day = new Date(Date.now() - 2 * 86_400_000).toISOString().slice(0, 10);
		const [nine, ten, eleven, noon] = ["09", "10", "11", "12"].map((hour) => `${day}T${hour}:00:00+09:00`);
		const prices = [
			{ time: nine, price: 90 },
			{ time: ten, price: 100 },
		];
		assert.deepEqual((await ask({ topic: "prices", payload: prices })).payload, { prices: 2 });
		assert.equal((await ask<{ priceKrwPerKwh: number }>({ query: { at: ten } })).payload.priceKrwPerKwh, 100);
		await helper.unload();
		await load({ live: true }, { tariff: "dynamic/series" });
		// Restored from the store before the first message.
		const live = await next<Sent<{ now: { priceKrwPerKwh: number | null }; knownUntil: string | null }>>("live");
		assert.equal(live.payload.now.priceKrwPerKwh, null);
		const gone = await ask<{ items: object[]; missing: object[] }>({
			query: { from: ten, to: noon },
		});
		assert.deepEqual(gone.payload.missing, [{ from: eleven, to: noon }]);
	});

	it("says by itself what energy costs now, ahead and today", async () => {
		await load({ live: true });
		type Price = { type: string; time: string; now: { band: string }; todayCostKrw: number; horizon: object[] };
		const { topic, payload } = await next<Sent<Price>>("live");
		assert.deepEqual([topic, payload.type, payload.todayCostKrw], ["price", "price", 0]);
		assert.equal(payload.now.band, site().pricer().band(Date.parse(payload.time)));
		assert(payload.horizon.length >= 1);
	});

	it("announces the next change when it is near, as an event of the live feed, and anew when prices come", async () => {
		await load({ live: true, aheadMin: "1440" }, { tariff: "dynamic/series" });
		const hourMs = 3_600_000;
		const thisHour = Math.floor(Date.now() / hourMs) * hourMs;
		const announced = next<Sent<{ at: string; from: object; text: { ko: string } }>>("events");
		send({ topic: "prices", payload: [0, 1, 2, 3].map((h) => ({ time: thisHour + h * hourMs, price: 100 + h })) });
		const { topic, event, payload } = await announced;
		assert.deepEqual([topic, event], ["event", "price.band-change"]);
		assert.equal((Date.parse(payload.at) - thisHour) % hourMs, 0);
		assert.match(payload.text.ko, /분 뒤 .+₩10\d\/kWh/);
	});

	it("bills a month of the store's quarter-hours", async () => {
		await load({ operation: "bill" });
		const sample = new SampleStore();
		const from = Date.parse("2026-10-01T00:00:00+09:00");
		const { items } = await sample.intervals({
			...{ site: "demo", machine: "main", fromMs: from, toMs: from + 31 * 86_400_000 },
			...{ resolution: "15min", limit: 10_000 },
		});
		await (await site().store()).writeIntervals(items as Interval[]);
		const { payload } = await ask<{ month: string; final: boolean; totalKrw: number; lines: object[] }>({
			query: { month: "2026-10" },
		});
		assert.deepEqual([payload.month, payload.final], ["2026-10", true]);
		assert(payload.totalKrw > 10_000_000);
		assert(payload.lines.length >= 6);
	});

	it("answers the cost of a load whatever the site's own contract says", async () => {
		await load({ operation: "cost" }, { tariff: "nobody/knows" });
		const input = { tariff: "kepco/general-b/high-a/I", month: "2026-05", contractKw: 500, load: { uniformKw: 400 } };
		const { payload } = await ask<{ totalKrw: number }>({ payload: input });
		assert(payload.totalKrw > 0);
	});

	it("survives a site that is not there", async () => {
		await load({ site: "gone", live: true });
		const failed = failure();
		send({ payload: { machine: "main", time: at, powerKw: 1 } });
		assert.equal((await failed).firstArg.code, "nodes.site-missing");
	});

	it("comes with an example of one tab", () => {
		const example = JSON.parse(readFileSync("examples/tou-price.json", "utf8")) as { type: string; z?: string }[];
		assert.equal(example.filter(({ type }) => type === "tab").length, 1);
		assert(example.some(({ type }) => type === "tou-price"));
	});
});
