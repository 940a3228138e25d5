import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Outcome {
	code: number | null;
	stdout: string;
	stderr: string;
}

/** A home of its own for every test that starts a tool. */
export function useHome(): { path: () => string } {
	let home = "";
	beforeEach(() => {
		home = mkdtempSync(join(tmpdir(), "smartfactory-cli-"));
	});
	afterEach(() => rmSync(home, { recursive: true, force: true }));
	return { path: () => home };
}

/** Runs a built tool to its end, in English; `stop` sends it a signal. */
export function run(tool: string, home: string, options: readonly string[], env: Record<string, string> = {}) {
	const { SMARTFACTORY_DB_URL: _db, SMARTFACTORY_MQTT_BROKER: _broker, ...rest } = process.env;
	const child = spawn(process.execPath, [`dist/cli/${tool}.js`, ...options], {
		env: { ...rest, LC_ALL: "C", SMARTFACTORY_HOME: home, ...env },
	});
	const outcome: Outcome = { code: null, stdout: "", stderr: "" };
	child.stdout.on("data", (text) => {
		outcome.stdout += text;
	});
	child.stderr.on("data", (text) => {
		outcome.stderr += text;
	});
	const ended = new Promise<Outcome>((resolve) => {
		child.on("close", (code) => resolve({ ...outcome, code }));
	});
	return { ended, outcome, stop: (signal: NodeJS.Signals) => child.kill(signal) };
}
