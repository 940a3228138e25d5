/**
 * A linear forecast of a whole path from a window of the past, both taken relative to the window's last value, so that
 * a shifted level changes nothing. Trained in closed form (ridge), it matches deep networks on ETTh1.
 * @see Zeng et al.: Are transformers effective for time series forecasting?, AAAI 2023 (NLinear)
 */
export class WindowRidge {
	/** Past values a forecast looks at. */
	readonly window: number;
	/** Values ahead that it answers. */
	readonly horizon: number;
	/** horizon × window, row by row. */
	readonly weights: Float64Array;
	readonly bias: Float64Array;

	constructor(window: number, horizon: number, weights: Float64Array, bias: Float64Array) {
		this.window = window;
		this.horizon = horizon;
		this.weights = weights;
		this.bias = bias;
	}

	/**
	 * @param series one or more channels that share the weights; NaN where unknown (windows that hold one are left out)
	 * @param lambdas penalties to fit, one model each: they share the work
	 * @param every a window begins at every nth value
	 * @throws RangeError where no window and its path fit into the series
	 */
	static fit(
		series: readonly Float64Array[],
		{
			window,
			horizon,
			lambdas,
			every = 1,
			progress,
		}: {
			window: number;
			horizon: number;
			lambdas: readonly number[];
			every?: number;
			/** Called some times a second with the share that is done; may throw to stop. */
			progress?: (share: number) => void;
		},
	): WindowRidge[] {
		const total = series.reduce((sum, { length }) => sum + Math.max(0, length - window - horizon + 1) / every, 0);
		const moments = new Moments(window, horizon, (rows) => progress?.(Math.min(1, rows / total)));
		for (const values of series) moments.add(values, every);
		moments.finish();
		if (moments.rows === 0) throw new RangeError(`no known stretch of ${window + horizon} values`);
		return lambdas.map((lambda) => moments.solve(lambda));
	}

	/** The mean of models with different windows, which is a model of the longest window again. */
	static mean(models: readonly WindowRidge[]): WindowRidge {
		const window = Math.max(...models.map((model) => model.window));
		const horizon = (models[0] as WindowRidge).horizon;
		const weights = new Float64Array(horizon * window);
		const bias = new Float64Array(horizon);
		for (const model of models) {
			const shift = window - model.window;
			for (let h = 0; h < horizon; h++) {
				bias[h] = (bias[h] as number) + (model.bias[h] as number) / models.length;
				for (let i = 0; i < model.window; i++) {
					const at = h * window + shift + i;
					weights[at] = (weights[at] as number) + (model.weights[h * model.window + i] as number) / models.length;
				}
			}
		}
		return new WindowRidge(window, horizon, weights, bias);
	}

	/** The path that follows values[end − window … end), NaN throughout where one of those is unknown. */
	predict(values: Float64Array, end: number): Float64Array {
		const path = new Float64Array(this.horizon);
		const from = end - this.window;
		if (from < 0) return path.fill(Number.NaN);
		const last = values[end - 1] as number;
		for (let h = 0; h < this.horizon; h++) {
			let sum = (this.bias[h] as number) + last;
			const base = h * this.window;
			for (let i = 0; i < this.window; i++) {
				sum += (this.weights[base + i] as number) * ((values[from + i] as number) - last);
			}
			path[h] = sum;
		}
		return path;
	}
}

/** Rows collected before they are multiplied: a block stays in the cache. */
const BLOCK = 256;

/** Second moments of windows and paths, gathered in blocks; means are taken out at the end. */
class Moments {
	readonly #window: number;
	readonly #horizon: number;
	readonly #width: number;
	/** Upper triangle of window × window, then window × horizon beside it. */
	readonly #products: Float64Array;
	readonly #sums: Float64Array;
	readonly #block: Float64Array;
	#filled = 0;
	readonly #onRows: (rows: number) => void;
	rows = 0;

	constructor(window: number, horizon: number, onRows: (rows: number) => void) {
		this.#onRows = onRows;
		this.#window = window;
		this.#horizon = horizon;
		this.#width = window + horizon;
		this.#products = new Float64Array(window * this.#width);
		this.#sums = new Float64Array(this.#width);
		// Column by column: a product of two columns reads two straight runs of memory.
		this.#block = new Float64Array(this.#width * BLOCK);
	}

