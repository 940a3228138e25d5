import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { buffersOf } from "../columns.ts";
import { Engine } from "./engine.ts";
import { failureOf } from "./failure.ts";
import type { EngineData, Request, Response } from "./protocol.ts";

// The thread around one engine: it gathers what has arrived, lets the engine answer, and hands buffers over.
const data = workerData as EngineData;
if (parentPort) run(parentPort);

function run(port: MessagePort): void {
	let engine: Engine;
	try {
		engine = new Engine(data);
	} catch (error) {
		port.postMessage({ refused: failureOf(error, data.path) } satisfies Response);
		port.close();
		return;
	}
	let waiting: Request[] = [];
	const respond = (response: Response): void => port.postMessage(response, transfers(response));
	const work = (): void => {
		const requests = waiting;
		waiting = [];
		const end = requests.findIndex((request) => request.operation === "close");
		engine.answer(end < 0 ? requests : requests.slice(0, end), respond);
		if (end < 0) return;
		engine.close();
		respond({ id: (requests[end] as Request).id, answer: null });
		port.close();
	};
	port.on("message", (request: Request) => {
		if (waiting.push(request) === 1) setImmediate(work);
	});
	port.postMessage({ ready: true } satisfies Response);
}

/** Columns change hands; everything else in an answer is small and is copied. */
function transfers(response: Response): ArrayBuffer[] {
	if (!("answer" in response) || typeof response.answer !== "object" || response.answer === null) return [];
	const { answer } = response;
	const parts = Array.isArray(answer) ? answer : [answer, (answer as { columns?: object }).columns];
	return parts.flatMap((part) => (typeof part === "object" && part !== null ? buffersOf(part) : []));
}
