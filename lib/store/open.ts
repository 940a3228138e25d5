import { isAbsolute, resolve } from "node:path";
import { EnergyError } from "../errors.ts";
import { readingTally } from "../metrics/tally.ts";
import { shownUrl } from "../shown-url.ts";
import { SqliteStore } from "./sqlite/store.ts";
import type { Store, StoreOptions } from "./store.ts";

interface Shared {
	users: number;
	opening: Promise<Store>;
}

/** The package may be loaded twice (as sources and built, or by two installed copies); the engines are the process's. */
const registryName = Symbol.for("smartfactory.energy.stores");
const globals = globalThis as { [registryName]?: Map<string, Shared> };
globals[registryName] ??= new Map();
const registry = globals[registryName];

/**
 * Opens the store of a URL: `sqlite:///absolute/path.db`, `sqlite://./relative.db` or `sqlite://:memory:`.
 * A process has one engine per URL, however often it is opened; the last `close()` ends it, and the options of the first
 * opening hold.
 *
 * @throws EnergyError `store.bad-url`, `store.engine-not-built`, `store.not-writable`, `store.corrupt`,
 *   `store.newer-schema`, `store.busy`, `store.not-built`
 */
export async function openStore(url: string, options: StoreOptions = {}): Promise<Store> {
	const path = pathOf(url);
	let shared = registry.get(path);
	if (!shared) {
		shared = { users: 0, opening: SqliteStore.open(path, options) };
		registry.set(path, shared);
	}
	shared.users++;
	try {
		return handle(path, shared, await shared.opening);
	} catch (error) {
		if (registry.get(path) === shared) registry.delete(path);
		throw error;
	}
}

/** The file a URL names. */
function pathOf(url: string): string {
	const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase();
	if (scheme === "postgresql" || scheme === "postgres") {
		throw new EnergyError("store.engine-not-built", { url: shownUrl(url), engine: "PostgreSQL" });
	}
	const name = /^sqlite:\/\/(.+)$/.exec(url)?.[1];
	if (name === ":memory:") return name;
	const path = name === undefined ? "" : decoded(name);
	if (!(isAbsolute(path) || /^\.{1,2}[/\\]./.test(path)) || /[?#\0]|[/\\]$/.test(path)) {
		throw new EnergyError("store.bad-url", { url: shownUrl(url) });
	}
	return resolve(path);
}

function decoded(name: string): string {
	try {
		return decodeURIComponent(name);
	} catch {
		return "";
	}
}

/** One user's view of a shared store: its `close` gives back only this use. */
function handle(path: string, shared: Shared, store: Store): Store {
	let open = true;
	const close = async (): Promise<void> => {
		if (!open) return;
		open = false;
		if (--shared.users > 0) return;
		if (registry.get(path) === shared) registry.delete(path);
		await store.close();
	};
	return new Proxy(store, {
		get(target, name) {
			if (name === "close") return close;
			const member: unknown = Reflect.get(target, name, target);
			if (typeof member !== "function") return member;
			return (...values: unknown[]) => {
				if (!open) return Promise.reject(new EnergyError("store.closed", { path }));
				const done: unknown = member.apply(target, values);
				return counted(name, values, done);
			};
		},
	});
}

/** Counts what becomes of readings, whichever node writes them. */
function counted(name: string | symbol, [given]: readonly unknown[], done: unknown): unknown {
	const count = Array.isArray(given) ? given.length : 0;
	if ((name !== "write" && name !== "quarantine") || count === 0 || !(done instanceof Promise)) return done;
	return done.then((outcome: unknown) => {
		if (name === "write") readingTally.store(count, Date.now());
		else readingTally.reject(count, Date.now());
		return outcome;
	});
}
