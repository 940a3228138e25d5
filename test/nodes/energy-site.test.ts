import assert from "node:assert/strict";
import type { EnergySiteNode } from "../../nodes/energy-site/config.ts";
import { machinesOf } from "../../nodes/energy-site/machines.ts";
import { siteNode, temporaryStore } from "../support/store-site.ts";
import { nodeSet, useNodeRed } from "./harness.ts";

describe("energy-site node", () => {
	const helper = useNodeRed();
	let store: ReturnType<typeof temporaryStore>;
	beforeEach(() => {
		store = temporaryStore();
	});
	afterEach(async () => {
		await helper.unload();
		store.remove();
	});

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

describe("machines of a site", () => {
	it("are read from JSON text with what is not said filled in", () => {
		assert.deepEqual(machinesOf('[{"id":"a","ratedKw":"75","rules":"{\\"noDataMs\\":60000}"}]'), [
			{ id: "a", name: "a", area: "", role: "sub", ratedKw: 75, rules: { noDataMs: 60_000 } },
		]);
	});

	for (const [text, field] of [
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
