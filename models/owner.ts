import { randomUUID } from "node:crypto";
import { hostname, uptime } from "node:os";

/** The program that began something which ends with it: a training, a lock. */
export interface Owner {
	host: string;
	pid: number;
	/** Unlike a process id, never used again. */
	run: string;
}

/** After so long without a sign of life nothing from another machine is believed to go on. */
const BELIEVED_MS = 86_400_000;

const ownerName = Symbol.for("smartfactory.energy.owner");
const globals = globalThis as { [ownerName]?: Owner };
globals[ownerName] ??= { host: hostname(), pid: process.pid, run: randomUUID() };

/** This process: one, however often the package is loaded. */
export const thisProcess: Owner = globals[ownerName];

/**
 * Whether what a program wrote down as under way was cut off: the program ended (killed, or the machine with it).
 *
 * @param seenMs when it last showed that it lives, epoch ms
 */
export function isGone(owner: Owner | undefined, us: Owner, seenMs: number): boolean {
	if (!owner) return true;
	if (owner.run === us.run) return false;
	if (Date.now() - seenMs > BELIEVED_MS) return true;
	if (owner.host !== us.host) return false;
	// Our own number with another run is one that had it before us: in a container it is always the same.
	return owner.pid === us.pid || startedSince(seenMs) || !isAlive(owner.pid);
}

/** The machine was started after that, so its process numbers mean others now; a minute is left for clocks. */
function startedSince(seenMs: number): boolean {
	return Date.now() - uptime() * 1000 > seenMs + 60_000;
}

function isAlive(pid: number): boolean {
	try {
		process.kill(pid, 0);
		return true;
	} catch (error) {
		return (error as NodeJS.ErrnoException).code === "EPERM";
	}
}
