import { parentPort } from "node:worker_threads";
import "../all-kinds.ts";
import { ForeignModel } from "../onnx/foreign.ts";
import { buffersOf } from "../training/protocol.ts";
import type { ServeAnswer, ServeOrder, ServeReply } from "./protocol.ts";
import { failureFrom, ModelShelf, serveAll } from "./serve.ts";

// The thread that forecasts: onnxruntime-node computes on the thread that calls it, so that must not be the event loop.
const shelf = new ModelShelf();
let turn: Promise<unknown> = Promise.resolve();
async function work(order: ServeOrder): Promise<ServeAnswer[]> {
	if ("questions" in order) return serveAll(shelf, order.questions, order.choice);
	const { id, file, manifest, choice } = order;
	await ForeignModel.open(`check ${id}`, file, manifest, choice.provider);
	return [];
}

parentPort?.on("message", (order: ServeOrder) => {
	turn = turn.then(async () => {
		let reply: ServeReply;
		try {
			reply = { id: order.id, answers: await work(order) };
		} catch (error) {
			reply = { id: order.id, failure: failureFrom(error) };
		}
		parentPort?.postMessage(reply, buffersOf(reply));
	});
});
