import { AsyncLocalStorage } from "node:async_hooks";

// One for the process, however often the package is loaded.
const key = Symbol.for("smartfactory.log.scope");
const holder = globalThis as { [key]?: AsyncLocalStorage<string> };
holder[key] ??= new AsyncLocalStorage<string>();
const scope = holder[key];

/** Runs work on behalf of a request: what is logged meanwhile, here and in what it waits for, carries its id. */
export function inRequest<T>(requestId: string | undefined, work: () => T): T {
	return requestId === undefined ? work() : scope.run(requestId, work);
}

/** The request that this work is done for. */
export function requestIdNow(): string | undefined {
	return scope.getStore();
}
