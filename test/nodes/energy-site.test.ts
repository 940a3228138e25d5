import assert from "node:assert/strict";
import type { EnergySiteNode } from "../../nodes/energy-site/config.ts";
import { machinesOf } from "../../nodes/energy-site/machines.ts";
import { migrateSite, type Site1 } from "../../nodes/energy-site/migrate.ts";
import { siteNode, useTemporaryStore } from "../support/store-site.ts";
import { nodeSet, useNodeRed } from "./harness.ts";

describe("energy-site node", () => {
	const helper = useNodeRed();
	const store = useTemporaryStore(helper);

	async function start(more: object = {}): Promise<EnergySiteNode> {
		await helper.load(nodeSet("energy-site"), [siteNode(store.url, more)]);
		return helper.getNode("site") as unknown as EnergySiteNode;
	}

	it("gives its nodes the site as it was configured", async () => {
		const { site } = await start();
		assert.equal(site.id, "demo");
		assert.equal(site.timeZone, "Asia/Seoul");
		assert.deepEqual(site.machines, [{ id: "press", name: "Press", area: "hall", role: "sub", ratedKw: 100 }]);
	});

	it("opens the store once, however often it is asked", async () => {
		const node = await start();
		assert.equal(node.store(), node.store());
		assert.equal((await (await node.store()).stats()).readings, 0);
	});

	it("says what is wrong with a store it can't open, and tries again at the next question", async () => {
		const node = await start({ storeUrl: "postgresql://plant/energy" });
		await assert.rejects(node.store(), { code: "store.engine-not-built" });
		await assert.rejects(node.store(), { code: "store.engine-not-built" });
	});

	for (const more of [{ siteId: "no/slash" }, { timeZone: "Mars/Olympus" }, { machines: [{ id: "" }] }]) {
		it(`gives no site with ${JSON.stringify(more)}, and does not stop the flow`, async () => {
			assert.equal((await start(more)).site, undefined);
		});
	}
});

describe("the contract of a site", () => {
	const helper = useNodeRed();
	const seoul = (time: string): number => Date.parse(`${time}+09:00`);

	async function start(more: object = {}): Promise<EnergySiteNode> {
		await helper.load(nodeSet("energy-site"), [siteNode("sqlite::memory:", more)]);
		return helper.getNode("site") as unknown as EnergySiteNode;
	}

	it("prices by the tariff it names", async () => {
		const node = await start({ configVersion: 2, tariff: "kepco/industrial-b/high-a/II", contractKw: "1200" });
		const { contractKw, billingDay, tariff } = node.contract();
		assert.deepEqual([contractKw, billingDay, tariff.id], [1200, 1, "kepco/industrial-b/high-a/II"]);
		assert.equal(node.pricer().band(seoul("2026-11-23T10:00:00")), "on-peak");
		assert.equal(node.pricer(), node.pricer(), "made once a day");
	});

	it("of version 1 is priced by the two rates of the configuration", async () => {
		process.env.SMARTFACTORY_POWER_BASE_RATE_KRW_PER_KWH = "100";
		process.env.SMARTFACTORY_POWER_TOU_PEAK_RATE = "2";
		process.env.SMARTFACTORY_POWER_PEAK_POWER_LIMIT = "640";
		try {
			const node = await start({ configVersion: 1 });
			assert.equal(node.contract().contractKw, 640);
			const pricer = node.pricer();
			assert.equal(pricer.energyPrice(seoul("2026-11-23T10:00:00")), 200);
			assert.equal(pricer.energyPrice(seoul("2026-11-22T10:00:00")), 70);
		} finally {
			for (const name of Object.keys(process.env)) if (name.startsWith("SMARTFACTORY_POWER_")) delete process.env[name];
		}
	});

	it("keeps versions that were put off, more holidays and past peaks", async () => {
		const node = await start({
			tariff: "kepco/industrial-b/high-a/II",
			deferrals: '{"2026-04-16": "2026-10-01"}',
			extraHolidays: "2026-11-23, 2026-11-24",
			previousPeaks: '{"2026-01": 132}',
			billingDay: "15",
		});
		assert.equal(node.pricer().at(seoul("2026-09-30T12:00:00")).version < "2026-04-16", true);
		assert.equal(node.pricer().at(seoul("2026-10-01T12:00:00")).version, "2026-04-16");
		assert.equal(node.pricer().band(seoul("2026-11-23T10:00:00")), "off-peak");
		assert.deepEqual([...node.contract().previousPeaks.values()], [{ kw: 132 }]);
		assert.equal(node.contract().billingDay, 15);
	});

	it("follows the changes of its contract, as the dialog's table holds them", async () => {
		const node = await start({
			tariff: "kepco/industrial-b/high-a/II",
			contractKw: "700",
			contractChanges: [
				{ from: "2020-03-01", tariff: "kepco/industrial-b/high-a/I", contractKw: "900", billingDay: "" },
				{ from: "2999-01-01", tariff: "", contractKw: "1200", billingDay: "" },
			],
		});
		const { contractKw, tariff, history } = node.contract();
		assert.deepEqual([contractKw, tariff.id], [900, "kepco/industrial-b/high-a/I"]);
		assert.equal(history.spans.at(-1)?.contractKw, 1200);
	});

	it("with dynamic prices knows none before they come, and takes new ones over old", async () => {
		const node = await start({ tariff: "dynamic/series" });
		assert.throws(() => node.pricer(), { code: "tariff.series-needed" });
		node.takePrices([
			{ time: "2026-11-23T10:00:00+09:00", price: 90 },
			{ time: "2026-11-23T11:00:00+09:00", price: 80 },
		]);
		node.takePrices([{ time: "2026-11-23T11:00:00+09:00", price: 85 }]);
		assert.equal(node.pricer().energyPrice(seoul("2026-11-23T11:30:00")), 85);
		assert(Number.isNaN(node.pricer().energyPrice(seoul("2026-11-23T12:00:00"))));
	});

	for (const [more, code] of [
		[{ tariff: "kepco/nothing" }, "tariff.unknown"],
		[{ tariff: "own/a", tariffFile: "/nowhere/tariff.json" }, "tariff.file"],
		[{ contractKw: "-5" }, "tariff.contract"],
		[{ billingDay: "32" }, "tariff.contract"],
		[{ contractChanges: [{ from: "2026-05-11" }] }, "tariff.contract"],
		[{ deferrals: "[]" }, "tariff.contract"],
		[{ previousPeaks: '{"2026-01": "much"}' }, "tariff.contract"],
		[{ extraHolidays: "tomorrow" }, "calendar.date"],
	] as const) {
		it(`says ${code} for ${JSON.stringify(more)}, where it is asked for, and the site goes on`, async () => {
			const node = await start(more);
			assert.throws(() => node.pricer(), { code });
			assert.equal(node.site.id, "demo");
		});
	}

	it("comes with a migration that keeps what a site said", () => {
		const saved = { ...siteNode("", { configVersion: 1 }) } as unknown as Site1;
		const migrated = migrateSite(saved);
		assert.equal(migrated.configVersion, 2);
		assert.equal(migrated.tariff, "simple");
		assert.equal(migrated.siteId, "demo");
		const again = migrateSite({ ...migrated, tariff: "kepco/general-b/high-b/I" });
		assert.equal(again.tariff, "kepco/general-b/high-b/I");
		// As the editor's dialog hands over what an older flow does not have.
		const edited = { ...migrated, fuelAdjustments: undefined } as unknown as Site1;
		assert.equal(migrateSite(edited).fuelAdjustments, "");
	});
});

