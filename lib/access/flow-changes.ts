import { createHmac } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { mask } from "../log/mask.ts";
import { Audit, type AuditEvent } from "./audit.ts";
import { operatingSystemUser } from "./audit-config.ts";
import { writeSecretFile } from "./secrets.ts";

/** A node as a flow file holds it. */
export type FlowNode = Readonly<Record<string, unknown>> & { readonly id: string; readonly type: string };

/** What a plugin inside Node-RED tells. */
export interface FlowSource {
	/** Name of the flow file: each mode has its own. */
	file: string;
	/** All nodes, tabs and config nodes as they are now. */
	nodes: () => FlowNode[];
	credentials: (id: string) => unknown;
}

/** Where a node lies on the sheet is nobody's concern. */
const positions: ReadonlySet<string> = new Set(["id", "x", "y", "w", "h"]);
/** More than this of one deploy are told by their number alone: a new set of flows was brought in. */
const TOLD_AT_MOST = 300;

/**
 * Keeps what a deploy changed: node by node, each property with what stood there before. What is in force is remembered
 * over restarts, so that a flow file that was edited beside the editor is noticed at the next start.
 */
export class FlowChanges {
	readonly #audit: Pick<Audit, "record">;
	readonly #home: string;
	#source: FlowSource | undefined;
	#known: Map<string, FlowNode> | undefined;

	constructor(audit: Pick<Audit, "record">, home: string) {
		this.#audit = audit;
		this.#home = home;
	}

	/** To be called once the flows run. */
	watch(source: FlowSource): void {
		this.#source = source;
		this.#known = this.#readKnown(source);
		if (this.#known) this.compare({ who: operatingSystemUser(), note: "outside the editor" });
		else this.#remember(this.#now(source), source);
	}

	/** Keeps what has changed since the last look. @param by who did it, and from where */
	compare(by: Omit<AuditEvent, "what">): void {
		const source = this.#source;
		if (!source) return;
		const before = this.#known ?? new Map<string, FlowNode>();
		const after = this.#now(source);
		const changes = changesOf(before, after);
		if (changes.length === 0) return;
		for (const change of changes.slice(0, TOLD_AT_MOST)) this.#audit.record({ ...by, what: "flow.change", ...change });
		if (changes.length > TOLD_AT_MOST) {
			const target = `${changes.length - TOLD_AT_MOST} further nodes`;
			this.#audit.record({ ...by, what: "flow.change", target });
		}
		this.#remember(after, source);
	}

	#now({ nodes, credentials }: FlowSource): Map<string, FlowNode> {
		const key = Audit.keyOf(this.#home);
		return new Map(
			nodes().map((node) => {
				const held = credentials(node.id);
				const isHeld = typeof held === "object" && held !== null && Object.keys(held).length > 0;
				const digest = isHeld && createHmac("sha256", key).update(JSON.stringify(held)).digest("base64url");
				return [node.id, { ...node, ...(digest ? { credentials: digest } : {}) }];
			}),
		);
	}

	#remember(nodes: Map<string, FlowNode>, source: FlowSource): void {
		this.#known = nodes;
		writeSecretFile(this.#pathOf(source), JSON.stringify([...nodes.values()]));
	}

	#readKnown(source: FlowSource): Map<string, FlowNode> | undefined {
		const path = this.#pathOf(source);
		if (!existsSync(path)) return undefined;
		try {
			const nodes = JSON.parse(readFileSync(path, "utf8")) as FlowNode[];
			return new Map(nodes.map((node) => [node.id, node]));
		} catch {
			return undefined;
		}
	}

	#pathOf({ file }: FlowSource): string {
		return join(this.#home, "audit", `deployed-${file.replace(/[^\w-]+/g, "_").slice(-80)}.json`);
	}
}

interface NodeChange {
	target: string;
	before: unknown;
	after: unknown;
}

function changesOf(before: ReadonlyMap<string, FlowNode>, after: ReadonlyMap<string, FlowNode>): NodeChange[] {
	const changes: NodeChange[] = [];
	for (const id of new Set([...before.keys(), ...after.keys()])) {
		const old = before.get(id);
		const now = after.get(id);
		const { type } = (now ?? old) as FlowNode;
		const target = `${type}:${id}`;
		if (!old || !now) {
			changes.push({ target, before: old ? mask(old) : null, after: now ? mask(now) : null });
			continue;
		}
		const names = [...new Set([...Object.keys(old), ...Object.keys(now)])].filter(
			(name) => !positions.has(name) && JSON.stringify(old[name]) !== JSON.stringify(now[name]),
		);
		if (names.length === 0) continue;
		const picked = (node: FlowNode): unknown =>
			mask(Object.fromEntries(names.map((name) => [name, node[name] ?? null])));
		changes.push({ target, before: picked(old), after: picked(now) });
	}
	return changes;
}
