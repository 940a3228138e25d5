import { once } from "node:events";
import { connect, type Socket } from "node:net";

export interface LoadResult {
	requestsPerS: number;
	p50Ms: number;
	p99Ms: number;
	/** Answers other than 200. */
	failed: number;
	/** Bytes of one answer's body. */
	bytes: number;
}

/**
 * Asks one question over and over on several keep-alive connections, each waiting for its answer before it asks again.
 * Written on bare sockets: on two shared cores the asking must cost little beside the answering.
 */
export async function load(
	port: number,
	path: string,
	headers: Readonly<Record<string, string>>,
	{ connections = 16, seconds = 5 }: { connections?: number; seconds?: number } = {},
): Promise<LoadResult> {
	const lines = Object.entries({ Host: `127.0.0.1:${port}`, ...headers }).map(([name, value]) => `${name}: ${value}`);
	const request = Buffer.from(`GET ${path} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`);
	const untilMs = performance.now() + seconds * 1000;
	const times: number[] = [];
	let failed = 0;
	let bytes = 0;
	const startedMs = performance.now();
	const ask = async (): Promise<void> => {
		const socket = connect(port, "127.0.0.1");
		socket.setNoDelay(true);
		await once(socket, "connect");
		const answers = answersOf(socket);
		while (performance.now() < untilMs) {
			const askedMs = performance.now();
			socket.write(request);
			const answer = await answers.next();
			times.push(performance.now() - askedMs);
			if (answer.status !== 200) failed++;
			bytes = answer.bytes;
		}
		socket.destroy();
	};
	await Promise.all(Array.from({ length: connections }, ask));
	const elapsedS = (performance.now() - startedMs) / 1000;
	times.sort((one, other) => one - other);
	const at = (share: number): number => Number((times[Math.floor(times.length * share)] ?? 0).toFixed(2));
	return { requestsPerS: Math.round(times.length / elapsedS), p50Ms: at(0.5), p99Ms: at(0.99), failed, bytes };
}

interface Answer {
	status: number;
	bytes: number;
}

/** Cuts what a socket receives into answers; both a length and chunks are understood. */
function answersOf(socket: Socket): { next(): Promise<Answer> } {
	let rest: Buffer = Buffer.alloc(0);
	let wake: ((answer: Answer) => void) | undefined;
	let refuse: ((error: Error) => void) | undefined;
	socket.on("data", (chunk: Buffer) => {
		rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
		const answer = cut();
		if (answer) wake?.(answer);
	});
	socket.on("error", (error) => refuse?.(error));
	socket.on("close", () => refuse?.(new Error("the server closed the connection")));
	const cut = (): Answer | undefined => {
		const end = rest.indexOf("\r\n\r\n");
		if (end < 0) return undefined;
		const head = rest.toString("latin1", 0, end);
		const status = Number(head.slice(9, 12));
		const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
		if (length === undefined) {
			const last = rest.indexOf("0\r\n\r\n", end);
			if (last < 0) return undefined;
			const bytes = last - end - 4;
			rest = rest.subarray(last + 5);
			return { status, bytes };
		}
		const total = end + 4 + Number(length);
		if (rest.length < total) return undefined;
		rest = rest.subarray(total);
		return { status, bytes: Number(length) };
	};
	return {
		next: () =>
			new Promise((resolve, reject) => {
				wake = resolve;
				refuse = reject;
			}),
	};
}
