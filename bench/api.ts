// `npm run bench -- api [--seconds 5] [--rate 5000] [--connections 16] [--json]`
// Four questions to the whole system while readings pour in over MQTT — the latest readings of a machine, its day, the
// price now, the plant now, all behind the sign-in — beside FastAPI under uvicorn over the same SQLite file. System,
// publisher, peer and the asking share the machine; ours and the peer are asked in turn, under the same load.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createHmac, randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { packageRoot } from "../lib/package-root.cjs";
import { freePort, type System, startSystem, until } from "../test/flows/system.ts";
import type { Benchmark, Figures } from "./run.ts";
import { type LoadResult, load } from "./support/http-load.ts";

const python = "/usr/bin/python3";
const QUARTER_MS = 900_000;
const machine = "furnace-1";

interface Question {
	name: string;
	ours: string;
	peer: string;
}

/** The day before the last full one is history: no late reading of the bench falls into it. */
function questions(nowMs: number): Question[] {
	const end = Math.floor(nowMs / QUARTER_MS) * QUARTER_MS - 4 * QUARTER_MS;
	const start = end - 96 * QUARTER_MS;
	const span = `from=${new Date(start).toISOString()}&to=${new Date(end).toISOString()}`;
	return [
		{
			name: "latest readings of a machine",
			ours: `/api/v1/data/sensors?machine=${machine}&resolution=raw&order=desc&limit=100`,
			peer: `/latest?machine=${machine}&limit=100`,
		},
		{
			name: "a day of a machine, 96 intervals",
			ours: `/api/v1/data/sensors?machine=${machine}&${span}`,
			peer: `/series?machine=${machine}&start=${start}&end=${end}`,
		},
		{ name: "price now", ours: "/api/v1/tou/rates?fields=now", peer: "/price" },
		{ name: "the plant now", ours: "/api/v1/monitoring/realtime", peer: "/realtime" },
	];
}

function publish(system: System, rate: number, seconds: number): ChildProcess {
	const { username, password } = JSON.parse(readFileSync(join(system.home, "secrets", "mqtt.json"), "utf8")) as {
		username: string;
		password: string;
	};
	const script = join(packageRoot, "bench", "peers", "ingest", "publisher.ts");
	const args = [script, ...[system.mqttPort, rate, seconds, 100, "demo"].map(String)];
	return spawn(process.execPath, args, {
		env: {
			...process.env,
			NODE_OPTIONS: "--disable-warning=MODULE_TYPELESS_PACKAGE_JSON",
			MQTT_USERNAME: username,
			MQTT_PASSWORD: password,
		},
		stdio: ["ignore", "ignore", "inherit"],
	});
}

interface Peer {
	port: number;
	token: string;
	child: ChildProcess;
}

/** FastAPI over the same file, where Debian's packages are installed. */
async function startPeer(home: string): Promise<Peer | null> {
	const known = existsSync(python) && spawnSync(python, ["-c", "import fastapi, uvicorn"]).status === 0;
	if (!known) return null;
	const port = await freePort();
	const secret = randomBytes(24).toString("hex");
	const twin = join(packageRoot, "bench", "peers", "api", "twin.py");
	const child = spawn(python, [twin, String(port), join(home, "energy.db"), secret], { stdio: "inherit" });
	const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
	const unsigned = `${part({ alg: "HS256" })}.${part({ sub: "bench", exp: Date.now() / 1000 + 3600 })}`;
	const token = `${unsigned}.${createHmac("sha256", secret).update(unsigned).digest("base64url")}`;
	const answers = async (): Promise<boolean> => {
		const answer = await fetch(`http://127.0.0.1:${port}/price`).catch(() => null);
		return answer?.status === 401;
	};
	await until(answers, () => "the peer did not start");
	return { port, token, child };
}

const row = (question: string, who: string, { requestsPerS, p50Ms, p99Ms, failed, bytes }: LoadResult): Figures => ({
	...{ question, who, "requests/s": requestsPerS, "p50 ms": p50Ms, "p99 ms": p99Ms, failed, "bytes an answer": bytes },
});

const benchmark: Benchmark = async (args) => {
	const { values } = parseArgs({
		args: [...args],
		options: {
			seconds: { type: "string", default: "5" },
			rate: { type: "string", default: "5000" },
			connections: { type: "string", default: "16" },
		},
	});
	const seconds = Number(values.seconds);
	const rate = Number(values.rate);
	const connections = Number(values.connections);
	const env = {
		SMARTFACTORY_SYSTEM_API_HOST: "127.0.0.1",
		SMARTFACTORY_SYSTEM_SIMULATE: "true",
		SMARTFACTORY_DATA_HISTORY_DAYS: "8",
		SMARTFACTORY_LIMITS_API_PER_MINUTE: "100000000",
		SMARTFACTORY_LIMITS_ADDRESS_PER_MINUTE: "100000000",
	};
	const system = await startSystem({ args: ["--env", "production"], env });
	let publisher: ChildProcess | undefined;
	let peer: Peer | null = null;
	try {
		const token = await system.token();
		peer = await startPeer(system.home);
		if (!peer) console.error("Debian's python3-fastapi and python3-uvicorn are not installed: no peer beside ours.");
		const asked = questions(Date.now());
		if (rate > 0) publisher = publish(system, rate, (seconds + 1) * asked.length * 2 + 20);
		await new Promise((resolve) => setTimeout(resolve, 3_000));
		const answers: Figures[] = [];
		const ratios: Figures = {};
		for (const { name, ours, peer: path } of asked) {
			const how = { seconds, connections };
			const own = await load(Number(new URL(system.base).port), ours, { Authorization: `Bearer ${token}` }, how);
			answers.push(row(name, "ours", own));
			if (!peer) continue;
			const other = await load(peer.port, path, { Authorization: `Bearer ${peer.token}` }, how);
			answers.push(row(name, "FastAPI + uvicorn", other));
			ratios[name] = Number((own.requestsPerS / other.requestsPerS).toFixed(2));
		}
		return { "MQTT messages/s": rate, connections, seconds, answers, "times the peer's requests/s": ratios };
	} finally {
		for (const child of [publisher, peer?.child]) child?.kill("SIGKILL");
		await system.stop("SIGKILL");
	}
};

export default benchmark;
