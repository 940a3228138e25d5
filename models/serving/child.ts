import { OrderBook } from "./orders.ts";
import type { ServeOrder } from "./protocol.ts";

// The process that runs ONNX files: native code of somebody else's making may end it, and nothing but it.
const book = new OrderBook();
process.on("message", (order: ServeOrder) => book.take(order, (reply) => process.send?.(reply)));
// Without the program that asked there is nobody to work for.
process.on("disconnect", () => process.exit(0));
