import assert from "node:assert/strict";
import { siteHolidays } from "../../../lib/calendar/holidays.ts";
import type { FloatMatrix } from "../../../models/float-matrix.ts";
import { WindowRidge } from "../../../models/forecast/linear.ts";
import { Lstm } from "../../../models/forecast/lstm.ts";
import { PathLstm } from "../../../models/forecast/path-lstm.ts";
import { CalendarGrid } from "../../../models/forecast/series.ts";
import { fitBoosting } from "../../../models/forecast/trees/boosting.ts";
import { fitForest } from "../../../models/forecast/trees/forest.ts";
import { lstmToOnnx, pathLstmToOnnx, ridgeToOnnx, treesToOnnx } from "../../../models/onnx/export.ts";
import { type ForeignManifest, ForeignModel, parseManifest } from "../../../models/onnx/foreign.ts";
import { encodeOnnx } from "../../../models/onnx/graph.ts";
import { onnxAvailable, onnxSession, sessionsHeld } from "../../../models/onnx/runtime.ts";
import { Random } from "../../../models/random.ts";
import { OrderBook } from "../../../models/serving/orders.ts";
import type { ServeReply } from "../../../models/serving/protocol.ts";

function rowsWithGaps(rows: number, columns: number): { x: FloatMatrix; y: Float64Array } {
	const random = new Random(1);
	const data = Float32Array.from({ length: rows * columns }, () =>
		random.unit() < 0.1 ? Number.NaN : 100 * random.unit(),
	);
	const y = Float64Array.from(
		{ length: rows },
		(_, i) => (data[i * columns] || 20) + (data[i * columns + 1] || 5) ** 1.3,
	);
	return { x: { data, rows, columns }, y };
}

/** Largest difference in units of the largest answer. */
function difference(a: ArrayLike<number>, b: ArrayLike<number>): number {
	const size = Math.max(...Array.from(a, Math.abs));
	return Math.max(...Array.from(a, (value, i) => Math.abs(value - (b[i] as number)))) / size;
}

