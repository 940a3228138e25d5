import { AsyncLocalStorage } from "node:async_hooks";

/** What was changed, from what to what: null before it was made, null after it was removed. */
export interface Change {
	/** What it was done to, by the id that the API knows it under. */
	target: string;
	before: unknown;
	after: unknown;
}

/** On whose behalf work is done. */
export interface Scope {
	/** The request that it stems from: logs and problems name it. */
	requestId?: string | undefined;
	/** Takes what is changed meanwhile; without it nobody asked, and what is changed is nobody's deed. */
	note?: ((change: Change) => void) | undefined;
}

// One for the process, however often the package is loaded.
const key = Symbol.for("smartfactory.scope");
const holder = globalThis as { [key]?: AsyncLocalStorage<Scope> };
holder[key] ??= new AsyncLocalStorage<Scope>();
const storage = holder[key];

/** Runs work on somebody's behalf: what it logs and changes, here and in what it waits for, is theirs. */
export function inScope<T>(scope: Scope, work: () => T): T {
	return storage.run(scope, work);
}

/** On whose behalf this is done; to be kept with work that is done later. */
export function scopeNow(): Scope {
	return storage.getStore() ?? {};
}

/** The request that this work is done for. */
export function requestIdNow(): string | undefined {
	return scopeNow().requestId;
}

/**
 * To be called by whatever changes a document that people care for, at the change itself: whoever asked for it then
 * stands in the audit with what was there before and after. What changes by itself is nobody's deed and is kept nowhere.
 */
export function noteChange(change: Change): void {
	scopeNow().note?.(change);
}
