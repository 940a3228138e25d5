import { existsSync, readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { mask } from "../log/mask.ts";
import type { Audit } from "./audit.ts";
import { writeSecretFile } from "./secrets.ts";

/** Who a process runs for, as the audit names them. */
export function operatingSystemUser(): string {
	try {
		return `os:${userInfo().username}`;
	} catch {
		// A container may run under a number that has no name.
		return `os:${process.getuid?.() ?? "unknown"}`;
	}
}

/**
 * Keeps what was changed in the configuration since the last start of this home, key by key: a limit that was edited in
 * a file is found beside what was changed over the API.
 */
export function noteConfig(audit: Pick<Audit, "record">, home: string, config: object): void {
	const path = join(home, "audit", "config.json");
	const now = flat(mask(config) as Record<string, unknown>);
	const before = existsSync(path) ? readConfig(path) : undefined;
	const text = `${JSON.stringify(now, null, "\t")}\n`;
	if (before) {
		for (const key of new Set([...Object.keys(before), ...Object.keys(now)])) {
			if (before[key] === now[key]) continue;
			const change = { before: before[key] ?? null, after: now[key] ?? null };
			audit.record({ who: operatingSystemUser(), what: "config.change", target: key, ...change });
		}
	}
	writeSecretFile(path, text);
}

function readConfig(path: string): Record<string, unknown> | undefined {
	try {
		return JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;
	} catch {
		return undefined;
	}
}

function flat(sections: Record<string, unknown>): Record<string, unknown> {
	return Object.fromEntries(
		Object.entries(sections).flatMap(([section, keys]) =>
			Object.entries((keys ?? {}) as object).map(([key, value]) => [`${section}.${key}`, value]),
		),
	);
}
