import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openStore } from "../../../lib/store/open.ts";
import type { Store } from "../../../lib/store/store.ts";
import type { Interval } from "../../../lib/telemetry/interval.ts";
import type { Site } from "../../../lib/telemetry/site.ts";
import { loadModelKind } from "../../../models/forecast/load-model.ts";
import { SiteForecast, TOTAL } from "../../../models/forecast/site-forecast.ts";
import { trainerOf } from "../../../models/training/trainer.ts";

const QUARTER_MS = 900_000;
const DAY_MS = 86_400_000;
const startMs = Date.parse("2026-08-03T00:00:00+09:00");
const days = 21;

const site: Site = {
	id: "plant",
	name: "Plant",
	timeZone: "Asia/Seoul",
	unknownMachines: "reject",
	machines: ["press", "mill"].map((id) => ({ id, name: id, area: "hall", role: "sub" })),
};

/** The same week again and again; the mill takes twice the press, and was silent on the tenth day. */
function* intervals(): Generator<Interval> {
	for (const [factor, machine] of [
		[1, "press"],
		[2, "mill"],
	] as const) {
		for (let i = 0; i < days * 96; i++) {
			if (machine === "mill" && Math.floor(i / 96) === 10) continue;
			const energyKwh = factor * (5 + (i % 672) / 100);
			yield {
				...{ site: site.id, machine, startMs: startMs + i * QUARTER_MS, durationMs: QUARTER_MS },
				...{ energyKwh, estimatedKwh: 0, meanKw: energyKwh * 4, maxKw: energyKwh * 4, minKw: energyKwh * 4 },
				...{ coverage: 1, quality: "good", samples: 15 },
			};
		}
	}
}

describe("forecasts of a site", function () {
	this.timeout(60_000);
	const folder = mkdtempSync(join(tmpdir(), "site-forecast-"));
	let store: Store;
	const options = { historyDays: 60, keepDays: 7, share: 0.9, driftFactor: 1.5 };
	const at = (nowMs: number) =>
		new SiteForecast(
			site,
			async () => store,
			trainerOf(folder),
			options,
			() => nowMs,
		);

	before(async () => {
		store = await openStore(`sqlite://${folder}/energy.db`);
		await store.defineSite({ id: site.id, timeZone: site.timeZone });
		await store.writeIntervals([...intervals()]);
	});
	after(async () => {
		await store.close();
		rmSync(folder, { recursive: true, force: true });
	});

	it("add up the machines where no meter measures the whole", async () => {
		const nowMs = startMs + 20 * DAY_MS;
		const [total, press] = await Promise.all([at(nowMs).issue(TOTAL, 96), at(nowMs).issue("press", 96)]);
		for (let i = 0; i < 96; i++) {
			assert.ok(Math.abs((total.energyKwh[i] as number) - 3 * (press.energyKwh[i] as number)) < 0.002);
		}
	});

	it("tell what was believed, and how much of it came true", async () => {
		const issuedMs = startMs + 19 * DAY_MS;
		await at(issuedMs).issue("press", 96);
		const later = at(issuedMs + DAY_MS);
		const points = await later.at("press", issuedMs, issuedMs + DAY_MS, 2 * QUARTER_MS);
		assert.equal(points.length, 94);
		assert.ok(points.every((point) => point.startMs - point.issuedMs >= 2 * QUARTER_MS));
		const accuracy = await later.accuracy("press", 1, 0);
		assert.deepEqual([accuracy?.values, accuracy?.coverage, accuracy?.promised], [96, 1, 0.9]);
		assert.ok((accuracy?.maeKwh as number) < 0.01);
	});

	it("answer the newest of several issues that came early enough", async () => {
		const first = startMs + 18 * DAY_MS;
		const second = first + 4 * QUARTER_MS;
		await at(first).issue("mill", 20);
		await at(second).issue("mill", 20);
		const points = await at(second).at("mill", second, second + 4 * QUARTER_MS, 2 * QUARTER_MS);
		assert.deepEqual(
			points.map(({ issuedMs }) => issuedMs),
			[first, first, second, second],
		);
	});

	it("go on over a silent day, and say which rung they stand on", async () => {
		const { method, methods, fallback, energyKwh } = await at(startMs + 17 * DAY_MS).issue("mill", 96);
		// A week before, the mill was silent: its newest value stands in.
		assert.equal(method, "last-value");
		assert.equal(methods["last-value"], 96);
		assert.equal(fallback, "no-model");
		assert.ok(energyKwh.every(Number.isFinite));
	});

	it("forget what is older than it is to be kept", async () => {
		await at(startMs + 10 * DAY_MS).issue("press", 4);
		await at(startMs + 20 * DAY_MS).issue("press", 4);
		const kept = await at(startMs + 20 * DAY_MS).at("press", startMs + 10 * DAY_MS, startMs + 11 * DAY_MS, 0);
		assert.equal(kept.length, 0);
	});

	it("train only where there is history enough", async () => {
		const young = at(startMs + 5 * DAY_MS);
		assert.deepEqual(await young.trainings.first(), []);
		const job = await young.trainings.train("press", "asked");
		const record = await job.done;
		assert.equal(record.status, "failed");
		assert.equal(record.failure?.code, "models.too-little-data");
	});

	it("have read their models before anybody asks", async () => {
		const nowMs = startMs + 20 * DAY_MS;
		const { registry } = trainerOf(folder);
		const plant = at(nowMs);
		const { data, options } = await plant.trainings.data("mill");
		const quick = { ...options, light: true, maxRows: 200, toLead: 4 };
		const { model, metrics } = await loadModelKind.fit(data, quick, { seed: 1, progress: () => {} });
		const order = { kind: model.kind, options: {}, seed: 1, reason: "asked" };
		const { id } = await registry.begin({ task: "forecast", site: site.id, machine: "mill" }, order);
		const fitted = { state: model.serialise(), metrics, description: model.describe(), durationMs: 1 };
		await registry.complete(id, fitted);
		await registry.promote(id);
		assert.deepEqual(await plant.warmUp(4), ["mill"]);
		// What is in memory needs no file.
		rmSync(registry.fileOf(id));
		const { modelId, fallback } = await plant.issue("mill", 4);
		assert.deepEqual([modelId, fallback], [id, undefined]);
	});

	it("know their machines", async () => {
		await assert.rejects(at(startMs).issue("lathe", 4), { code: "models.machine-unknown" });
		await assert.rejects(at(startMs + DAY_MS).issue("press", 0), { code: "models.horizon" });
		await assert.rejects(at(startMs - DAY_MS).issue("press", 4), { code: "models.too-little-data" });
	});
});
