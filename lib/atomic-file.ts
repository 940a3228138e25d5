import { closeSync, fsyncSync, openSync } from "node:fs";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";

let counter = 0;

/**
 * Writes a file whole or not at all: a reader, and the next start after a power cut, finds the old content or the new.
 */
export async function writeAtomically(path: string, content: Uint8Array | string): Promise<void> {
	const folder = dirname(path);
	await mkdir(folder, { recursive: true, mode: 0o700 });
	const beside = `${path}.${process.pid}-${++counter}.tmp`;
	try {
		const file = await open(beside, "wx", 0o600);
		try {
			await file.writeFile(content);
			await file.sync();
		} finally {
			await file.close();
		}
		await rename(beside, path);
	} catch (error) {
		await rm(beside, { force: true });
		throw error;
	}
	await syncFolder(folder);
}

/** The name of a file is safe only with its folder; where a platform opens no folders (Windows), it syncs none. */
export async function syncFolder(folder: string): Promise<void> {
	const handle = await open(folder, "r").catch(() => undefined);
	if (!handle) return;
	await handle.sync().catch(() => undefined);
	await handle.close();
}

/** The same at once, for what is written before anything runs. */
export function syncFolderNow(folder: string): void {
	let handle: number | undefined;
	try {
		handle = openSync(folder, "r");
		fsyncSync(handle);
	} catch {
		// No folders to open or to sync here: nothing that could be done.
	} finally {
		if (handle !== undefined) closeSync(handle);
	}
}
