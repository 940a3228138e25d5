import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { generateHistory } from "../lib/plant/history.ts";
import type { Store } from "../lib/store/store.ts";
import type { App } from "./app.ts";
import { shippedSite } from "./flows.ts";
import { line, reasonOf, say } from "./say.ts";

const RAW_DAYS = 28;

/**
 * Fills an empty store with the simulated plant's past, once, so that no chart of a first start is empty. One that was
 * interrupted is made whole at the next start: the same rows written again change nothing.
 */
export async function makeHistory({ home, config }: App, store: Store): Promise<void> {
	const days = config.data.history_days;
	const site = shippedSite(home);
	if (!config.system.simulate || days === 0 || !site) return;
	const marker = join(home, ".history");
	const state = existsSync(marker) ? readFileSync(marker, "utf8") : "none";
	const { readings, intervals } = await store.stats();
	if (state === "done" || (state === "none" && readings + intervals > 0)) return;
	writeFileSync(marker, "started");
	try {
		await store.defineSite(site);
		const made = await generateHistory(store, {
			days,
			// What a machine's model learns from: weekends and working days, minute by minute.
			rawDays: RAW_DAYS,
			siteId: site.id,
			timeZone: site.timeZone,
			onProgress: (share) => progress(line("app.history", { percent: Math.round(share * 100), days })),
		});
		writeFileSync(marker, "done");
		progress("");
		say("app.history-done", { days, seconds: (made.durationMs / 1000).toFixed(1) });
	} catch (error) {
		say("app.history-failed", { reason: reasonOf(error) });
	}
}

/** Whether the home's database holds the simulated plant's past, which no bill or report of a real one may stand on. */
export function holdsSimulatedPast(home: string): boolean {
	return existsSync(join(home, ".history"));
}

/** Redraws one line on a terminal; a log file gets only the end. */
function progress(text: string): void {
	if (process.stdout.isTTY) process.stdout.write(`\r\u001b[K${text}`);
}
