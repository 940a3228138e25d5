import { randomUUID } from "node:crypto";
import { link, mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { EnergyError } from "../lib/errors.ts";
import { isGone, type Owner } from "./owner.ts";

/** A change under a lock takes milliseconds; whoever waits so long waits for something that hangs. */
const PATIENCE_MS = 10_000;
/** A lock without a readable owner, being written this moment or cut off while it was. */
const UNSIGNED_MS = 5_000;

/**
 * Does something while no other process that asks the same way does: a file stands for the lock. One that a killed
 * process left behind is taken away.
 *
 * @throws EnergyError `models.locked`
 */
export async function locked<T>(path: string, owner: Owner, work: () => Promise<T>): Promise<T> {
	await mkdir(dirname(path), { recursive: true, mode: 0o700 });
	const deadline = Date.now() + PATIENCE_MS;
	while (!(await taken(path, owner))) {
		if (await isLeftBehind(path, owner)) await takeAway(path, owner);
		else if (Date.now() > deadline) throw new EnergyError("models.locked", { path });
		else await pause(5 + 20 * Math.random());
	}
	try {
		return await work();
	} finally {
		await rm(path, { force: true });
	}
}

async function taken(path: string, owner: Owner): Promise<boolean> {
	try {
		await writeFile(path, JSON.stringify(owner), { flag: "wx", mode: 0o600 });
		return true;
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
		throw error;
	}
}

async function isLeftBehind(path: string, us: Owner): Promise<boolean> {
	const [text, info] = await Promise.all([readFile(path, "utf8"), stat(path)]).catch(() => [undefined, undefined]);
	if (text === undefined || info === undefined) return false;
	const owner = ownerIn(text);
	return owner ? isGone(owner, us, info.mtimeMs) : Date.now() - info.mtimeMs > UNSIGNED_MS;
}

/** Of two that find it left behind, the slower one may move the faster one's new lock: that goes back to its place. */
async function takeAway(path: string, us: Owner): Promise<void> {
	const aside = `${path}.${randomUUID()}`;
	const moved = await rename(path, aside).then(
		() => true,
		() => false,
	);
	if (!moved) return;
	if (!(await isLeftBehind(aside, us))) await link(aside, path).catch(() => undefined);
	await rm(aside, { force: true });
}

function ownerIn(text: string): Owner | undefined {
	try {
		return JSON.parse(text) as Owner;
	} catch {
		return undefined;
	}
}
