import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openStore } from "../../lib/store/open.ts";
import type { Interval } from "../../lib/telemetry/interval.ts";
import { next, nodeSet, useNodeRed } from "./harness.ts";

const QUARTER_MS = 900_000;
const DAYS = 15;

interface Forecast {
	machine: string;
	method: string;
	fallback?: string;
	issued: string;
	share: number;
	points: { start: string; energyKwh: number; lowerKwh: number; upperKwh: number }[];
}

describe("power-forecast node", function () {
	this.timeout(60_000);
	const helper = useNodeRed();
	const folder = mkdtempSync(join(tmpdir(), "power-forecast-"));
	const storeUrl = `sqlite://${folder}/energy.db`;
	/** The load depends on the quarter-hour alone, so no test depends on when it runs. */
	const loadAt = (startMs: number): number => 10 + ((startMs / QUARTER_MS) % 96);
	let home: string | undefined;

	before(async () => {
		home = process.env.SMARTFACTORY_HOME;
		process.env.SMARTFACTORY_HOME = folder;
		const store = await openStore(storeUrl);
		await store.defineSite({ id: "demo", timeZone: "Asia/Seoul" });
		const nowMs = Math.floor(Date.now() / QUARTER_MS) * QUARTER_MS;
		const intervals: Interval[] = Array.from({ length: DAYS * 96 }, (_, i) => {
			const startMs = nowMs - (DAYS * 96 - i) * QUARTER_MS;
			const energyKwh = loadAt(startMs);
			return {
				...{ site: "demo", machine: "press", startMs, durationMs: QUARTER_MS },
				...{ energyKwh, estimatedKwh: 0, meanKw: energyKwh * 4, maxKw: energyKwh * 4, minKw: energyKwh * 4 },
				...{ coverage: 1, quality: "good" as const, samples: 15 },
			};
		});
		await store.writeIntervals(intervals);
		await store.close();
	});
	after(() => {
		if (home === undefined) delete process.env.SMARTFACTORY_HOME;
		else process.env.SMARTFACTORY_HOME = home;
		rmSync(folder, { recursive: true, force: true });
	});

	const machines = [{ id: "press", name: "Press", area: "hall", role: "sub", ratedKw: 100 }];
	const site = { configVersion: 2, name: "Demo", siteId: "demo", timeZone: "Asia/Seoul", unknownMachines: "accept" };
	const flow = [
		{ id: "f", type: "tab" },
		{ id: "site", type: "energy-site", ...site, storeUrl, machines },
		{
			id: "n",
			type: "power-forecast",
			site: "site",
			everyMinutes: 0,
			horizonMinutes: 60,
			z: "f",
			wires: [["out"], ["models"]],
		},
		{ id: "out", type: "helper", z: "f" },
		{ id: "models", type: "helper", z: "f" },
	];
	const load = () => helper.load([nodeSet("energy-site"), nodeSet("power-forecast")], flow);
	const ask = async <T>(payload: unknown): Promise<T> => {
		const answer = next<{ payload: T }>("out");
		helper.getNode("n").receive({ payload });
		return (await answer).payload;
	};
	const failure = async (payload: unknown): Promise<string> => {
		const node = helper.getNode("n");
		const failed = new Promise<{ firstArg: Error }>((resolve) => node.once("call:error", resolve));
		node.receive({ payload });
		return String((await failed).firstArg);
	};

	it("forecasts every machine and the site when asked for nothing in particular", async () => {
		await load();
		const said = await ask<Forecast[]>(Date.now());
		assert.deepEqual(
			said.map(({ machine }) => machine),
			["total", "press"],
		);
		for (const { points, method, fallback, share } of said) {
			assert.equal(points.length, 4);
			assert.deepEqual([method, fallback, share], ["seasonal-naive", "no-model", 0.9]);
			// Without a model: last week's values, which this load repeats.
			assert.deepEqual(
				points.map(({ energyKwh }) => energyKwh),
				points.map(({ start }) => loadAt(Date.parse(start))),
			);
		}
	});

	it("forecasts one machine as far as asked, and remembers what it said", async () => {
		await load();
		const said = await ask<Forecast>({ machine: "press", horizonMinutes: 1440 });
		assert.equal(said.points.length, 96);
		const from = said.issued;
		const to = new Date(Date.parse(from) + 86_400_000).toISOString();
		const { items } = await ask<{ items: { energyKwh: number }[] }>({ machine: "press", from, to, leadMinutes: 60 });
		// What was said at least an hour before: all but the first four.
		assert.deepEqual(
			items.map(({ energyKwh }) => energyKwh),
			said.points.slice(4).map(({ energyKwh }) => energyKwh),
		);
	});

	it("fails the message for a machine that isn't there, a horizon too far and a time that is none", async () => {
		await load();
		assert.match(await failure({ machine: "lathe" }), /models\.machine-unknown.*lathe/);
		assert.match(await failure({ machine: "press", horizonMinutes: 20_000 }), /models\.horizon/);
		assert.match(await failure({ machine: "press", horizonMinutes: 20 }), /models\.horizon/);
		assert.match(await failure({ machine: "press", from: "yesterday" }), /store\.bad-query.*yesterday/);
	});

	it("survives a missing site, and says so", async () => {
		const orphan = [
			{ id: "f", type: "tab" },
			{ id: "n", type: "power-forecast", site: "gone", z: "f", wires: [[], []] },
		];
		await helper.load([nodeSet("energy-site"), nodeSet("power-forecast")], orphan);
		assert.match(await failure({}), /nodes\.site-missing/);
	});
});
