import { mask, maskText } from "./mask.ts";
import { requestIdNow } from "./scope.ts";

export const levels = ["fatal", "error", "warn", "info", "debug", "trace"] as const;
export type Level = (typeof levels)[number];

export interface Line {
	timeMs: number;
	level: Level;
	/** Who says it, e.g. `api.requests` or `node.energy-store`. */
	logger: string;
	text: string;
	requestId?: string;
	/** Further facts; secrets are masked already. */
	fields?: Readonly<Record<string, unknown>>;
}

export type Sink = (line: Line) => void;

// One for the process, however often the package is loaded.
const key = Symbol.for("smartfactory.log.sinks");
const holder = globalThis as { [key]?: Set<Sink> };
holder[key] ??= new Set<Sink>();
const sinks = holder[key];

/** Where lines go from now on; returns how to stop. Without a sink nothing is kept. */
export function addSink(sink: Sink): () => void {
	sinks.add(sink);
	return () => sinks.delete(sink);
}

/** Hands a line to every sink, its secrets masked, with the id of the request that it is about. */
export function log(level: Level, logger: string, text: string, fields?: Readonly<Record<string, unknown>>): void {
	if (sinks.size === 0) return;
	const { requestId = requestIdNow(), ...rest } = fields ?? {};
	const line: Line = {
		timeMs: Date.now(),
		level,
		logger,
		text: maskText(text),
		...(typeof requestId === "string" && { requestId }),
		...(Object.keys(rest).length > 0 && { fields: mask(rest) as Record<string, unknown> }),
	};
	for (const sink of sinks) sink(line);
}

const padded: Readonly<Record<Level, string>> = {
	fatal: "FATAL",
	error: "ERROR",
	warn: "WARN ",
	info: "INFO ",
	debug: "DEBUG",
	trace: "TRACE",
};

/**
 * A line as people grep it: time, level, logger, text, `name=value`, and the request's id last. Nothing that is quoted
 * can begin a line: whatever follows a line break is indented.
 */
export function plainLine({ timeMs, level, logger, text, fields, requestId }: Line): string {
	const facts = Object.entries(fields ?? {}).map(([name, value]) => ` ${name}=${factOf(value)}`);
	const request = requestId === undefined ? "" : ` request=${requestId}`;
	const whole = `${new Date(timeMs).toISOString()} ${padded[level]} ${logger} ${text}${facts.join("")}${request}`;
	return `${withoutControls(whole).replaceAll("\n", "\n\t")}\n`;
}

function factOf(value: unknown): string {
	const said = typeof value === "string" ? value : (JSON.stringify(value) ?? "");
	return /[\s"=]/.test(said) || said === "" ? JSON.stringify(said) : said;
}

/** Escape sequences would move the cursor of whoever looks at the file in a terminal. */
function withoutControls(text: string): string {
	// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out
	return text.replace(/\r\n?/g, "\n").replace(/[\x00-\x08\x0b-\x1f\x7f\x80-\x9f]/g, "�");
}

/** A line as machines read it, one JSON object. */
export function jsonLine({ timeMs, level, logger, text, fields, requestId }: Line): string {
	const time = new Date(timeMs).toISOString();
	return `${JSON.stringify({ time, level, logger, text, ...(requestId !== undefined && { requestId }), ...fields })}\n`;
}
