// What `npm start`, settings.js and the command-line tools agree on: where the home is and what is configured.
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseEnv } from "node:util";
import { parse } from "yaml";
import { type Config, environmentLayer, type Layer, resolveConfig } from "../lib/config/config.ts";
import { EnergyError } from "../lib/errors.ts";
import { packageRoot } from "../lib/package-root.cjs";

export const modes = ["full", "api", "processing", "interactive"] as const;
export type Mode = (typeof modes)[number];

export interface App {
	env: string;
	mode: Mode;
	/** SMARTFACTORY_HOME: database, models, logs, secrets, flows. */
	home: string;
	config: Config;
	/** Resolved database URL, never empty. */
	dbUrl: string;
}

/**
 * Reads `.env`, the environment and `config/<env>.yaml`; later layers win: file, `.env`, environment, overrides.
 * The variables of `.env` are put into process.env where it lacks them, as Node's own `--env-file` does.
 *
 * @throws EnergyError `config.missing`, `config.unreadable`, `config.invalid`
 */
export function loadApp(overrides: { env?: string; mode?: Mode; values?: unknown } = {}): App {
	const dotenv = readDotenv();
	for (const [name, value] of Object.entries(dotenv)) process.env[name] ??= value;
	const env = overrides.env ?? process.env.SMARTFACTORY_ENV ?? "development";
	const config = resolveConfig([
		fileLayer(env),
		environmentLayer(process.env, "environment"),
		{ origin: "command line", values: overrides.values ?? {} },
	]);
	const home = resolve(process.env.SMARTFACTORY_HOME || join(packageRoot, ".smartfactory"));
	mkdirSync(home, { recursive: true, mode: 0o700 });
	const mode = overrides.mode ?? ((process.env.SMARTFACTORY_MODE as Mode | undefined) || "full");
	return { env, mode, home, config, dbUrl: config.system.db_url || `sqlite://${join(home, "energy.db")}` };
}

function readDotenv(): Record<string, string | undefined> {
	const path = join(packageRoot, ".env");
	return existsSync(path) ? parseEnv(readFileSync(path, "utf8")) : {};
}

function fileLayer(env: string): Layer {
	const folder = join(packageRoot, "config");
	const origin = `config/${env}.yaml`;
	const known = readdirSync(folder)
		.filter((file) => file.endsWith(".yaml"))
		.map((file) => file.slice(0, -5));
	if (!known.includes(env)) throw new EnergyError("config.missing", { file: origin, known: known.join(", ") });
	try {
		return { origin, values: parse(readFileSync(join(folder, `${env}.yaml`), "utf8")) };
	} catch (error) {
		throw new EnergyError("config.unreadable", { file: origin, reason: (error as Error).message });
	}
}