describe("machines of a site", () => {
	it("have hours, as an object or as the text that a person typed", () => {
		const work = {
			shifts: [{ days: "mon-fri", from: "06:00", to: "02:00" }],
			setups: [{ from: "A", to: "B", minutes: 15 }],
		};
		for (const given of [work, JSON.stringify(work)]) {
			assert.deepEqual(machinesOf([{ id: "a", work: given }])[0]?.work, work);
		}
	});

	it("are read from JSON text with what is not said filled in", () => {
		assert.deepEqual(machinesOf('[{"id":"a","ratedKw":"75","rules":"{\\"noDataMs\\":60000}"}]'), [
			{ id: "a", name: "a", area: "", role: "sub", ratedKw: 75, rules: { noDataMs: 60_000 } },
		]);
	});

	for (const [text, field] of [
		['[{"id":"a","work":{"shift":[]}}]', "machines[0].work.shift"],
		['[{"id":"a","work":{"shifts":[{"days":"weekdays","from":"06:00","to":"22:00"}]}}]', "machines[0].work.shifts[0]"],
		['[{"id":"a","work":{"shifts":[{"days":"mon-fri","from":"6","to":"22:00"}]}}]', "machines[0].work.shifts[0]"],
		['[{"id":"a","work":{"maintenance":[{"start":"today","end":"tomorrow"}]}}]', "machines[0].work.maintenance[0]"],
		['[{"id":"a","work":{"minPauseMinutes":-1}}]', "machines[0].work.minPauseMinutes"],
		['[{"id":"a","work":{"batchSize":1.5}}]', "machines[0].work.batchSize"],
		["{", "machines"],
		["[1]", "machines[0]"],
		['[{"id":"a b"}]', "machines[0].id"],
		['[{"id":"a"},{"id":"a"}]', "machines"],
		['[{"id":"a","ratedKw":-1}]', "machines[0].ratedKw"],
		['[{"id":"a","role":"boss"}]', "machines[0].role"],
		['[{"id":"a","rules":"{"}]', "machines[0].rules"],
		['[{"id":"a","rules":{"noDatMs":1}}]', "machines[0].rules.noDatMs"],
	] as const) {
		it(`are refused, naming ${field}, in ${text}`, () => {
			assert.throws(
				() => machinesOf(text),
				(error: { code: string; details: { field: string } }) => {
					assert.equal(error.code, "config.machines");
					assert.equal(error.details.field, field);
					return true;
				},
			);
		});
	}
});
