/** A growing sparse matrix with bounds and costs, handed to the solver by columns. */
export class Rows {
	private readonly costs: number[] = [];
	private readonly lower: number[] = [];
	private readonly upper: number[] = [];
	private readonly whole: boolean[] = [];
	private readonly rowLower: number[] = [];
	private readonly rowUpper: number[] = [];
	private readonly names: string[] = [];
	private readonly entries: number[][] = [];

	get columns(): number {
		return this.costs.length;
	}

	get rows(): number {
		return this.rowLower.length;
	}

	column(cost: number, lower: number, upper: number, integer: boolean): number {
		this.costs.push(cost);
		this.lower.push(lower);
		this.upper.push(upper);
		this.whole.push(integer);
		this.entries.push([]);
		return this.costs.length - 1;
	}

	/** @param name what the row says, for whoever reads the model */
	row(lower: number, upper: number, name: string): number {
		this.rowLower.push(lower);
		this.rowUpper.push(upper);
		this.names.push(name);
		return this.rowLower.length - 1;
	}

	nameOf(row: number): string {
		return this.names[row] ?? "";
	}

	/** A row that says nothing. */
	free(row: number): void {
		this.rowLower[row] = Number.NEGATIVE_INFINITY;
		this.rowUpper[row] = Number.POSITIVE_INFINITY;
	}

	/** Each row and column at most once; a row below 0 is none. */
	set(row: number, column: number, value: number): void {
		if (row >= 0) this.entries[column]?.push(row, value);
	}

	/** Adds to an entry that may be there already. */
	add(row: number, column: number, value: number): void {
		const list = this.entries[column];
		if (row < 0 || !list) return;
		for (let k = 0; k < list.length; k += 2) {
			if (list[k] !== row) continue;
			list[k + 1] = (list[k + 1] as number) + value;
			return;
		}
		list.push(row, value);
	}

	/** A column that no solution needs. */
	forbid(column: number): void {
		this.upper[column] = 0;
	}

	/**
	 * The matrix by columns.
	 * @param keep columns that are not kept are left out; their numbers are those of `columns`
	 */
	matrix(keep?: Uint8Array): Matrix {
		const columns: number[] = [];
		for (let c = 0; c < this.columns; c++) if (!keep || keep[c]) columns.push(c);
		let size = 0;
		for (const c of columns) size += (this.entries[c]?.length ?? 0) / 2;
		const starts = new Int32Array(columns.length + 1);
		const indices = new Int32Array(size);
		const values = new Float64Array(size);
		let at = 0;
		columns.forEach((c, k) => {
			const list = this.entries[c] as number[];
			for (let i = 0; i < list.length; i += 2) {
				indices[at] = list[i] as number;
				values[at++] = list[i + 1] as number;
			}
			starts[k + 1] = at;
		});
		return {
			columns: Int32Array.from(columns),
			cost: Float64Array.from(columns, (c) => this.costs[c] as number),
			lower: Float64Array.from(columns, (c) => this.lower[c] as number),
			upper: Float64Array.from(columns, (c) => this.upper[c] as number),
			whole: Int32Array.from(columns, (c) => (this.whole[c] ? 1 : 0)),
			rowLower: Float64Array.from(this.rowLower),
			rowUpper: Float64Array.from(this.rowUpper),
			starts,
			indices,
			values,
		};
	}
}

export interface Matrix {
	columns: Int32Array;
	cost: Float64Array;
	lower: Float64Array;
	upper: Float64Array;
	whole: Int32Array;
	rowLower: Float64Array;
	rowUpper: Float64Array;
	starts: Int32Array;
	indices: Int32Array;
	values: Float64Array;
}
