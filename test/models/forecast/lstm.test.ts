import assert from "node:assert/strict";
import { Lstm, LstmPass } from "../../../models/forecast/lstm.ts";
import { Random } from "../../../models/random.ts";
import { sharedJson } from "../../shared-data.ts";

type Vectors = Record<string, Record<"inputs" | "outputs", { name: string; shape: number[]; data: number[] }[]>>;

describe("LSTM", () => {
	for (const name of ["test_lstm_defaults", "test_lstm_with_initial_bias"]) {
		it(`has the gates of ONNX: ${name}`, function () {
			const given = sharedJson<Vectors>(this, "conformance/onnx_rnn_vectors.json")[name];
			assert.ok(given);
			const tensor = (part: "inputs" | "outputs", which: string) => given[part].find((one) => one.name === which);
			const x = tensor("inputs", "X");
			const w = tensor("inputs", "W");
			const r = tensor("inputs", "R");
			const expected = tensor("outputs", "Y_h");
			assert.ok(x && w && r && expected);
			const [steps = 0, batch = 0, inputs = 0] = x.shape;
			const hidden = r.shape[2] as number;
			const both = tensor("inputs", "B")?.data ?? new Array<number>(8 * hidden).fill(0);
			const b = Float64Array.from(
				{ length: 4 * hidden },
				(_, j) => (both[j] as number) + (both[4 * hidden + j] as number),
			);
			const weights = {
				w: Float64Array.from(w.data),
				r: Float64Array.from(r.data),
				b,
				head: new Float64Array(hidden),
				headBias: new Float64Array(1),
			};
			const lstm = new Lstm({ inputs, hidden, outputs: 1 }, weights);
			for (let row = 0; row < batch; row++) {
				const own = Float64Array.from({ length: steps * inputs }, (_, i) => {
					const t = Math.floor(i / inputs);
					return x.data[(t * batch + row) * inputs + (i % inputs)] as number;
				});
				const pass = new LstmPass(lstm, steps);
				pass.forward(own);
				for (const [k, state] of pass.lastState.entries()) {
					assert.ok(Math.abs(state - (expected.data[row * hidden + k] as number)) < 1e-6);
				}
			}
		});
	}

	it("has the gradients that differences say", () => {
		const shape = { inputs: 2, hidden: 3, outputs: 2 };
		const lstm = Lstm.fresh(shape, 4);
		const random = new Random(9);
		const x = Float64Array.from({ length: 5 * 2 }, () => 2 * random.unit() - 1);
		const y = Float64Array.of(0.3, -0.7);
		const pass = new LstmPass(lstm, 5);
		pass.learn(x, y, 1);
		const gradients = pass.gradients();
		const error = (): number => {
			const path = lstm.predict(x);
			return path.reduce((sum, value, i) => sum + (value - (y[i] as number)) ** 2, 0) / path.length;
		};
		for (const [part, weights] of (Object.values(lstm.weights) as Float64Array[]).entries()) {
			for (let i = 0; i < weights.length; i++) {
				const kept = weights[i] as number;
				const h = 1e-5;
				weights[i] = kept + h;
				const above = error();
				weights[i] = kept - h;
				const below = error();
				weights[i] = kept;
				const expected = (above - below) / (2 * h);
				assert.ok(Math.abs((gradients[part]?.[i] as number) - expected) < 1e-7, `part ${part}, weight ${i}`);
			}
		}
	});

	it("learns to carry on a rhythm, the same for the same seed", () => {
		const steps = 24;
		const data = {
			count: 120,
			steps,
			sample(n: number, x: Float64Array, y: Float64Array) {
				for (let t = 0; t < steps; t++) x[t] = Math.sin((n + t) / 4);
				for (let h = 0; h < 4; h++) y[h] = Math.sin((n + steps + h) / 4);
			},
		};
		const options = { inputs: 1, hidden: 8, outputs: 4, epochs: 30, batch: 8, learningRate: 0.02, seed: 3 };
		const lstm = Lstm.fit(data, options);
		const x = new Float64Array(steps);
		const y = new Float64Array(4);
		data.sample(500, x, y);
		for (const [h, value] of lstm.predict(x).entries()) assert.ok(Math.abs(value - (y[h] as number)) < 0.1);
		assert.deepEqual(Lstm.fit(data, options).weights, lstm.weights);
	});
});
