import { existsSync, readFileSync } from "node:fs";
import type { Context } from "mocha";

const folder = new URL("../../shared/data/", import.meta.url).pathname;

/** Path of a reference set beside the project; the test skips, and says so, where there is none. */
export function sharedData(test: Context, path: string): string {
	if (!existsSync(folder + path)) {
		console.log(`      (no ../shared/data/${path} here: skipped)`);
		test.skip();
	}
	return folder + path;
}

export function sharedJson<T>(test: Context, path: string): T {
	return JSON.parse(readFileSync(sharedData(test, path), "utf8")) as T;
}

/** A CSV of numbers, rows first; a header row is left out. */
export function sharedRows(test: Context, path: string): number[][] {
	return readFileSync(sharedData(test, path), "utf8")
		.trim()
		.split(/\r?\n/)
		.map((line) => line.split(",").map(Number))
		.filter((row) => !row.some(Number.isNaN));
}