	add(values: Float64Array, every: number): void {
		const width = this.#width;
		let unknownUntil = 0;
		let checked = 0;
		for (let from = 0; from + width <= values.length; from += every) {
			for (; checked < from + width; checked++) if (Number.isNaN(values[checked] as number)) unknownUntil = checked + 1;
			if (unknownUntil > from) continue;
			const last = values[from + this.#window - 1] as number;
			for (let i = 0; i < width; i++) this.#block[i * BLOCK + this.#filled] = (values[from + i] as number) - last;
			if (++this.#filled === BLOCK) this.#multiply();
		}
	}

	/** Counts in what no whole block was made of. */
	finish(): void {
		if (this.#filled > 0) this.#multiply();
	}

	#multiply(): void {
		const n = this.#filled;
		const block = this.#block;
		const width = this.#width;
		for (let j = 0; j < width; j++) {
			let sum = 0;
			for (let r = 0; r < n; r++) sum += block[j * BLOCK + r] as number;
			this.#sums[j] = (this.#sums[j] as number) + sum;
		}
		for (let i = 0; i < this.#window; i++) {
			const a = block.subarray(i * BLOCK, i * BLOCK + n);
			let j = i;
			// Four columns at a time: each value of the first is read once for four products.
			for (; j + 3 < width; j += 4) dotFour(a, block, j, n, this.#products, i * width + j);
			for (; j < width; j++) {
				let sum = 0;
				for (let r = 0; r < n; r++) sum += (a[r] as number) * (block[j * BLOCK + r] as number);
				this.#products[i * width + j] = (this.#products[i * width + j] as number) + sum;
			}
		}
		this.rows += n;
		this.#filled = 0;
		this.#onRows(this.rows);
	}

	solve(lambda: number): WindowRidge {
		const window = this.#window;
		const width = this.#width;
		const n = this.rows;
		const mean = this.#sums.map((sum) => sum / n);
		const gram = new Float64Array(window * window);
		for (let i = 0; i < window; i++) {
			for (let j = i; j < window; j++) {
				const value = (this.#products[i * width + j] as number) - n * (mean[i] as number) * (mean[j] as number);
				gram[i * window + j] = value;
				gram[j * window + i] = value;
			}
			gram[i * window + i] = (gram[i * window + i] as number) + lambda;
		}
		factorise(gram, window);
		const weights = new Float64Array(this.#horizon * window);
		const bias = new Float64Array(this.#horizon);
		for (let h = 0; h < this.#horizon; h++) {
			const own = weights.subarray(h * window, (h + 1) * window);
			for (let i = 0; i < window; i++) {
				own[i] =
					(this.#products[i * width + window + h] as number) - n * (mean[i] as number) * (mean[window + h] as number);
			}
			substitute(gram, window, own);
			let offset = mean[window + h] as number;
			for (let i = 0; i < window; i++) offset -= (own[i] as number) * (mean[i] as number);
			bias[h] = offset;
		}
		return new WindowRidge(window, this.#horizon, weights, bias);
	}
}

function dotFour(a: Float64Array, block: Float64Array, j: number, n: number, out: Float64Array, at: number): void {
	let s0 = 0;
	let s1 = 0;
	let s2 = 0;
	let s3 = 0;
	const b0 = j * BLOCK;
	for (let r = 0; r < n; r++) {
		const v = a[r] as number;
		s0 += v * (block[b0 + r] as number);
		s1 += v * (block[b0 + BLOCK + r] as number);
		s2 += v * (block[b0 + 2 * BLOCK + r] as number);
		s3 += v * (block[b0 + 3 * BLOCK + r] as number);
	}
	out[at] = (out[at] as number) + s0;
	out[at + 1] = (out[at + 1] as number) + s1;
	out[at + 2] = (out[at + 2] as number) + s2;
	out[at + 3] = (out[at + 3] as number) + s3;
}

/** Cholesky factor of a symmetric positive matrix, into its lower triangle. */
function factorise(a: Float64Array, n: number): void {
	for (let j = 0; j < n; j++) {
		for (let i = j; i < n; i++) {
			let sum = a[i * n + j] as number;
			for (let k = 0; k < j; k++) sum -= (a[i * n + k] as number) * (a[j * n + k] as number);
			// A column that the others explain entirely keeps a hair of its own.
			a[i * n + j] = i === j ? Math.sqrt(Math.max(sum, 1e-12)) : sum / (a[j * n + j] as number);
		}
	}
}

/** Solves L Lᵀ x = b in place. */
function substitute(factor: Float64Array, n: number, b: Float64Array): void {
	for (let i = 0; i < n; i++) {
		let sum = b[i] as number;
		for (let k = 0; k < i; k++) sum -= (factor[i * n + k] as number) * (b[k] as number);
		b[i] = sum / (factor[i * n + i] as number);
	}
	for (let i = n - 1; i >= 0; i--) {
		let sum = b[i] as number;
		for (let k = i + 1; k < n; k++) sum -= (factor[k * n + i] as number) * (b[k] as number);
		b[i] = sum / (factor[i * n + i] as number);
	}
}
