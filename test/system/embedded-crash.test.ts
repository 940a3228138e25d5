import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import mqtt from "mqtt";
import { type System, startSystem, until } from "../flows/system.ts";

describe("the whole system, killed while meters send", function () {
	this.timeout(300_000);
	let home: string;
	let system: System | undefined;
	before(() => {
		home = mkdtempSync(join(tmpdir(), "smart-energy-crash-"));
	});
	after(async () => {
		await system?.stop("SIGKILL");
		rmSync(home, { recursive: true, force: true });
	});

	/** Times of the stored readings of the machine that sends. */
	async function stored(of: System): Promise<Set<string>> {
		const headers = { authorization: `Bearer ${await of.token()}` };
		const times = new Set<string>();
		const from = new Date(Date.now() - 3_600_000).toISOString();
		for (let cursor = ""; ; ) {
			const query = `machine=crash-1&resolution=raw&limit=10000&from=${from}${cursor && `&cursor=${cursor}`}`;
			const answer = await fetch(`${of.base}/api/v1/data/sensors?${query}`, { headers });
			const { items = [], nextCursor } = (await answer.json()) as { items?: { time: string }[]; nextCursor?: string };
			for (const { time } of items) times.add(time);
			if (!nextCursor) return times;
			cursor = nextCursor;
		}
	}

	it("has every reading that its embedded broker acknowledged", async () => {
		system = await startSystem({ home });
		const login = JSON.parse(readFileSync(join(home, "secrets", "mqtt.json"), "utf8")) as object;
		const meter = await mqtt.connectAsync(`mqtt://127.0.0.1:${system.mqttPort}`, { ...login, reconnectPeriod: 0 });
		meter.on("error", () => undefined);
		const acknowledged = new Set<string>();
		let timeMs = Date.now() - 120_000;
		// Twenty waves of a hundred; the process dies in the middle of one.
		for (let wave = 0; wave < 20 && meter.connected; wave++) {
			const sent = Array.from({ length: 100 }, async () => {
				const time = new Date(timeMs++).toISOString();
				const text = JSON.stringify({ time, powerKw: 10 });
				await meter.publishAsync("smartfactory/demo/hall/crash-1/telemetry", text, { qos: 1 });
				acknowledged.add(time);
			});
			if (wave === 19) await Promise.race(sent).then(() => system?.child.kill("SIGKILL"));
			else await Promise.all(sent);
		}
		await system.stop("SIGKILL");
		meter.end(true);
		assert(acknowledged.size >= 1_900, `${acknowledged.size} acknowledged`);

		system = await startSystem({ home });
		const again = system;
		let missing: string[] = [];
		await until(
			async () => {
				const there = await stored(again);
				missing = [...acknowledged].filter((time) => !there.has(time));
				return missing.length === 0;
			},
			() => `${missing.length} of ${acknowledged.size} acknowledged readings are lost`,
			60_000,
		);
	});
});
