import { EnergyError } from "../errors.ts";
import type { Delta, LiveEvent, Resumed, Snapshot } from "./messages.ts";

const MAX_NAMES = 1_000;
const expected = '{"type":"subscribe","machines":["furnace-1"],"topics":["readings","alarm"]}';

/** Which part of the feed a client wants. Undefined: all. */
export interface Wish {
	machines?: ReadonlySet<string>;
	topics?: ReadonlySet<string>;
}

/** The place a client had reached: `?resume=<stream>:<seq>`. */
export interface Place {
	stream: string;
	seq: number;
}

/** @throws EnergyError `live.bad-message` */
export function wishOf(text: string): Wish {
	let message: unknown;
	try {
		message = JSON.parse(text);
	} catch (cause) {
		throw new EnergyError("live.bad-message", { rule: expected }, { cause });
	}
	const { type, machines, topics } = (message ?? {}) as { type?: unknown; machines?: unknown; topics?: unknown };
	if (type !== "subscribe") throw new EnergyError("live.bad-message", { rule: expected });
	return wish(names(machines), names(topics));
}

/**
 * What the handshake asks for: `/ws?machines=furnace-1,chiller-1&topics=alarm&resume=1f0c2a77:4711`.
 *
 * @throws EnergyError `live.bad-query`
 */
export function askedFor(url: string): { wish: Wish; place?: Place } {
	const query = new URLSearchParams(url.split("?")[1] ?? "");
	const list = (key: string): string[] => (query.get(key) ?? "").split(",").filter(Boolean);
	const resume = query.get("resume");
	const [, stream = "", seq = ""] = /^([\w-]{1,64}):(\d{1,15})$/.exec(resume ?? "") ?? [];
	if (resume !== null && stream === "") {
		throw new EnergyError("live.bad-query", { field: "resume", value: resume, rule: "<stream>:<seq>" });
	}
	const asked = wish(list("machines"), list("topics"));
	return stream === "" ? { wish: asked } : { wish: asked, place: { stream, seq: Number(seq) } };
}

/** The message as this client wants it; undefined where it does not. */
export function partOf<T extends Snapshot | Delta | LiveEvent | Resumed>(message: T, wish: Wish): T | undefined {
	const { machines, topics } = wish;
	if (message.type === "resumed") return message;
	if (message.type === "event") {
		const [first = ""] = message.event.split(".");
		return !topics || topics.has(message.event) || topics.has(first) ? message : undefined;
	}
	if (topics && !topics.has("readings")) return undefined;
	return machines ? { ...message, machines: message.machines.filter(({ machine }) => machines.has(machine)) } : message;
}

function wish(machines: string[], topics: string[]): Wish {
	return {
		...(machines.length > 0 ? { machines: new Set(machines) } : {}),
		...(topics.length > 0 ? { topics: new Set(topics) } : {}),
	};
}

function names(value: unknown): string[] {
	if (value === undefined) return [];
	if (Array.isArray(value) && value.length <= MAX_NAMES && value.every((name) => typeof name === "string")) {
		return value as string[];
	}
	throw new EnergyError("live.bad-message", { rule: expected });
}
