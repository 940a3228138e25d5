import { Random } from "../random.ts";

/** Weights of one LSTM layer and the dense layer that turns its last state into a path; gates in ONNX's order i, o, f, c. */
export interface LstmWeights {
	/** 4 hidden × inputs */
	w: Float64Array;
	/** 4 hidden × hidden */
	r: Float64Array;
	/** 4 hidden */
	b: Float64Array;
	/** outputs × hidden */
	head: Float64Array;
	/** outputs */
	headBias: Float64Array;
}

export interface LstmShape {
	inputs: number;
	hidden: number;
	outputs: number;
}

/** Sequences to learn from: fills the buffers with sample n. */
export interface Sequences {
	count: number;
	/** Steps of a sequence. */
	steps: number;
	/** @param x steps × inputs, oldest first; @param y outputs */
	sample(n: number, x: Float64Array, y: Float64Array): void;
}

export interface LstmOptions {
	hidden: number;
	outputs: number;
	inputs: number;
	epochs: number;
	/** Sequences of a step of the optimiser; default 16. */
	batch?: number;
	/** Default 0.005, falling to nothing along a half cosine. */
	learningRate?: number;
	/** Pseudo-Huber loss with this delta instead of the squared one: far-off values count by their distance only. */
	delta?: number;
	/** Goes on from this network of the same shape instead of a fresh one. */
	start?: Lstm | undefined;
	seed: number;
	/** Called after each batch with the share that is done; may throw to stop. */
	progress?: (share: number) => void;
}

const GRADIENT_NORM = 1;

/**
 * A long short-term memory that reads a sequence and answers with a path, e.g. the next day.
 * @see Hochreiter, Schmidhuber: Long short-term memory, Neural Computation 9, 1997; Kingma, Ba: Adam, ICLR 2015
 */
export class Lstm {
	readonly shape: LstmShape;
	readonly weights: LstmWeights;

	constructor(shape: LstmShape, weights: LstmWeights) {
		this.shape = shape;
		this.weights = weights;
	}

	/** Small random weights; the forget gate begins open, so that gradients reach far back. */
	static fresh(shape: LstmShape, seed: number): Lstm {
		const random = new Random(seed);
		const drawn = (length: number, fanIn: number): Float64Array =>
			Float64Array.from({ length }, () => (2 * random.unit() - 1) / Math.sqrt(fanIn));
		const { inputs, hidden, outputs } = shape;
		const b = new Float64Array(4 * hidden);
		b.fill(1, 2 * hidden, 3 * hidden);
		return new Lstm(shape, {
			w: drawn(4 * hidden * inputs, inputs + hidden),
			r: drawn(4 * hidden * hidden, inputs + hidden),
			b,
			head: drawn(outputs * hidden, hidden),
			headBias: new Float64Array(outputs),
		});
	}

	/** The same network with weights of its own. */
	copy(): Lstm {
		const { w, r, b, head, headBias } = this.weights;
		return new Lstm(this.shape, {
			...{ w: w.slice(), r: r.slice(), b: b.slice(), head: head.slice(), headBias: headBias.slice() },
		});
	}

	/** Mini-batch Adam. */
	static fit(data: Sequences, options: LstmOptions): Lstm {
		const { inputs, hidden, outputs, epochs, batch = 16, learningRate = 0.005, delta, seed, progress } = options;
		const lstm = options.start ? options.start.copy() : Lstm.fresh({ inputs, hidden, outputs }, seed);
		const random = new Random(seed ^ 0x5bd1e995);
		const pass = new LstmPass(lstm, data.steps, delta);
		const adam = new Adam(Object.values(lstm.weights) as Float64Array[]);
		const x = new Float64Array(data.steps * inputs);
		const y = new Float64Array(outputs);
		const order = Int32Array.from({ length: data.count }, (_, n) => n);
		const batches = epochs * Math.ceil(data.count / batch);
		let done = 0;
		for (let epoch = 0; epoch < epochs; epoch++) {
			random.shuffle(order);
			for (let from = 0; from < order.length; from += batch) {
				const part = order.subarray(from, from + batch);
				pass.clear();
				for (const n of part) {
					data.sample(n, x, y);
					pass.learn(x, y, 1 / part.length);
				}
				const rate = learningRate * 0.5 * (1 + Math.cos((Math.PI * done) / batches));
				adam.step(pass.gradients(), rate);
				progress?.(++done / batches);
			}
		}
		return lstm;
	}

	/** The path after a sequence (steps × inputs, oldest first). */
	predict(x: Float64Array): Float64Array {
		return new LstmPass(this, x.length / this.shape.inputs).forward(x);
	}
}

