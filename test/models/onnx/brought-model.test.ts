import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LoadHistory } from "../../../models/forecast/load-model.ts";
import { encodeModel } from "../../../models/model-file.ts";
import { type BroughtModel, broughtModelKind } from "../../../models/onnx/brought-model.ts";
import { type ForeignManifest, parseManifest } from "../../../models/onnx/foreign.ts";
import { encodeOnnx, type OnnxGraph } from "../../../models/onnx/graph.ts";
import { onnxAvailable } from "../../../models/onnx/runtime.ts";
import type { ModelFile, ServeQuestion } from "../../../models/serving/protocol.ts";
import { ModelShelf, serve } from "../../../models/serving/serve.ts";
import "../../../models/all-kinds.ts";

const STEP_MS = 900_000;
const DAY = 96;
const startMs = Date.parse("2026-08-03T00:00:00+09:00");
const choice = { engine: "auto", provider: "cpu" } as const;
const calendar = { timeZone: "Asia/Seoul", holidays: [] };

/** The same day again and again, with a little of its own at each. */
const history: LoadHistory = {
	...{ startMs, stepMs: STEP_MS },
	values: Float64Array.from({ length: 40 * DAY }, (_, i) => 20 + 10 * Math.sin((i % DAY) / 15) + ((i * 7) % 11) / 20),
};

/** Says what the same slot of the day before said. */
const dayBefore: OnnxGraph = {
	name: "day before",
	inputs: [{ name: "x", shape: ["rows", 2] }],
	outputs: [{ name: "y", shape: ["rows", 1] }],
	constants: [{ name: "w", shape: [2, 1], floats: Float32Array.of(0, 1) }],
	nodes: [{ op: "MatMul", inputs: ["x", "w"], outputs: ["y"] }],
};
const manifest: ForeignManifest = {
	...{ manifestVersion: 1, name: "day before", input: "x", output: "y", features: ["last1", "sameSlotDay1"] },
	horizon: { fromLead: 1, toLead: DAY },
	sample: { rows: [[5, 7]], expected: [7] },
};
/** The same from the last day itself: one window in, all leads out. */
const windowed: OnnxGraph = {
	name: "last day",
	inputs: [{ name: "x", shape: ["rows", DAY] }],
	outputs: [{ name: "y", shape: ["rows", DAY] }],
	nodes: [{ op: "Identity", inputs: ["x"], outputs: ["y"] }],
};
const ramp = Array.from({ length: DAY }, (_, i) => i);

async function fitted(graph: OnnxGraph, said: ForeignManifest, known = history): Promise<BroughtModel> {
	const data = { file: encodeOnnx(graph), manifest: parseManifest(said), history: known };
	const { model } = await broughtModelKind.fit(data, calendar, { seed: 0, progress: () => undefined });
	return model;
}

