import { parentPort, workerData } from "node:worker_threads";
import { EnergyError } from "../errors.ts";
import { makePdf } from "./pdf/make-pdf.ts";
import type { RenderAnswer, RenderTask } from "./render.ts";

const { report, language, fonts } = workerData as RenderTask;
const answer = (message: RenderAnswer): void => parentPort?.postMessage(message);

makePdf(report, language, fonts).then(
	(pdf) => answer({ pdf: new Uint8Array(pdf) }),
	(error: unknown) => {
		if (error instanceof EnergyError) answer({ code: error.code, details: { ...error.details } });
		else
			answer({
				code: "report.pdf-failed",
				details: { reason: error instanceof Error ? error.message : String(error) },
			});
	},
);
