import { readFileSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { syncFolder } from "../lib/atomic-file.ts";
import { EnergyError } from "../lib/errors.ts";

/**
 * One JSON file that outlives a restart. Writing goes to a neighbour that then takes its place, so that a crash leaves
 * the old state or the new one, never half of it; one write at a time, the newest state wins.
 */
export class StateFile {
	readonly path: string;
	private writing: Promise<void> | undefined;
	private next: string | undefined;
	private readonly failed: (error: EnergyError) => void;
	private hasFailed = false;

	/** @param failed told once where a state that is kept cannot be written: `nodes.state-unwritable` */
	constructor(userDir: string, name: string, failed: (error: EnergyError) => void) {
		this.path = join(userDir, "state", `${name}.json`);
		this.failed = failed;
	}

	/** The kept state; undefined where there is none or it can't be read. Some kilobytes, read once, before anything runs. */
	read(): unknown {
		try {
			return JSON.parse(readFileSync(this.path, "utf8"));
		} catch {
			return undefined;
		}
	}

	/** Writes when it can; what fails is told, once. */
	keep(state: unknown): void {
		this.write(state).catch((cause: unknown) => {
			if (this.hasFailed) return;
			this.hasFailed = true;
			const reason = cause instanceof Error ? cause.message : String(cause);
			this.failed(new EnergyError("nodes.state-unwritable", { file: this.path, reason }));
		});
	}

	/** Resolves when this state or a newer one is on disk. */
	write(state: unknown): Promise<void> {
		this.next = JSON.stringify(state);
		this.writing ??= this.drain();
		return this.writing;
	}

	private async drain(): Promise<void> {
		try {
			await mkdir(dirname(this.path), { recursive: true });
			while (this.next !== undefined) {
				const text = this.next;
				this.next = undefined;
				const beside = `${this.path}.new`;
				// A name that takes the old one's place before its content is on disk is an empty file after a power cut.
				await writeFile(beside, text, { mode: 0o600, flush: true });
				await rename(beside, this.path);
				await syncFolder(dirname(this.path));
			}
		} finally {
			// At once with the last look for a next one: what comes a moment later begins a writing of its own.
			this.writing = undefined;
		}
	}

	async remove(): Promise<void> {
		await this.writing?.catch(() => undefined);
		await rm(this.path, { force: true });
	}
}
