// `npm run audit`: who did what, and whether anybody has tampered with what says so.
import { parseArgs } from "node:util";
import { Audit, knownHead } from "../lib/access/audit.ts";
import { verifyAudit } from "../lib/access/audit-check.ts";
import { EnergyError } from "../lib/errors.ts";
import { openStore } from "../lib/store/open.ts";
import type { AuditEntry, AuditQuery, Store } from "../lib/store/store.ts";
import { loadApp } from "./app.ts";
import { reasonOf, say } from "./say.ts";

const options = {
	who: { type: "string" },
	what: { type: "string" },
	target: { type: "string" },
	site: { type: "string" },
	from: { type: "string" },
	to: { type: "string" },
	limit: { type: "string" },
	json: { type: "boolean" },
	help: { type: "boolean", short: "h" },
} as const;

void main().catch((error: unknown) => {
	console.error(reasonOf(error));
	process.exitCode = 2;
});

async function main(): Promise<void> {
	const { values, positionals } = parseArgs({ allowPositionals: true, options });
	const [verb = "list"] = positionals;
	if (values.help || !["list", "verify"].includes(verb)) {
		say("app.audit-usage");
		process.exitCode = values.help ? 0 : 2;
		return;
	}
	const { home, dbUrl } = loadApp();
	const store = await openStore(dbUrl);
	try {
		if (verb === "verify") await verify(store, home);
		else await list(store, values);
	} finally {
		await store.close();
	}
}

async function verify(store: Store, home: string): Promise<void> {
	const { entries, head, broken } = await verifyAudit(store, Audit.keyOf(home), knownHead(home));
	if (!broken) {
		say("app.audit-whole", { entries, head: head || "–" });
		return;
	}
	say(`app.audit-${broken.reason}`, { sequence: broken.sequence });
	process.exitCode = 1;
}

type Wanted = ReturnType<typeof parseArgs<{ options: typeof options }>>["values"];

async function list(store: Store, { from, to, limit = "50", json, help: _help, ...rest }: Wanted): Promise<void> {
	const query: AuditQuery = {
		...rest,
		...(from === undefined ? {} : { fromMs: instant("--from", from) }),
		...(to === undefined ? {} : { toMs: instant("--to", to) }),
		limit: Number(limit),
	};
	const { items } = await store.audit(query);
	for (const entry of items) console.log(json ? entry.text : lineOf(entry));
}

function instant(option: string, text: string): number {
	const ms = Date.parse(text);
	if (Number.isNaN(ms)) {
		throw new EnergyError("app.bad-option", { option, value: text, allowed: "2026-11-17T09:00:00+09:00" });
	}
	return ms;
}

function lineOf({ sequence, atMs, who, what, target, site, detail }: AuditEntry): string {
	const { before, after, request, status, from, count } = detail;
	const facts = { site, before, after, request, status, from, count };
	const told = Object.entries(facts)
		.filter(([, value]) => value !== undefined && value !== "")
		.map(([name, value]) => `${name}=${typeof value === "string" ? value : JSON.stringify(value)}`);
	return [sequence, new Date(atMs).toISOString(), who, what, target || "–", ...told].join(" ");
}
