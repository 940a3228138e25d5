import { parentPort, workerData } from "node:worker_threads";
import { EnergyError } from "../errors.ts";
import type { AdviceTask } from "./advice.ts";
import { adviseOn } from "./advise.ts";
import type { ThreadAnswer } from "./advise-thread.ts";

function answer(): ThreadAnswer {
	try {
		return { result: adviseOn(workerData as AdviceTask) };
	} catch (error) {
		if (error instanceof EnergyError) return { code: error.code, details: { ...error.details } };
		const reason = error instanceof Error ? error.message : String(error);
		return { code: "tariff.advice-failed", details: { reason } };
	}
}

parentPort?.postMessage(answer());
