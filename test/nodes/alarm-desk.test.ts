import assert from "node:assert/strict";
import type { Post } from "../../lib/alarms/outbox.ts";
import { rulesOf } from "../../lib/alarms/rules.ts";
import type { DocumentChange, Store, StoredDocument } from "../../lib/store/store.ts";
import type { Site } from "../../lib/telemetry/site.ts";
import { defaultRules, type EnergyAlarmConfig } from "../../nodes/energy-alarm/config.ts";
import { Delivery } from "../../nodes/energy-alarm/delivery.ts";
import { AlarmDesk } from "../../nodes/energy-alarm/desk.ts";

const site: Site = {
	...{ id: "demo", name: "Demo", timeZone: "Asia/Seoul", unknownMachines: "reject" as const },
	machines: [{ id: "press", name: "Press", area: "hall", role: "sub" }],
};

/** A store of documents in memory, which may be away. */
function shelf() {
	const kept = new Map<string, StoredDocument>();
	const state = { away: false, outbox: (): Post[] => (kept.get("alarm-state.outbox")?.value ?? []) as Post[] };
	const store = {
		documents: async ({ kind }: { kind: string }) => ({
			items: [...kept].flatMap(([key, document]) => (key.startsWith(`${kind}.`) ? [document] : [])),
		}),
		journal: async () => ({ items: [] }),
		dropJournalBefore: async () => ({ entries: 0 }),
		saveDocuments: async ({ kind, put = [] }: DocumentChange) => {
			for (const document of put) kept.set(`${kind}.${document.id}`, document);
		},
	} as unknown as Store;
	const open = async (): Promise<Store> => {
		if (state.away) throw new Error("the disk is away");
		return store;
	};
	return { kept, state, open };
}

describe("the desk of alarms", () => {
	it("keeps what an earlier run could not deliver, though the store came late", async () => {
		const { kept, state, open } = shelf();
		const nowMs = Date.now();
		const old: Post = { id: "old", sink: "webhook", atMs: nowMs, tries: 7, nextMs: nowMs + 500_000, body: {} };
		kept.set("alarm-state.outbox", { id: "outbox", atMs: nowMs, value: [old] });
		const config = { webhookUrl: "http://127.0.0.1:1/", tellFrom: "low" } as EnergyAlarmConfig;
		const credentials = { webhookSecret: "", smtpUser: "", smtpPassword: "" };
		const nothing = (): void => undefined;
		const desk = new AlarmDesk({
			...{ follow: false, site, rules: rulesOf(defaultRules, site), priceAt: () => null, maxShelveMs: 1e6 },
			...{ journalMs: 1e9, efficiencyThreshold: 0.5, store: open, happened: nothing, board: nothing, record: nothing },
			delivery: new Delivery(config, credentials, site, nothing),
			...{ efficiency: nothing, problem: nothing },
		});
		state.away = true;
		await desk.begin();
		state.away = false;
		desk.take(undefined, { silent: [{ machine: "press", silentS: 200 }] });
		desk.tick(nowMs + 1_000);
		await desk.command({ type: "comment", alarm: "silent.press", by: "kim", text: "seen" });
		assert.deepEqual(state.outbox(), [old], "nothing is written before it is known what was kept");
		desk.tick(nowMs + 3_600_000);
		while (state.outbox().length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
		assert.equal(state.outbox()[0]?.id, "old");
		await desk.close();
	});
});
