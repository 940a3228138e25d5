import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { EnergyError } from "../errors.ts";
import type { Language } from "../messages.ts";
import { packageRoot } from "../package-root.cjs";
import type { PdfFonts } from "./pdf/make-pdf.ts";
import type { Report } from "./report.ts";

export interface RenderTask {
	report: Report;
	language: Language;
	fonts?: PdfFonts;
}

export type RenderAnswer =
	| { pdf: Uint8Array; code?: undefined }
	| { code: string; details: Readonly<Record<string, unknown>> };

/** Drawing takes well under a second; past this something hangs. */
const DEADLINE_MS = 30_000;

/**
 * A report as a PDF, drawn in a worker thread so that the event loop stays free; stopped at its deadline.
 *
 * @throws EnergyError `report.pdf-missing`, `report.pdf-failed`
 */
export function renderPdf(task: RenderTask, deadlineMs = DEADLINE_MS): Promise<Buffer> {
	return new Promise((resolve, reject) => {
		const worker = new Worker(join(packageRoot, "dist/lib/report/worker.js"), { workerData: task });
		const fail = (reason: string): void => reject(new EnergyError("report.pdf-failed", { reason }));
		const deadline = setTimeout(() => {
			fail(`more than ${deadlineMs / 1000} s`);
			void worker.terminate();
		}, deadlineMs);
		worker.once("message", (answer: RenderAnswer) => {
			if (answer.code === undefined) resolve(Buffer.from(answer.pdf));
			else reject(new EnergyError(answer.code, answer.details));
		});
		worker.once("error", (error) => fail(error instanceof Error ? error.message : String(error)));
		worker.once("exit", (code) => {
			clearTimeout(deadline);
			fail(`exit ${code}`);
		});
	});
}
