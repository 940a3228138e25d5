import { parentPort } from "node:worker_threads";
import { buffersOf } from "../training/protocol.ts";
import { OrderBook } from "./orders.ts";
import type { ServeOrder } from "./protocol.ts";

// The thread that forecasts with our own models.
const book = new OrderBook();
parentPort?.on("message", (order: ServeOrder) =>
	book.take(order, (reply) => parentPort?.postMessage(reply, buffersOf(reply))),
);
