/** What a learner minimises over residuals (prediction − actual). */
export type Loss =
	| { kind: "squared" }
	| { kind: "absolute" }
	/** Squared near zero, absolute far out; delta is where the one becomes the other. */
	| { kind: "pseudo-huber"; delta: number }
	/** Pinball loss: its minimum is the level's quantile, 0…1. */
	| { kind: "quantile"; level: number };

/** First and second derivative of the loss at every row, into `gradients` as pairs. */
export function derive(loss: Loss, y: Float64Array, prediction: Float64Array, gradients: Float64Array): void {
	const rows = y.length;
	switch (loss.kind) {
		case "squared":
			for (let i = 0; i < rows; i++) {
				gradients[2 * i] = (prediction[i] as number) - (y[i] as number);
				gradients[2 * i + 1] = 1;
			}
			return;
		case "absolute":
			for (let i = 0; i < rows; i++) {
				const residual = (prediction[i] as number) - (y[i] as number);
				gradients[2 * i] = residual > 0 ? 1 : residual < 0 ? -1 : 0;
				gradients[2 * i + 1] = 1;
			}
			return;
		case "pseudo-huber": {
			const squared = loss.delta * loss.delta;
			for (let i = 0; i < rows; i++) {
				const residual = (prediction[i] as number) - (y[i] as number);
				const scale = 1 + (residual * residual) / squared;
				const root = Math.sqrt(scale);
				gradients[2 * i] = residual / root;
				gradients[2 * i + 1] = 1 / (scale * root);
			}
			return;
		}
		case "quantile":
			for (let i = 0; i < rows; i++) {
				gradients[2 * i] = (prediction[i] as number) >= (y[i] as number) ? 1 - loss.level : -loss.level;
				gradients[2 * i + 1] = 1;
			}
			return;
	}
}

/** Mean loss: what early stopping watches. */
export function meanLoss(loss: Loss, y: Float64Array, prediction: Float64Array): number {
	let sum = 0;
	for (let i = 0; i < y.length; i++) {
		const residual = (prediction[i] as number) - (y[i] as number);
		if (loss.kind === "squared") sum += residual * residual;
		else if (loss.kind === "absolute") sum += Math.abs(residual);
		else if (loss.kind === "quantile") sum += residual >= 0 ? (1 - loss.level) * residual : -loss.level * residual;
		else sum += loss.delta * loss.delta * (Math.sqrt(1 + (residual / loss.delta) ** 2) - 1);
	}
	return sum / y.length;
}

/**
 * Level of the residuals that a leaf answers with, where the second derivative says nothing about the step (absolute
 * and quantile loss): undefined for the losses whose Newton step is right.
 */
export function leafQuantile(loss: Loss): number | undefined {
	if (loss.kind === "absolute") return 0.5;
	return loss.kind === "quantile" ? loss.level : undefined;
}

/** The constant that a boosting starts from. */
export function startOf(loss: Loss, y: Float64Array): number {
	const level = loss.kind === "pseudo-huber" ? 0.5 : leafQuantile(loss);
	if (level !== undefined) return quantile(Float64Array.from(y), y.length, level);
	let sum = 0;
	for (const value of y) sum += value;
	return sum / y.length;
}

/** Quantile of the first n values, interpolated; reorders them (Hoare's selection). */
export function quantile(values: Float64Array, n: number, level: number): number {
	if (n === 0) return Number.NaN;
	const at = (n - 1) * level;
	const low = Math.floor(at);
	const first = select(values, n, low);
	if (at === low) return first;
	// What lies right of the selected place is not below it: its smallest is the next in order.
	let next = Infinity;
	for (let i = low + 1; i < n; i++) if ((values[i] as number) < next) next = values[i] as number;
	return first + (at - low) * (next - first);
}

function select(values: Float64Array, n: number, k: number): number {
	let from = 0;
	let to = n - 1;
	while (from < to) {
		const pivot = values[(from + to) >>> 1] as number;
		let i = from;
		let j = to;
		while (i <= j) {
			while ((values[i] as number) < pivot) i++;
			while ((values[j] as number) > pivot) j--;
			if (i <= j) {
				const swapped = values[i] as number;
				values[i++] = values[j] as number;
				values[j--] = swapped;
			}
		}
		if (k <= j) to = j;
		else if (k >= i) from = i;
		else return values[k] as number;
	}
	return values[k] as number;
}
