/**
 * Rows of equal length in single precision, row by row; NaN where a value is missing. What the forecast learners are
 * fitted on and what an ONNX runtime is given: both see the very same bits, so both walk the same branches.
 */
export interface FloatMatrix {
	readonly data: Float32Array;
	readonly rows: number;
	readonly columns: number;
}

/** Rows from…to (exclusive) as a view: nothing is copied. */
export function floatRows({ data, columns }: FloatMatrix, from: number, to: number): FloatMatrix {
	return { data: data.subarray(from * columns, to * columns), rows: to - from, columns };
}