/** One sequence forwards and backwards; gradients add up until they are cleared. */
export class LstmPass {
	readonly #lstm: Lstm;
	readonly #steps: number;
	readonly #delta: number | undefined;
	/** After activation: gates by step, in the order i, o, f, c. */
	readonly #gates: Float64Array;
	/** States by step; those before the first are zero. */
	readonly #cells: Float64Array;
	readonly #states: Float64Array;
	/** Hyperbolic tangents of the cells. */
	readonly #squashed: Float64Array;
	readonly #path: Float64Array;
	readonly #d: LstmWeights;
	readonly #dState: Float64Array;
	readonly #dCell: Float64Array;
	readonly #dSums: Float64Array;

	/** @param delta of the pseudo-Huber loss; squared errors where there is none */
	constructor(lstm: Lstm, steps: number, delta?: number) {
		const { hidden, outputs } = lstm.shape;
		this.#lstm = lstm;
		this.#steps = steps;
		this.#delta = delta;
		this.#gates = new Float64Array(steps * 4 * hidden);
		this.#cells = new Float64Array((steps + 1) * hidden);
		this.#states = new Float64Array((steps + 1) * hidden);
		this.#squashed = new Float64Array((steps + 1) * hidden);
		this.#path = new Float64Array(outputs);
		const { w, r, b, head, headBias } = lstm.weights;
		const like = (array: Float64Array): Float64Array => new Float64Array(array.length);
		this.#d = { w: like(w), r: like(r), b: like(b), head: like(head), headBias: like(headBias) };
		this.#dState = new Float64Array(hidden);
		this.#dCell = new Float64Array(hidden);
		this.#dSums = new Float64Array(4 * hidden);
	}

