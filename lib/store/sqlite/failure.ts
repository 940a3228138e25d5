import { EnergyError } from "../../errors.ts";
import type { Failure } from "./protocol.ts";

/** SQLite's primary result codes that a person can do something about. */
const codes: Readonly<Record<number, string>> = {
	5: "store.busy",
	6: "store.busy",
	8: "store.not-writable",
	10: "store.disk-failed",
	11: "store.corrupt",
	13: "store.disk-full",
	14: "store.not-writable",
	26: "store.corrupt",
};

/** Names what went wrong in the engine so that it can travel between threads. */
export function failureOf(error: unknown, path: string): Failure {
	if (error instanceof EnergyError) return { code: error.code, details: { ...error.details } };
	const errcode = (error as { errcode?: unknown }).errcode;
	const message = error instanceof Error ? error.message : String(error);
	const code = typeof errcode === "number" ? codes[errcode & 0xff] : undefined;
	return { code: code ?? "store.failed", details: { path, message } };
}

export function errorOf(failure: Failure): EnergyError {
	return new EnergyError(failure.code, failure.details);
}
