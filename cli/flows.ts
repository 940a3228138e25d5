// The user's copy of the shipped flows: made once, kept up while nobody has edited it, never forced over edits.
import { createHash } from "node:crypto";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../lib/package-root.cjs";
import type { Machine, Site } from "../lib/telemetry/site.ts";
import type { EnergySiteConfig } from "../nodes/energy-site/config.ts";
import { machinesOf } from "../nodes/energy-site/machines.ts";
import type { Mode } from "./app.ts";

interface FlowNode {
	id: string;
	type: string;
	disabled?: boolean;
	env?: { name: string; value: string }[];
}

export interface PreparedFlows {
	/** File name inside the home. */
	file: string;
	/** `edited`: the shipped flows have changed, and so has the user's copy, which stays. */
	news: "none" | "created" | "updated" | "edited";
}

const shippedPath = join(packageRoot, "flows", "flows.json");

/** A plant of one's own begins without machines: they appear as they report, and are named in the editor. */
const ownSite = { name: "My plant", siteId: "plant", machines: [], tariff: "simple", contractKw: "" };

/**
 * The shipped flows as a new home gets them. Where nothing is simulated, the tabs of the simulated plant are off and
 * the site is nobody's yet.
 */
function shippedFlows(simulate: boolean): string {
	const shipped = readFileSync(shippedPath, "utf8");
	if (simulate) return shipped;
	const made = (JSON.parse(shipped) as FlowNode[]).map((node) => {
		if (variable(node, "SIMULATED") === "true") return { ...node, disabled: true };
		return node.type === "energy-site" ? { ...node, ...ownSite } : node;
	});
	return `${JSON.stringify(made, null, "\t")}\n`;
}

const variable = (tab: FlowNode, wanted: string): string | undefined =>
	tab.type === "tab" ? tab.env?.find(({ name }) => name === wanted)?.value : undefined;

/** Whole or not at all: a half of it would be taken for an edit, and stay. */
function put(path: string, text: string): void {
	writeFileSync(`${path}.new`, text, { flush: true });
	renameSync(`${path}.new`, path);
}

const hash = (text: string): string => createHash("sha256").update(text).digest("hex");

/**
 * Puts the flows into the home and names the file that this mode runs. Modes other than full run a derived file with
 * the tabs of other concerns switched off; a tab names its modes in the environment variable MODES.
 */
export function prepareFlows(home: string, mode: Mode, simulate: boolean): PreparedFlows {
	const shipped = shippedFlows(simulate);
	const own = join(home, "flows.json");
	const stamp = join(home, ".flows-shipped");
	let news: PreparedFlows["news"] = "none";
	if (!existsSync(own)) {
		put(own, shipped);
		put(stamp, hash(shipped));
		news = "created";
	} else {
		const copiedFrom = existsSync(stamp) ? readFileSync(stamp, "utf8") : "";
		if (copiedFrom !== hash(shipped)) {
			const edited = hash(readFileSync(own, "utf8")) !== copiedFrom;
			news = edited ? "edited" : "updated";
			if (!edited) {
				put(own, shipped);
				put(stamp, hash(shipped));
			}
		}
	}
	if (mode === "full") return { file: "flows.json", news };
	const flows = JSON.parse(readFileSync(own, "utf8")) as FlowNode[];
	const derived = flows.map((node) => {
		const modes = variable(node, "MODES")?.split(",");
		if (!modes) return node;
		// A tab that full runs and that is off was switched off by a person, or simulates; one that full lacks ships off.
		const switchedOff = node.disabled === true && modes.includes("full");
		return { ...node, disabled: switchedOff || !modes.includes(mode) };
	});
	const file = `flows.${mode}.json`;
	writeFileSync(join(home, file), JSON.stringify(derived, null, "\t"));
	return { file, news };
}

/** The nodes of the user's flows, or of the shipped ones where there are none of their own yet. */
function flowsOf(home: string): (FlowNode & EnergySiteConfig)[] {
	const own = join(home, "flows.json");
	return JSON.parse(readFileSync(existsSync(own) ? own : shippedPath, "utf8"));
}

const siteInFlows = (home: string, site: string) =>
	flowsOf(home).find(({ type, siteId }) => type === "energy-site" && siteId === site);

/** The time zone of a site of the user's flows; undefined where they do not know it. */
export function zoneInFlows(home: string, site: string): string | undefined {
	return siteInFlows(home, site)?.timeZone;
}

/** A machine as the sites of the user's flows know it; undefined where none does. */
export function machineInFlows(home: string, site: string, machine: string): Machine | undefined {
	const node = siteInFlows(home, site);
	return node && machinesOf(node.machines ?? []).find(({ id }) => id === machine);
}

/** The first site of the user's flows; the shipped one where nobody has changed it. */
export function shippedSite(home: string): Site | null {
	const node = flowsOf(home).find(({ type }) => type === "energy-site");
	if (!node) return null;
	const { siteId: id, name, timeZone, machines, unknownMachines } = node;
	return { id, name, timeZone, machines, unknownMachines };
}
