import { createHash } from "node:crypto";
import { EnergyError } from "../lib/errors.ts";
import type { Store } from "../lib/store/store.ts";
import type { Site } from "../lib/telemetry/site.ts";
import type { Loose } from "./desk-input.ts";
import { loadModelKind, mayTakeOver } from "./forecast/load-model.ts";
import { loadTraining, MEMBER_TASK } from "./forecast/training.ts";
import { BROUGHT_KIND } from "./onnx/brought-kind.ts";
import type { BroughtData, BroughtOptions } from "./onnx/brought-model.ts";
import { type ForeignManifest, parseManifest } from "./onnx/foreign.ts";
import type { TrainingData, TrainingRequest } from "./training/trainer.ts";

/** A file that somebody brought, and where it is to serve. */
export interface ImportOrder {
	machine: string;
	file: Uint8Array;
	manifest: ForeignManifest;
	/** `ensemble`: it has a say beside our own model; `alone`: it stands in its place. */
	serves: "alone" | "ensemble";
	/** In use at once, where its trial beats the baselines and the model in use. */
	promote: boolean;
}

/** Bytes of an ONNX file. */
const MAX_FILE = 16 * 1024 * 1024;
/** Days of the load that a brought model is tried on, and before them those that its features look back on. */
const TRIAL_HISTORY_DAYS = 84;
const base64 = /^[A-Za-z0-9+/\s]+={0,2}\s*$/;

function fail(field: string, value: unknown, rule: string): never {
	throw new EnergyError("models.bad-input", { field, value, rule });
}

/** @throws EnergyError `models.bad-input`, `models.onnx-manifest` */
export function importOrder({ machine, file, manifest, serves, promote = false }: Loose): ImportOrder {
	if (typeof machine !== "string" || machine === "") fail("machine", machine ?? "–", "a machine, or total");
	if (typeof promote !== "boolean") fail("promote", promote, "true, false");
	const parsed = parseManifest(manifest);
	const where = serves ?? parsed.serves ?? "alone";
	if (where !== "alone" && where !== "ensemble") fail("serves", where, "alone, ensemble");
	return { machine, file: bytesOf(file), manifest: parsed, serves: where, promote };
}

function bytesOf(file: unknown): Uint8Array {
	if (file instanceof Uint8Array && file.length > 0 && file.length <= MAX_FILE) return Uint8Array.from(file);
	const rule = `the ONNX file in base64, at most ${MAX_FILE / 1024 / 1024} MiB`;
	if (typeof file !== "string" || file === "") return fail("file", typeof file, rule);
	if (file.length > (MAX_FILE * 4) / 3 + 4) return fail("file", `${file.length} characters`, rule);
	if (!base64.test(file.slice(0, 1_000)) || !base64.test(file.slice(-1_000))) fail("file", file.slice(0, 20), rule);
	return Uint8Array.from(Buffer.from(file, "base64"));
}

/** The training that tries a brought model: nothing is learnt, everything is measured. */
export function importRequest(
	{ machine, file, manifest, serves, promote }: ImportOrder,
	site: Site,
	store: () => Promise<Store>,
	by: string | undefined,
): TrainingRequest {
	const subject = { site, store, machine, kind: loadModelKind.kind, historyDays: TRIAL_HISTORY_DAYS };
	const { options, read } = loadTraining(subject);
	const { timeZone, holidays } = options;
	const given: BroughtOptions = { timeZone, holidays };
	const dataFingerprint = createHash("sha256").update(file).digest("hex");
	return {
		...{ task: serves === "ensemble" ? MEMBER_TASK : loadModelKind.task, site: site.id, machine },
		...{ kind: BROUGHT_KIND, reason: "imported", options: given, seed: 0, promote },
		...(by !== undefined && { by }),
		// Two files for one machine are two models, not one asked for twice.
		twin: dataFingerprint,
		// A trial takes seconds, and somebody waits for it.
		brief: true,
		read: async (): Promise<TrainingData> => {
			const { data: history, ...known } = await read();
			const data: BroughtData = { file, manifest, history };
			return { ...known, data, dataFingerprint };
		},
		// Beside our own it only has to beat the baselines.
		accept: (fitted, active) => mayTakeOver(fitted.metrics, serves === "ensemble" ? undefined : active?.metrics),
	};
}
