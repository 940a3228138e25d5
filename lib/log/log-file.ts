import { join } from "node:path";
import { addSink, jsonLine, type Level, levels, log, plainLine } from "./log.ts";
import { RotatingFile } from "./rotating-file.ts";

export interface LogFileOptions {
	/** SMARTFACTORY_HOME; the file lies in its folder `logs`. */
	home: string;
	/** Processes of other modes have a file each: two that rotate the same one would lose lines. */
	mode: string;
	/** Least severe level that is kept. */
	level: Level;
	format: "plain" | "json";
	maxMb: number;
	files: number;
}

/** Keeps what is logged in `<home>/logs/smartfactory.log`; returns how to stop. */
export function openLogFile({ home, mode, level, format, maxMb, files }: LogFileOptions): () => void {
	const name = mode === "full" ? "smartfactory.log" : `smartfactory-${mode}.log`;
	const file = new RotatingFile(join(home, "logs", name), {
		maxBytes: maxMb * 1_000_000,
		files,
		failed: (error) => console.error(`The log ${name} cannot be written: ${(error as Error).message}`),
	});
	const least = levels.indexOf(level);
	const textOf = format === "json" ? jsonLine : plainLine;
	const stop = addSink((line) => {
		const rank = levels.indexOf(line.level);
		// What goes wrong may be the last that is heard of this process.
		if (rank <= least) file.write(textOf(line), rank <= levels.indexOf("error"));
	});
	return () => {
		stop();
		file.close();
	};
}

/** What Node-RED hands to a handler of its log. */
interface NodeRedMessage {
	level: number;
	msg?: unknown;
	/** Type of the node that speaks, its id and its name; absent where the runtime itself does. */
	type?: string;
	id?: string;
	name?: string;
}

/** Node-RED counts in tens, the more severe the less. */
const levelOf = (rank: number): Level =>
	levels[Math.min(levels.length, Math.max(1, Math.round(rank / 10))) - 1] ?? "info";

/** A handler for Node-RED's setting `logging`: its lines, and those of its nodes, beside ours. */
export function nodeRedHandler(): (message: NodeRedMessage) => void {
	return ({ level, msg, type, id, name }) => {
		const logger = type === undefined ? "node-red" : `node.${type.replaceAll(" ", "-")}`;
		const node = name || id;
		log(levelOf(level), logger, textOfMessage(msg), node === undefined ? undefined : { node });
	};
}

function textOfMessage(msg: unknown): string {
	if (msg instanceof Error) {
		// The codes of ours tell enough; of anything else the stack is all there is.
		const code = (msg as { code?: unknown }).code;
		return typeof code === "string" && /^[a-z]+\.[a-z-]+$/.test(code)
			? `${code} ${msg.message}`
			: (msg.stack ?? msg.message);
	}
	if (typeof msg === "string") return msg;
	const text = (msg as { message?: unknown } | null | undefined)?.message;
	return typeof text === "string" ? text : (JSON.stringify(msg) ?? String(msg));
}
