import { readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "./package-root.cjs";

/**
 * Reads a data file that ships with the package (catalogues, tariffs, meter profiles).
 * The caller names its type and checks it where people may bring files of their own.
 *
 * @param path relative to the package, e.g. `lib/telemetry/meters.json`
 */
export function readData<T>(path: string): T {
	return JSON.parse(readFileSync(join(packageRoot, path), "utf8")) as T;
}
