import type { QuarantineEntry } from "../store/store.ts";

/** What became of one MQTT message: objects shaped like readings, not judged yet, and what is not even that. */
export interface Decoded {
	readings: Record<string, unknown>[];
	rejected: QuarantineEntry[];
}

export interface DecodeLimits {
	/** Larger messages go to quarantine unread. */
	maxBytes: number;
}

interface Place {
	site: string;
	machine: string;
}

const nowhere: Place = { site: "", machine: "" };
const SHOWN_BYTES = 4096;
const MAX_KNOWN_TOPICS = 10_000;

/** `smartfactory/<site>/<area>/<machine>/telemetry`; other topics say nothing about the place. */
function placeOf(topic: string): Place {
	const levels = topic.split("/");
	const [, site, , machine, kind] = levels;
	return levels.length === 5 && site && machine && kind === "telemetry" ? { site, machine } : nowhere;
}

/** Turns MQTT messages into readings. Holds the topics it has seen, since a plant repeats the same few. */
export class Decoder {
	readonly #limits: DecodeLimits;
	readonly #places = new Map<string, Place>();

	constructor(limits: DecodeLimits) {
		this.#limits = limits;
	}

	/**
	 * Never throws: what can't be read becomes a quarantine entry. An empty payload (how a retained message is
	 * deleted) is nothing at all.
	 *
	 * @param nowMs epoch ms, when it was received
	 */
	decode(topic: string, payload: Buffer, nowMs: number): Decoded {
		const place = this.#placeOf(topic);
		const reject = (detail: string, shown: string): QuarantineEntry => ({
			atMs: nowMs,
			site: place.site,
			machine: place.machine,
			reason: "Bad_Malformed",
			detail,
			source: topic,
			payload: shown,
		});
		if (payload.length === 0) return { readings: [], rejected: [] };
		const head = () => payload.toString("utf8", 0, SHOWN_BYTES);
		if (payload.length > this.#limits.maxBytes) {
			const detail = `The message has ${payload.length} bytes; at most ${this.#limits.maxBytes} are read.`;
			return { readings: [], rejected: [reject(detail, head())] };
		}
		let value: unknown;
		try {
			value = JSON.parse(payload.toString("utf8"));
		} catch (error) {
			const why = error instanceof Error ? error.message : String(error);
			return { readings: [], rejected: [reject(`The message is no JSON: ${why}`.slice(0, 300), head())] };
		}
		const decoded: Decoded = { readings: [], rejected: [] };
		for (const item of Array.isArray(value) ? value : [value]) {
			if (typeof item === "object" && item !== null && !Array.isArray(item)) decoded.readings.push(placed(item, place));
			else {
				const shown = JSON.stringify(item).slice(0, SHOWN_BYTES);
				decoded.rejected.push(reject("A reading is a JSON object; this is something else.", shown));
			}
		}
		return decoded;
	}

	#placeOf(topic: string): Place {
		let place = this.#places.get(topic);
		if (!place) {
			place = placeOf(topic);
			if (this.#places.size >= MAX_KNOWN_TOPICS) this.#places.clear();
			this.#places.set(topic, place);
		}
		return place;
	}
}

/** What the reading does not say, the topic does. */
function placed(item: Record<string, unknown>, place: Place): Record<string, unknown> {
	if (item.site === undefined && place.site) item.site = place.site;
	if (item.machine === undefined && place.machine) item.machine = place.machine;
	return item;
}
