// The embedded broker in a process of its own, where the benchmark is asked for it instead of Mosquitto.
import { startBroker } from "../../../lib/broker/broker.ts";

/** It lets nobody in without; the publisher and Node-RED are given the same by the benchmark. */
const login = { username: "bench", password: "bench" };
const [port, spoolFolder = ""] = process.argv.slice(2);
const broker = await startBroker({ host: "127.0.0.1", port: Number(port), spoolFolder, ...login });
process.once("SIGTERM", () => void broker.close().then(() => process.exit(0)));
