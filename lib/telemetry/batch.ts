import { EnergyError } from "../errors.ts";
import { type Refusal, refuse } from "./parse.ts";
import type { Site } from "./site.ts";
import { Validator } from "./validate.ts";

/** Readings of one message at most: judged in one go, they hold the event loop for some 50 ms. */
const MAX_READINGS = 50_000;
/** Text of one message at most; parsing a megabyte takes about 10 ms. */
const MAX_TEXT = 1_048_576;

export interface Batch {
	values: readonly unknown[];
	/** Whether it came as an array, and so has to leave as one. */
	many: boolean;
	/** Set where the payload as a whole can't be read. */
	refused?: Refusal;
}

/**
 * The readings of a payload: an object or an array of them, or the JSON text of either as the core mqtt-in node gives it.
 *
 * @throws EnergyError `telemetry.batch-too-large`
 */
export function batchOf(payload: unknown): Batch {
	const text = Buffer.isBuffer(payload) ? payload.subarray(0, MAX_TEXT + 1).toString("utf8") : payload;
	if (typeof text !== "string") return sized(text);
	if (text.length > MAX_TEXT) {
		const rule = `${MAX_TEXT} B`;
		return { values: [text.slice(0, 4096)], many: false, refused: refuse("text-too-long", "", text, rule).rejected };
	}
	try {
		return sized(JSON.parse(text));
	} catch {
		return { values: [text], many: false };
	}
}

function sized(value: unknown): Batch {
	if (!Array.isArray(value)) return { values: [value], many: false };
	if (value.length > MAX_READINGS)
		throw new EnergyError("telemetry.batch-too-large", { field: "payload", value: value.length, rule: MAX_READINGS });
	return { values: value, many: true };
}

const topicPattern = /^smartfactory\/[^/]+\/[^/]+\/([^/]+)\/telemetry$/;

/** The machine that a topic of ours names. */
export function machineOfTopic(topic: unknown): string | undefined {
	return typeof topic === "string" ? topicPattern.exec(topic)?.[1] : undefined;
}

const validators = new WeakMap<Site, Validator>();

/** One memory per site, however many nodes judge for it: a machine fed by the API is not silent for the broker's node. */
export function validatorOf(site: Site): Validator {
	const known = validators.get(site);
	if (known) return known;
	const made = new Validator(site);
	validators.set(site, made);
	return made;
}
