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

	/** Mini-batch Adam on the mean squared error. */
	static fit(data: Sequences, options: LstmOptions): Lstm {
		const { inputs, hidden, outputs, epochs, batch = 16, learningRate = 0.005, seed, progress } = options;
		const lstm = Lstm.fresh({ inputs, hidden, outputs }, seed);
		const random = new Random(seed ^ 0x5bd1e995);
		const pass = new LstmPass(lstm, data.steps);
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

const sigmoid = (v: number): number => 1 / (1 + Math.exp(-v));

/** One sequence forwards and backwards; gradients add up until they are cleared. */
export class LstmPass {
	readonly #lstm: Lstm;
	readonly #steps: number;
	/** After activation: gates by step, in the order i, o, f, c. */
	readonly #gates: Float64Array;
	/** States by step; those before the first are zero. */
	readonly #cells: Float64Array;
	readonly #states: Float64Array;
	readonly #path: Float64Array;
	readonly #d: LstmWeights;

	constructor(lstm: Lstm, steps: number) {
		const { hidden, outputs } = lstm.shape;
		this.#lstm = lstm;
		this.#steps = steps;
		this.#gates = new Float64Array(steps * 4 * hidden);
		this.#cells = new Float64Array((steps + 1) * hidden);
		this.#states = new Float64Array((steps + 1) * hidden);
		this.#path = new Float64Array(outputs);
		const { w, r, b, head, headBias } = lstm.weights;
		const like = (array: Float64Array): Float64Array => new Float64Array(array.length);
		this.#d = { w: like(w), r: like(r), b: like(b), head: like(head), headBias: like(headBias) };
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
		for (let t = 0; t < this.#steps; t++) {
			const at = t * 4 * hidden;
			const before = t * hidden;
			for (let j = 0; j < 4 * hidden; j++) {
				let sum = b[j] as number;
				for (let i = 0, k = j * inputs; i < inputs; i++, k++) sum += (w[k] as number) * (x[t * inputs + i] as number);
				for (let i = 0, k = j * hidden; i < hidden; i++, k++) sum += (r[k] as number) * (states[before + i] as number);
				this.#gates[at + j] = j < 3 * hidden ? sigmoid(sum) : Math.tanh(sum);
			}
			for (let k = 0; k < hidden; k++) {
				const cell =
					(this.#gates[at + 2 * hidden + k] as number) * (cells[before + k] as number) +
					(this.#gates[at + k] as number) * (this.#gates[at + 3 * hidden + k] as number);
				cells[before + hidden + k] = cell;
				states[before + hidden + k] = (this.#gates[at + hidden + k] as number) * Math.tanh(cell);
			}
		}
		const last = this.#steps * hidden;
		for (let o = 0; o < outputs; o++) {
			let sum = headBias[o] as number;
			for (let k = 0; k < hidden; k++) sum += (head[o * hidden + k] as number) * (states[last + k] as number);
			this.#path[o] = sum;
		}
		return this.#path.slice();
	}

	/**
	 * Adds the gradient of weight × mean squared error of one sequence.
	 * @returns its mean squared error
	 */
	learn(x: Float64Array, y: Float64Array, weight: number): number {
		this.forward(x);
		const { hidden, outputs } = this.#lstm.shape;
		const { head } = this.#lstm.weights;
		const dState = new Float64Array(hidden);
		const last = this.#steps * hidden;
		let error = 0;
		for (let o = 0; o < outputs; o++) {
			const residual = (this.#path[o] as number) - (y[o] as number);
			error += (residual * residual) / outputs;
			const d = (2 * weight * residual) / outputs;
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
		const dCell = new Float64Array(hidden);
		const dSums = new Float64Array(4 * hidden);
		for (let t = this.#steps - 1; t >= 0; t--) {
			this.#gateSlopes(t, dState, dCell, dSums);
			dState.fill(0);
			const before = t * hidden;
			for (let j = 0; j < 4 * hidden; j++) {
				const d = dSums[j] as number;
				db[j] = (db[j] as number) + d;
				for (let i = 0, k = j * inputs; i < inputs; i++, k++) {
					dw[k] = (dw[k] as number) + d * (x[t * inputs + i] as number);
				}
				for (let i = 0, k = j * hidden; i < hidden; i++, k++) {
					dr[k] = (dr[k] as number) + d * (this.#states[before + i] as number);
					dState[i] = (dState[i] as number) + d * (r[k] as number);
				}
			}
		}
	}

	/** Slopes before the activations of step t; dCell moves on to the step before. */
	#gateSlopes(t: number, dState: Float64Array, dCell: Float64Array, dSums: Float64Array): void {
		const { hidden } = this.#lstm.shape;
		const at = t * 4 * hidden;
		for (let k = 0; k < hidden; k++) {
			const i = this.#gates[at + k] as number;
			const o = this.#gates[at + hidden + k] as number;
			const f = this.#gates[at + 2 * hidden + k] as number;
			const c = this.#gates[at + 3 * hidden + k] as number;
			const squashed = Math.tanh(this.#cells[(t + 1) * hidden + k] as number);
			const d = dState[k] as number;
			const cell = (dCell[k] as number) + d * o * (1 - squashed * squashed);
			dSums[k] = cell * c * i * (1 - i);
			dSums[hidden + k] = d * squashed * o * (1 - o);
			dSums[2 * hidden + k] = cell * (this.#cells[t * hidden + k] as number) * f * (1 - f);
			dSums[3 * hidden + k] = cell * i * (1 - c * c);
			dCell[k] = cell * f;
		}
	}
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