	/** In the order of the weights. */
	gradients(): Float64Array[] {
		return Object.values(this.#d) as Float64Array[];
	}

	clear(): void {
		for (const gradient of this.gradients()) gradient.fill(0);
	}

	/** State after the last step. */
	get lastState(): Float64Array {
		const { hidden } = this.#lstm.shape;
		return this.#states.slice(this.#steps * hidden);
	}

	forward(x: Float64Array): Float64Array {
		const { inputs, hidden, outputs } = this.#lstm.shape;
		const { w, r, b, head, headBias } = this.#lstm.weights;
		const states = this.#states;
		const cells = this.#cells;
		const gates = this.#gates;
		const squashed = this.#squashed;
		const steps = this.#steps;
		for (let t = 0; t < steps; t++) {
			const at = t * 4 * hidden;
			const before = t * hidden;
			for (let j = 0; j < 4 * hidden; j++) {
				let sum = b[j] as number;
				for (let i = 0, k = j * inputs; i < inputs; i++, k++) sum += (w[k] as number) * (x[t * inputs + i] as number);
				gates[at + j] = sum + dot(r, j * hidden, states, before, hidden);
			}
			for (let j = at; j < at + 3 * hidden; j++) gates[j] = 1 / (1 + Math.exp(-(gates[j] as number)));
			for (let k = 0; k < hidden; k++) {
				const candidate = Math.tanh(gates[at + 3 * hidden + k] as number);
				gates[at + 3 * hidden + k] = candidate;
				const cell =
					(gates[at + 2 * hidden + k] as number) * (cells[before + k] as number) +
					(gates[at + k] as number) * candidate;
				const tanh = Math.tanh(cell);
				cells[before + hidden + k] = cell;
				squashed[before + hidden + k] = tanh;
				states[before + hidden + k] = (gates[at + hidden + k] as number) * tanh;
			}
		}
		const last = steps * hidden;
		for (let o = 0; o < outputs; o++) {
			this.#path[o] = (headBias[o] as number) + dot(head, o * hidden, states, last, hidden);
		}
		return this.#path.slice();
	}

	/**
	 * Adds the gradient of weight × mean loss of one sequence.
	 * @returns its mean loss
	 */
	learn(x: Float64Array, y: Float64Array, weight: number): number {
		this.forward(x);
		const { hidden, outputs } = this.#lstm.shape;
		const { head } = this.#lstm.weights;
		const delta = this.#delta;
		const dState = this.#dState.fill(0);
		const last = this.#steps * hidden;
		let error = 0;
		for (let o = 0; o < outputs; o++) {
			const residual = (this.#path[o] as number) - (y[o] as number);
			const root = delta === undefined ? 1 : Math.sqrt(1 + (residual / delta) ** 2);
			error += (delta === undefined ? residual * residual : 2 * delta * delta * (root - 1)) / outputs;
			const d = (2 * weight * residual) / (outputs * root);
			this.#d.headBias[o] = (this.#d.headBias[o] as number) + d;
			for (let k = 0; k < hidden; k++) {
				const at = o * hidden + k;
				this.#d.head[at] = (this.#d.head[at] as number) + d * (this.#states[last + k] as number);
				dState[k] = (dState[k] as number) + d * (head[at] as number);
			}
		}
		this.#backward(x, dState);
		return error;
	}

	#backward(x: Float64Array, dState: Float64Array): void {
		const { inputs, hidden } = this.#lstm.shape;
		const { r } = this.#lstm.weights;
		const { w: dw, r: dr, b: db } = this.#d;
		const states = this.#states;
		const dSums = this.#dSums;
		this.#dCell.fill(0);
		for (let t = this.#steps - 1; t >= 0; t--) {
			this.#gateSlopes(t, dState, this.#dCell, dSums);
			dState.fill(0);
			const before = t * hidden;
			for (let j = 0; j < 4 * hidden; j++) {
				const d = dSums[j] as number;
				db[j] = (db[j] as number) + d;
				for (let i = 0, k = j * inputs; i < inputs; i++, k++) {
					dw[k] = (dw[k] as number) + d * (x[t * inputs + i] as number);
				}
				for (let i = 0, k = j * hidden; i < hidden; i++, k++) {
					dr[k] = (dr[k] as number) + d * (states[before + i] as number);
					dState[i] = (dState[i] as number) + d * (r[k] as number);
				}
			}
		}
	}

	/** Slopes before the activations of step t; dCell moves on to the step before. */
	#gateSlopes(t: number, dState: Float64Array, dCell: Float64Array, dSums: Float64Array): void {
		const { hidden } = this.#lstm.shape;
		const gates = this.#gates;
		const at = t * 4 * hidden;
		const before = t * hidden;
		for (let k = 0; k < hidden; k++) {
			const i = gates[at + k] as number;
			const o = gates[at + hidden + k] as number;
			const f = gates[at + 2 * hidden + k] as number;
			const c = gates[at + 3 * hidden + k] as number;
			const squashed = this.#squashed[before + hidden + k] as number;
			const d = dState[k] as number;
			const cell = (dCell[k] as number) + d * o * (1 - squashed * squashed);
			dSums[k] = cell * c * i * (1 - i);
			dSums[hidden + k] = d * squashed * o * (1 - o);
			dSums[2 * hidden + k] = cell * (this.#cells[before + k] as number) * f * (1 - f);
			dSums[3 * hidden + k] = cell * i * (1 - c * c);
			dCell[k] = cell * f;
		}
	}
}

/** Four sums at a time: additions that need not wait for one another. */
function dot(a: Float64Array, fromA: number, b: Float64Array, fromB: number, count: number): number {
	let s0 = 0;
	let s1 = 0;
	let s2 = 0;
	let s3 = 0;
	let i = 0;
	for (; i + 3 < count; i += 4) {
		s0 += (a[fromA + i] as number) * (b[fromB + i] as number);
		s1 += (a[fromA + i + 1] as number) * (b[fromB + i + 1] as number);
		s2 += (a[fromA + i + 2] as number) * (b[fromB + i + 2] as number);
		s3 += (a[fromA + i + 3] as number) * (b[fromB + i + 3] as number);
	}
	for (; i < count; i++) s0 += (a[fromA + i] as number) * (b[fromB + i] as number);
	return s0 + s1 + (s2 + s3);
}

class Adam {
	readonly #weights: readonly Float64Array[];
	readonly #first: Float64Array[];
	readonly #second: Float64Array[];
	#steps = 0;

	constructor(weights: readonly Float64Array[]) {
		this.#weights = weights;
		this.#first = weights.map((array) => new Float64Array(array.length));
		this.#second = weights.map((array) => new Float64Array(array.length));
	}

	/** One step; gradients longer than the allowed norm are shortened, for one odd sequence must not undo the others. */
	step(gradients: readonly Float64Array[], rate: number): void {
		this.#steps++;
		let squares = 0;
		for (const gradient of gradients) for (const d of gradient) squares += d * d;
		const norm = Math.sqrt(squares);
		const clip = norm > GRADIENT_NORM ? GRADIENT_NORM / norm : 1;
		const firstUnit = 1 - 0.9 ** this.#steps;
		const secondUnit = 1 - 0.999 ** this.#steps;
		for (const [part, weights] of this.#weights.entries()) {
			const gradient = gradients[part] as Float64Array;
			const first = this.#first[part] as Float64Array;
			const second = this.#second[part] as Float64Array;
			for (let i = 0; i < weights.length; i++) {
				const d = clip * (gradient[i] as number);
				first[i] = 0.9 * (first[i] as number) + 0.1 * d;
				second[i] = 0.999 * (second[i] as number) + 0.001 * d * d;
				const move = (first[i] as number) / firstUnit / (Math.sqrt((second[i] as number) / secondUnit) + 1e-8);
				weights[i] = (weights[i] as number) - rate * move;
			}
		}
	}
}
