/** Rounded for reading: measurements carry no more digits than they mean. */
export function round(value: number, digits = 3): number {
	return Number(value.toFixed(digits));
}

/** Errors of a forecast over the rows it answered, and what its intervals held. */
export function measure(
	forecast: Float64Array,
	actual: Float64Array,
	interval?: { lower: Float64Array; upper: Float64Array },
) {
	let absolute = 0;
	let squared = 0;
	let total = 0;
	let held = 0;
	let width = 0;
	let rows = 0;
	for (let i = 0; i < actual.length; i++) {
		const value = actual[i] as number;
		const said = forecast[i] as number;
		if (Number.isNaN(said) || Number.isNaN(value)) continue;
		rows++;
		absolute += Math.abs(said - value);
		squared += (said - value) ** 2;
		total += Math.abs(value);
		if (!interval) continue;
		const low = interval.lower[i] as number;
		const high = interval.upper[i] as number;
		if (value >= low && value <= high) held++;
		width += high - low;
	}
	return {
		mae: round(absolute / rows),
		rmse: round(Math.sqrt(squared / rows)),
		wape: round(absolute / total, 4),
		...(interval ? { coverage: round(held / rows, 4), width: round(width / rows) } : {}),
	};
}
