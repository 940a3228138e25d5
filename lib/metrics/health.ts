import { EnergyError } from "../errors.ts";
import { explain, type Language, text } from "../messages.ts";
import type { Store } from "../store/store.ts";
import { diskOf, watchProcess } from "./process.ts";

export type Verdict = "ok" | "degraded" | "failed";

export interface PartHealth {
	status: Verdict;
	/** In the caller's words; only for those who are signed in. */
	detail?: string;
}

export const healthParts = ["store", "ingest", "eventLoop", "disk"] as const;
export type HealthPart = (typeof healthParts)[number];

export interface Health {
	/** The worst of its parts; only a failed store makes the whole failed. */
	status: Verdict;
	parts: Record<HealthPart, PartHealth>;
}

/** Without a reading for so long, something between meters and here is broken. */
const SILENT_MS = 120_000;
const ANSWER_MS = 5_000;
/** The loop is meant to stay under 50 ms; beyond this, requests and messages wait noticeably. */
const SLOW_LOOP_MS = 500;
/** A day of readings and the database's journal need about this. */
const SCARCE_BYTES = 500_000_000;

/** Whether each part works. Never throws: a store that does not answer is what this is here to tell. */
export async function healthOf(store: () => Promise<Store>, home: string, language: Language): Promise<Health> {
	const say = (code: string, details: Record<string, unknown> = {}): string => text(code, details, language);
	const [asked, disk] = await Promise.all([askStore(store), diskOf(home)]);
	const parts: Health["parts"] = {
		store: { status: "ok" },
		ingest: { status: "ok" },
		eventLoop: loopHealth(say),
		disk: { status: "ok" },
	};
	if ("error" in asked) {
		parts.store = { status: "failed", detail: explain(asked.error, language) };
		parts.ingest = { status: "degraded", detail: say("metrics.ingest-unknown") };
	} else {
		const { queueDepth, newestMs } = asked.stats;
		const silentS = newestMs === null ? null : Math.max(0, Math.round((Date.now() - newestMs) / 1_000));
		parts.store.detail = say("metrics.store-waiting", { count: queueDepth });
		parts.ingest = {
			status: silentS !== null && silentS * 1_000 < SILENT_MS ? "ok" : "degraded",
			detail: silentS === null ? say("metrics.no-reading") : say("metrics.last-reading", { seconds: silentS }),
		};
	}
	if (disk) {
		const low = disk.freeBytes < SCARCE_BYTES;
		const freeGb = (disk.freeBytes / 1e9).toFixed(1);
		parts.disk = { status: low ? "degraded" : "ok", detail: say("metrics.disk-free", { freeGb }) };
	}
	const statuses = Object.values(parts).map(({ status }) => status);
	const status = statuses.includes("failed") ? "failed" : statuses.includes("degraded") ? "degraded" : "ok";
	return { status, parts };
}

function loopHealth(say: (code: string, details: Record<string, unknown>) => string): PartHealth {
	const { loop } = watchProcess();
	const { p99Ms } = loop.figures();
	const slow = (loop.lastMinute()?.p99Ms ?? 0) >= SLOW_LOOP_MS;
	return { status: slow ? "degraded" : "ok", detail: say("metrics.loop-delay", { p99Ms }) };
}

type Asked = { stats: { queueDepth: number; newestMs: number | null } } | { error: unknown };

/** A store that hangs is as bad as one that fails. */
async function askStore(open: () => Promise<Store>): Promise<Asked> {
	let timer: NodeJS.Timeout | undefined;
	const late = new Promise<Asked>((resolve) => {
		const error = new EnergyError("metrics.store-silent", { seconds: ANSWER_MS / 1_000 });
		timer = setTimeout(() => resolve({ error }), ANSWER_MS);
	});
	const answer = (async (): Promise<Asked> => {
		try {
			return { stats: await (await open()).stats() };
		} catch (error) {
			return { error };
		}
	})();
	const first = await Promise.race([answer, late]);
	clearTimeout(timer);
	return first;
}

/** What strangers may know: which part, not why. */
export function withoutDetails({ status, parts }: Health): Health {
	const plain = Object.entries(parts).map(([name, part]) => [name, { status: part.status }]);
	return { status, parts: Object.fromEntries(plain) as Health["parts"] };
}
