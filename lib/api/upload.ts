import { createHash, randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { HttpRequest, HttpResponse } from "../access/http.ts";
import { EnergyError } from "../errors.ts";

/** A body that is too large for memory: a file of ours, gone with the request unless somebody takes it over. */
export interface Upload {
	path: string;
	mediaType: string;
	bytes: number;
	/** SHA-256 of its bytes, hex. */
	hash: string;
	/** Whoever takes it removes it. */
	take(): string;
}

export type UploadRequest = HttpRequest & { upload?: Upload };

const HOUR_MS = 3_600_000;

/**
 * Writes a body to a file under `home` whose name nobody outside chooses.
 *
 * @throws EnergyError `access.body-large`, `access.body-cut`
 */
export async function receiveUpload(
	home: string,
	req: UploadRequest,
	res: HttpResponse,
	mediaType: string,
	limit: number,
): Promise<void> {
	const tooLarge = new EnergyError("access.body-large", { limitMb: limit / 1_000_000 });
	const folder = join(home, "uploads");
	if (Number(req.headers["content-length"]) > limit) {
		res.setHeader("Connection", "close");
		req.resume();
		throw tooLarge;
	}
	await mkdir(folder, { recursive: true, mode: 0o700 });
	await sweep(folder);
	const path = join(folder, randomUUID());
	const hash = createHash("sha256");
	let bytes = 0;
	const counter = new Transform({
		transform(chunk: Buffer, _encoding, done) {
			bytes += chunk.length;
			if (bytes > limit) return done(tooLarge);
			hash.update(chunk);
			done(null, chunk);
		},
	});
	try {
		await pipeline(req, counter, createWriteStream(path, { mode: 0o600 }));
	} catch (error) {
		await rm(path, { force: true });
		throw error instanceof EnergyError ? error : new EnergyError("access.body-cut", {}, { cause: error });
	}
	let taken = false;
	const take = (): string => {
		taken = true;
		return path;
	};
	req.upload = { path, mediaType, bytes, hash: hash.digest("hex"), take };
	res.once("close", () => {
		if (!taken) void rm(path, { force: true });
	});
}

/** What a process that was killed left behind. */
async function sweep(folder: string): Promise<void> {
	for (const name of await readdir(folder)) {
		const path = join(folder, name);
		const atMs = (await stat(path).catch(() => undefined))?.mtimeMs ?? 0;
		if (Date.now() - atMs > 24 * HOUR_MS) await rm(path, { force: true });
	}
}
