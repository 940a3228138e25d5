// Settings of the Node-RED under test: nothing but the runtime, and gauges that the parent asks for over IPC.
const { monitorEventLoopDelay, performance, createHistogram } = require("node:perf_hooks");
const { DatabaseSync } = require("node:sqlite");

const delay = monitorEventLoopDelay({ resolution: 1 });
let before = performance.eventLoopUtilization();
let latency = createHistogram();
const counts = { stored: 0, inserted: 0, duplicates: 0, replaced: 0, messages: 0 };

/** Publish times are in the readings; what was committed is told by whoever committed it. */
globalThis.benchCommitted = (timesMs, outcome) => {
	const now = Date.now();
	for (const time of timesMs) latency.record(Math.max(1, now - time));
	counts.stored += timesMs.length;
	counts.messages++;
	if (outcome) for (const key of ["inserted", "duplicates", "replaced"]) counts[key] += outcome[key] ?? 0;
};

process.on("message", (question) => {
	if (question === "reset") {
		delay.reset();
		delay.enable();
		before = performance.eventLoopUtilization();
		latency = createHistogram();
		for (const key of Object.keys(counts)) counts[key] = 0;
		process.send({ reset: true });
	} else if (question === "gauges") {
		const used = performance.eventLoopUtilization(before);
		process.send({
			...counts,
			p50Ms: latency.percentile(50),
			p99Ms: latency.percentile(99),
			// monitorEventLoopDelay counts its own 1 ms timer in.
			loopDelayP99Ms: Math.max(0, delay.percentile(99) / 1e6 - 1),
			loopDelayMaxMs: Math.max(0, delay.max / 1e6 - 1),
			activeMs: used.active,
			utilization: used.utilization,
			rssMb: process.memoryUsage.rss() / 1e6,
		});
	}
});
process.on("disconnect", () => process.exit(0));

let insert;
module.exports = {
	uiHost: "127.0.0.1",
	httpAdminRoot: false,
	httpNodeRoot: false,
	flowFile: "flows.json",
	credentialSecret: false,
	nodesDir: JSON.parse(process.env.BENCH_NODES),
	telemetry: { enabled: false },
	logging: { console: { level: process.env.BENCH_LOG || "warn", metrics: false, audit: false } },
	functionGlobalContext: {
		/** The peer's store: one committed insert a message, as people write it in a function node. */
		store(reading) {
			if (!insert) {
				const db = new DatabaseSync(process.env.BENCH_PEER_DB);
				db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
				db.exec(
					"CREATE TABLE reading (machine TEXT, time INTEGER, powerKw REAL, energyKwh REAL, PRIMARY KEY (machine, time))",
				);
				insert = db.prepare("INSERT OR REPLACE INTO reading VALUES (?, ?, ?, ?)");
			}
			const time = Date.parse(reading.time);
			insert.run(reading.machine, time, reading.powerKw, reading.energyKwh);
			globalThis.benchCommitted([time]);
		},
	},
};
