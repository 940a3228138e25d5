import { parentPort } from "node:worker_threads";
import { type GrowJob, grow } from "./grow-pool.ts";

parentPort?.on("message", (job: GrowJob) => parentPort?.postMessage(grow(job)));