describe("a model that somebody brings", function () {
	this.timeout(60_000);
	const folder = mkdtempSync(join(tmpdir(), "brought-"));
	const shelf = new ModelShelf();
	let count = 0;
	/** As the registry keeps it. */
	const filed = (model: BroughtModel): ModelFile => {
		const id = `forecast.plant.total.${++count}`;
		const path = join(folder, `${count}.model`);
		writeFileSync(path, encodeModel(broughtModelKind.kind, broughtModelKind.version, model.serialise()));
		return { id, path, kind: broughtModelKind.kind };
	};
	const ask = (more: Partial<ServeQuestion>) =>
		serve(shelf, { machine: "total", history, toLead: DAY, share: 0.9, calendar, ...more }, choice);

	before(async function () {
		if (await onnxAvailable()) return;
		if (process.env.CI) assert.fail("onnxruntime-node is missing");
		console.log("      (no onnxruntime-node here: skipped)");
		this.skip();
	});
	after(() => rmSync(folder, { recursive: true, force: true }));

	it("is tried on the load: errors beside the best baseline's, and what its band held", async () => {
		const { model, metrics } = await broughtModelKind.fit(
			{ file: encodeOnnx(dayBefore), manifest, history },
			calendar,
			{ seed: 0, progress: () => undefined },
		);
		assert.ok((metrics.dayMae as number) < 0.5 && (metrics.dayBaselineMae as number) < 0.5, JSON.stringify(metrics));
		assert.ok(Math.abs((metrics.dayCoverage as number) - 0.9) < 0.06, JSON.stringify(metrics));
		assert.equal(metrics.weekMae, undefined, "it does not reach that far");
		assert.equal(model.describe().facts.name, "day before");
	});

	for (const [what, graph, said] of [
		["features", dayBefore, manifest],
		[
			"a window of the newest values",
			windowed,
			{ ...manifest, features: undefined, window: DAY, sample: { rows: [ramp], expected: ramp } },
		],
	] as const) {
		it(`answers alone within its horizon from ${what}, and the next rung goes on beyond`, async () => {
			const { features, ...rest } = said;
			const model = filed(await fitted(graph, (features ? said : rest) as ForeignManifest));
			const served = await ask({ model, toLead: 2 * DAY, shares: [0.5] });
			assert.equal(served.method, "seasonal-naive");
			assert.deepEqual(served.methods, { "brought-model": DAY, "seasonal-naive": DAY });
			assert.deepEqual(served.engine, { name: "onnxruntime", provider: "cpu" });
			assert.equal(served.modelId, model.id);
			const yesterday = history.values.subarray(-DAY);
			const [band, narrow] = served.bands;
			for (let i = 0; i < DAY; i++) {
				const value = served.forecast[i] as number;
				assert.ok(Math.abs(value - (yesterday[i] as number)) < 1e-4);
				for (const one of [band, narrow]) {
					assert.ok((one?.lower[i] as number) <= value && (one?.upper[i] as number) >= value);
				}
				assert.ok((band?.lower[i] as number) <= (narrow?.lower[i] as number));
			}
			const within = await ask({ model });
			assert.deepEqual([within.method, within.fallback], ["brought-model", undefined]);
		});
	}

	it("whose answers are no numbers is passed over, and says why", async () => {
		const model = filed(await fitted(dayBefore, manifest));
		const gappy = { ...history, values: history.values.slice() };
		gappy.values.fill(Number.NaN, -DAY);
		const { method, fallback, failure, forecast } = await ask({ model, history: gappy });
		assert.deepEqual([method, fallback], ["seasonal-naive", "model-unusable"]);
		assert.equal(failure?.code, "models.onnx-nan", JSON.stringify(failure));
		assert.ok(forecast.every(Number.isFinite));
	});

	it("whose file is damaged is passed over for good", async () => {
		const file = filed(await fitted(dayBefore, manifest));
		writeFileSync(file.path, "no model");
		const { method, fallback, failure, unusable } = await ask({ model: file });
		assert.deepEqual([method, fallback, unusable], ["seasonal-naive", "model-unusable", true]);
		assert.match(failure?.code ?? "", /^models\.file-/);
	});

	it("may stand in front of another: that one answers where it fails", async () => {
		const front = filed(await fitted(dayBefore, manifest));
		writeFileSync(front.path, "no model");
		const behind = filed(await fitted(dayBefore, manifest));
		const { method, modelId, fallback } = await ask({ model: front, behind });
		assert.deepEqual([method, modelId, fallback], ["brought-model", behind.id, "model-unusable"]);
	});

	it("has a say beside another, weighed by what both erred", async () => {
		const own = filed(await fitted(dayBefore, manifest));
		const half: OnnxGraph = {
			...dayBefore,
			constants: [{ name: "w", shape: [2, 1], floats: Float32Array.of(0, 0.5) }],
		};
		const member = filed(await fitted(half, { ...manifest, sample: { rows: [[5, 8]], expected: [4] } }));
		const [alone, together] = [await ask({ model: own }), await ask({ model: own, member })];
		assert.equal(together.memberId, member.id);
		for (const [i, value] of together.forecast.entries()) {
			const whole = alone.forecast[i] as number;
			assert.ok(value < whole && value > whole / 2, `${value} is not between ${whole / 2} and ${whole}`);
		}
	});

	it("without enough of a load to be tried on is as sure as last week's values", async () => {
		const young = { ...history, values: history.values.slice(-8 * DAY) };
		const model = await fitted(dayBefore, manifest, young);
		assert.deepEqual(model.describe().notes, ["not tried: the history is too short"]);
		const { method, bands } = await ask({ model: filed(model), history: young });
		assert.equal(method, "brought-model");
		assert.ok(bands[0]?.lower.every(Number.isFinite) && bands[0]?.upper.every(Number.isFinite));
	});
});
