import assert from "node:assert/strict";
import type { EventEmitter } from "node:events";
import { mock } from "node:test";
import type { NodeMessage } from "node-red";
import type { WireReading } from "../../lib/telemetry/reading.ts";
import { demoSite, fakeSite } from "./fake-site.ts";
import { next, nodeSet, useNodeRed } from "./harness.ts";

/** The helper's types know no properties of our nodes. */
const flow = (nodes: object[]) => nodes as { id: string; type: string }[];

describe("meter-decode node", () => {
	const helper = useNodeRed();
	const load = (config: object = {}) =>
		helper.load(
			[fakeSite(demoSite()), nodeSet("meter-decode")] as never,
			flow([
				{ id: "f", type: "tab" },
				{ id: "s", type: "energy-site" },
				{
					id: "n",
					z: "f",
					type: "meter-decode",
					site: "s",
					machine: "press",
					profile: "eastron-sdm630",
					mergeMs: 20,
					wires: [["out"]],
					...config,
				},
				{ id: "out", z: "f", type: "helper" },
			]),
		);
	const send = (msg: object) => helper.getNode("n").receive(msg as NodeMessage);
	const heard = (event: string) =>
		new Promise<{ firstArg: Error & { text: string } }>((resolve) => {
			(helper.getNode("n") as EventEmitter).once(event, resolve);
		});
	const sdm630 = () => {
		const words = new Array<number>(74).fill(0);
		words.splice(0x34, 2, 0x4724, 0x7400); // 42,100 W
		return { payload: words, input: { payload: { fc: 4, address: 0, quantity: 74 } }, topic: "polling" };
	};

	it("turns what a Modbus read sends into a reading of its machine, now", async () => {
		await load();
		const out = next<NodeMessage & { payload: WireReading }>("out");
		const before = Date.now();
		send(sdm630());
		const { payload, topic } = await out;
		assert.deepEqual([payload.site, payload.machine, payload.powerKw, topic], ["demo", "press", 42.1, "polling"]);
		assert.ok(Date.parse(payload.time) >= before);
	});

	it("sends what came where the rest of the poll does not come in time", async () => {
		await load({ profile: "schneider-iem3000" });
		const out = next<NodeMessage & { payload: WireReading }>("out");
		send({ payload: [0, 0, 0, 1500], input: { payload: { fc: 3, address: 0x0c83 } } });
		const { payload } = await out;
		assert.equal(payload.energyKwh, 1.5);
		assert.equal(payload.powerKw, undefined);
	});

	it("says that the meter is not connected, sends nothing, and goes on after", async () => {
		await load();
		const status = heard("call:status");
		send({ payload: "", error: new Error("Timed out") });
		assert.equal((await status).firstArg.text, "status.not-connected");
		const out = next<NodeMessage & { payload: WireReading }>("out");
		send(sdm630());
		assert.equal((await out).payload.powerKw, 42.1);
	});

	it("does not show the last value of a meter that fell silent as if it were now", async () => {
		await load();
		mock.timers.enable({ apis: ["setTimeout", "Date"], now: Date.now() });
		try {
			const shown: string[] = [];
			const pass = async (ms: number) => {
				mock.timers.tick(ms);
				await new Promise(setImmediate);
			};
			(helper.getNode("n") as EventEmitter).on("call:status", ({ firstArg }) => shown.push(firstArg.text));
			for (let poll = 0; poll < 3; poll++) {
				const out = next("out");
				send(sdm630());
				await out;
				await pass(15_000);
			}
			assert.deepEqual(shown, ["42.1 kW"]);
			await pass(29_999);
			assert.deepEqual(shown, ["42.1 kW"], "two missed polls are no silence yet");
			await pass(1);
			assert.deepEqual(shown, ["42.1 kW", "status.not-connected"]);
		} finally {
			mock.timers.reset();
		}
	});

	it("reads by a profile of one's own, in another word order", async () => {
		const profile = {
			blocks: [{ functionCode: 3, start: 10, count: 2 }],
			fields: { powerKw: { functionCode: 3, address: 10, type: "float32", unit: "kW" } },
		};
		await load({ profile: "custom", customProfile: JSON.stringify(profile), wordOrder: "CDAB" });
		const out = next<NodeMessage & { payload: WireReading }>("out");
		send({ payload: [0x6666, 0x4228] });
		assert.equal((await out).payload.powerKw, 42.1);
	});

	for (const [what, config, msg, code] of [
		["a profile that is broken", { profile: "custom", customProfile: "{" }, {}, "telemetry.bad-profile"],
		["a meter that is not known", { profile: "acme" }, {}, "telemetry.unknown-profile"],
		["no machine", { machine: "" }, {}, "telemetry.no-machine"],
		["a payload without registers", {}, { payload: "42" }, "telemetry.no-registers"],
	] as const)
		it(`fails the message, not the flow, for ${what}`, async () => {
			await load(config);
			const error = heard("call:error");
			send(msg);
			assert.ok(String((await error).firstArg).includes(code));
		});
});