describe("models as ONNX files", function () {
	this.timeout(60_000);
	before(async function () {
		if (await onnxAvailable()) return;
		if (process.env.CI) assert.fail("onnxruntime-node is missing");
		console.log("      (no onnxruntime-node here: skipped)");
		this.skip();
	});

	it("trees answer as in TypeScript to 1e-5, missing values too", async () => {
		const { x, y } = rowsWithGaps(1_500, 5);
		const boosting = fitBoosting(x, y, { loss: { kind: "absolute" }, trees: 80, maxLeaves: 31, maxDepth: 30, seed: 1 });
		const forest = await fitForest(x, y, { trees: 20, threads: 1, seed: 1 });
		for (const [name, trees] of Object.entries({ boosting, forest })) {
			const session = await onnxSession(`test ${name}`, treesToOnnx(trees));
			const anchor = Float32Array.from({ length: x.rows }, (_, i) => i % 7);
			const said = await session.run({
				features: { data: x.data, shape: [x.rows, x.columns] },
				anchor: { data: anchor, shape: [x.rows, 1] },
			});
			const ours = trees.predict(x).map((value, i) => value + (anchor[i] as number));
			assert.ok(difference(ours, said.data) < 1e-5, `${name}: ${difference(ours, said.data)}`);
		}
	});

	it("an LSTM answers as in TypeScript to 1e-5", async () => {
		const lstm = Lstm.fresh({ inputs: 3, hidden: 16, outputs: 24 }, 5);
		const random = new Random(6);
		const steps = 48;
		const x = Float64Array.from({ length: steps * 3 }, () => Math.fround(2 * random.unit() - 1));
		const session = await onnxSession("test lstm", lstmToOnnx(lstm));
		const said = await session.run({ sequence: { data: Float32Array.from(x), shape: [steps, 1, 3] } });
		assert.deepEqual(said.shape, [1, 24]);
		assert.ok(difference(lstm.predict(x), said.data) < 1e-5);
	});

	it("a network that reads the load brings its scale along: kWh in, kWh out", async () => {
		const load = Float64Array.from({ length: 40 * 24 }, (_, i) => 400 + 300 * Math.sin(i / 4) + (i % 7));
		const calendar = { timeZone: "Asia/Seoul", holidays: siteHolidays() };
		const grid = new CalendarGrid(Date.parse("2026-03-02T00:00:00+09:00"), 3_600_000, load.length, calendar);
		const view = { grid, values: load };
		for (const [toLead, scaling] of [
			[2, "standard"],
			[24, "robust"],
			[2, "none"],
			[24, "minmax"],
		] as const) {
			const horizon = { name: "tried", fromLead: 1, toLead, issueEvery: 1 };
			const path = PathLstm.fit(view, horizon, { seed: 1, from: 0, to: 35 * 24, sequences: 150, epochs: 1, scaling });
			const origin = 36 * 24;
			const read = path?.sequence(view, origin);
			assert.ok(path && read);
			const session = await onnxSession(`test path ${scaling}`, pathLstmToOnnx(path));
			const said = await session.run({ sequence: { data: Float32Array.from(read), shape: [path.past, 1, 7] } });
			assert.deepEqual(said.shape, [1, path.ahead]);
			assert.ok(difference(path.reader(view)(origin), said.data) < 1e-5, scaling);
		}
	});

	it("a ridge answers as in TypeScript to 1e-5", async () => {
		const values = Float64Array.from({ length: 300 }, (_, i) => Math.fround(50 + Math.sin(i / 3)));
		const model = WindowRidge.fit([values], { window: 24, horizon: 6, lambdas: [1] })[0] as WindowRidge;
		const session = await onnxSession("test ridge", ridgeToOnnx(model));
		const said = await session.run({ window: { data: Float32Array.from(values.subarray(100, 124)), shape: [1, 24] } });
		assert.ok(difference(model.predict(values, 124), said.data) < 1e-5);
	});

	it("a corrupt file is refused with a reason", async () => {
		await assert.rejects(onnxSession("test corrupt", Buffer.from("no model")), { code: "models.onnx-corrupt" });
		const whole = lstmToOnnx(Lstm.fresh({ inputs: 1, hidden: 4, outputs: 2 }, 1));
		await assert.rejects(onnxSession("test cut", whole.subarray(0, whole.length / 2)), { code: "models.onnx-corrupt" });
	});

	describe("that somebody brings", () => {
		/** Twice the first feature plus the second, on scaled inputs. */
		const file = encodeOnnx({
			name: "foreign",
			inputs: [{ name: "x", shape: ["rows", 2] }],
			outputs: [{ name: "y", shape: ["rows", 1] }],
			constants: [{ name: "w", shape: [2, 1], floats: Float32Array.of(2, 1) }],
			nodes: [{ op: "MatMul", inputs: ["x", "w"], outputs: ["y"] }],
		});
		const manifest: ForeignManifest = {
			manifestVersion: 1,
			name: "our own",
			input: "x",
			output: "y",
			features: ["last1", "sameSlotDay1"],
			horizon: { fromLead: 1, toLead: 96 },
			inputScaling: { mean: [10, 0], scale: [4, 1] },
			outputScaling: { mean: 1, scale: 3 },
			missing: 0,
			sample: {
				rows: [
					[12, 5],
					[10, null],
				],
				expected: [19, 1],
			},
		};

		it("answers rows of our features once its sample fits", async () => {
			const model = await ForeignModel.open("test foreign", file, parseManifest(manifest));
			const x = { data: Float32Array.of(99, 5, 12), rows: 1, columns: 3 };
			const said = await model.predict(x, ["slot", "sameSlotDay1", "last1"]);
			assert.ok(Math.abs((said[0] as number) - 19) < 1e-5);
			assert.equal(model.provider, "cpu");
		});

		it("is let go once it was checked, whatever came of it", async () => {
			const held = sessionsHeld();
			const book = new OrderBook();
			const wrong = { ...manifest, sample: { ...manifest.sample, expected: [0, 0] } };
			for (const [id, said] of [manifest, wrong].entries()) {
				const order = { what: "check", file, manifest: parseManifest(said) } as const;
				const choice = { engine: "auto", provider: "cpu" } as const;
				const reply = await new Promise<ServeReply>((resolve) => book.take({ id, ...order, choice }, resolve));
				assert.equal("failure" in reply, id === 1);
			}
			assert.equal(sessionsHeld(), held);
		});

		it("is refused where its sample shows that it is fed wrongly", async () => {
			const wrong = parseManifest({
				...manifest,
				features: ["sameSlotDay1", "last1"],
				sample: { rows: [[5, 12]], expected: [19] },
			});
			await assert.rejects(ForeignModel.open("test foreign", file, wrong), { code: "models.onnx-sample" });
		});

		it("is refused where the manifest does not fit the file", async () => {
			for (const [change, field] of [
				[{ input: "features" }, "input"],
				[{ output: "forecast" }, "output"],
				[
					{ features: ["last1"], inputScaling: { mean: [0], scale: [1] }, sample: { rows: [[1]], expected: [1] } },
					"features",
				],
			] as const) {
				await assert.rejects(
					async () => ForeignModel.open("test foreign", file, parseManifest({ ...manifest, ...change })),
					(error: { code: string; details: { field: string } }) =>
						error.code === "models.onnx-manifest" && error.details.field === field,
				);
			}
		});

		it("needs a manifest that says what it must", () => {
			const fields: [object, string][] = [
				[{ features: ["humidity"] }, "features"],
				[{ horizon: { fromLead: 4, toLead: 1 } }, "horizon.toLead"],
				[{ inputScaling: { mean: [0], scale: [1] } }, "inputScaling"],
				[{ inputScaling: { mean: [0, 0], scale: [1, 0] } }, "inputScaling.scale"],
				[{ sample: { rows: [[1]], expected: [1] } }, "sample.rows"],
				[{ sample: { rows: [[1, 2]], expected: [1, 2] } }, "sample.expected"],
				[{ name: "" }, "name"],
			];
			for (const [change, field] of fields) {
				assert.throws(
					() => parseManifest({ ...manifest, ...change }),
					(error: { code: string; details: { field: string } }) =>
						error.code === "models.onnx-manifest" && error.details.field === field,
					field,
				);
			}
			assert.throws(() => parseManifest("nonsense"), { code: "models.onnx-manifest" });
		});
	});
});
