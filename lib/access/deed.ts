import { isDeepStrictEqual } from "node:util";
import type { Change } from "../log/scope.ts";
import type { AuditEvent } from "./audit.ts";

/** More than this of one deed are told by their number alone: a file of orders was brought in. */
const TOLD_AT_MOST = 300;

/**
 * One thing that somebody does: what it changes is collected where it is changed (`noteChange`), and kept as one record
 * for each thing that is another now, all of the same request. What it changes after it was answered — a job that was
 * started — is kept when that happens.
 */
export class Deed {
	readonly #keep: (event: AuditEvent) => void;
	readonly #changes = new Map<string, Change>();
	#beyond = 0;
	#ended: AuditEvent | undefined;

	/** @param keep takes each event that is to be in the audit */
	constructor(keep: (event: AuditEvent) => void) {
		this.#keep = keep;
	}

	/** Takes a change; to be handed on as the `note` of a scope. */
	readonly note = (change: Change): void => {
		const known = this.#changes.get(change.target);
		if (this.#ended) this.#tell({ ...this.#ended, note: "later" }, change);
		// What changed twice on the way was there before the first and is there after the last.
		else if (known) this.#changes.set(change.target, { ...change, before: known.before });
		else if (this.#changes.size < TOLD_AT_MOST) this.#changes.set(change.target, change);
		else this.#beyond++;
	};

	/** It is answered. @param event who did what, with the request for a deed of which no change is known */
	end(event: AuditEvent): void {
		if (this.#ended) return;
		const { request: _request, ...changed } = event;
		this.#ended = changed;
		if (this.#changes.size === 0) this.#keep(event);
		for (const change of this.#changes.values()) this.#tell(changed, change);
		if (this.#beyond > 0) this.#keep({ ...changed, target: `${this.#beyond} further`, count: this.#beyond });
		this.#changes.clear();
	}

	#tell(event: AuditEvent, { target, before, after }: Change): void {
		this.#keep({ ...event, target, ...differing(before, after) });
	}
}

const isPlain = (value: unknown): value is Record<string, unknown> =>
	typeof value === "object" && value !== null && !Array.isArray(value);

/** Of two objects what differs; an auditor should not have to look for it. */
function differing(before: unknown, after: unknown): { before: unknown; after: unknown } {
	if (!isPlain(before) || !isPlain(after)) return { before: before ?? null, after: after ?? null };
	const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
		(name) => !isDeepStrictEqual(before[name], after[name]),
	);
	const picked = (value: Record<string, unknown>): unknown =>
		Object.fromEntries(names.map((name) => [name, value[name] ?? null]));
	return { before: picked(before), after: picked(after) };
}
