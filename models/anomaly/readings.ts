import { type MachineState, machineStates, type Quantities, type Reading } from "../../lib/telemetry/reading.ts";

/** What the models look at; cumulative counters only by their differences. */
export const measures = [
	"powerKw",
	"energyKwh",
	"powerFactor",
	"voltageV",
	"currentA",
	"frequencyHz",
	"temperatureC",
] as const satisfies readonly (keyof Quantities)[];
export type Measure = (typeof measures)[number];

/** Place of a state that was not told. */
export const NO_STATE = machineStates.length;

/** Readings of one machine, oldest first, column by column; NaN where a value is missing. */
export interface ReadingColumns extends Record<Measure, Float64Array> {
	rows: number;
	/** Epoch ms. */
	timeMs: Float64Array;
	/** Place in machineStates; NO_STATE where it was not told. */
	state: Uint8Array;
}

function emptyColumns(rows: number): ReadingColumns {
	const columns = {
		rows,
		timeMs: new Float64Array(rows),
		state: new Uint8Array(rows).fill(NO_STATE),
	} as ReadingColumns;
	for (const measure of measures) columns[measure] = new Float64Array(rows).fill(Number.NaN);
	return columns;
}

/** @param readings of one machine, oldest first */
export function columnsOf(readings: readonly Reading[]): ReadingColumns {
	const columns = emptyColumns(readings.length);
	for (const [row, reading] of readings.entries()) setRow(columns, row, reading);
	return columns;
}

function setRow(columns: ReadingColumns, row: number, reading: Reading): void {
	columns.timeMs[row] = reading.timeMs;
	columns.state[row] = placeOf(reading.state);
	for (const measure of measures) {
		const value = reading[measure];
		columns[measure][row] = typeof value === "number" ? value : Number.NaN;
	}
}

function placeOf(state: MachineState | undefined): number {
	const place = state === undefined ? -1 : machineStates.indexOf(state);
	return place < 0 ? NO_STATE : place;
}

/** Some rows, in the order asked for. */
export function pickReadings(columns: ReadingColumns, indexes: ArrayLike<number>): ReadingColumns {
	const picked = emptyColumns(indexes.length);
	for (let row = 0; row < indexes.length; row++) {
		const from = indexes[row] as number;
		picked.timeMs[row] = columns.timeMs[from] as number;
		picked.state[row] = columns.state[from] as number;
		for (const measure of measures) picked[measure][row] = columns[measure][from] as number;
	}
	return picked;
}
