/** Rows of equal length, row by row in one typed array: what every model is fitted on and scores. */
export interface Matrix {
	readonly data: Float64Array;
	readonly rows: number;
	readonly columns: number;
}

/** @throws RangeError where the rows differ in length */
export function matrixOf(rows: readonly (readonly number[])[]): Matrix {
	const columns = rows[0]?.length ?? 0;
	const data = new Float64Array(rows.length * columns);
	for (const [index, row] of rows.entries()) {
		if (row.length !== columns) throw new RangeError(`row ${index} has ${row.length} values, not ${columns}`);
		data.set(row, index * columns);
	}
	return { data, rows: rows.length, columns };
}

/** Some rows of a matrix, in the order asked for. */
export function pickRows({ data, columns }: Matrix, indexes: ArrayLike<number>): Matrix {
	const picked = new Float64Array(indexes.length * columns);
	for (let row = 0; row < indexes.length; row++) {
		const from = (indexes[row] as number) * columns;
		picked.set(data.subarray(from, from + columns), row * columns);
	}
	return { data: picked, rows: indexes.length, columns };
}
