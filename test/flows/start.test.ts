import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import mqtt from "mqtt";
import WebSocket from "ws";
import { freePort, type System, startSystem, until } from "./system.ts";

interface Snapshot {
	type: string;
	totalKw: number | null;
	machines: { machine: string; powerKw: number | null }[];
}

async function realtime(system: System, token: string): Promise<Snapshot> {
	const answer = await fetch(`${system.base}/api/v1/monitoring/realtime`, {
		headers: { authorization: `Bearer ${token}` },
	});
	assert.equal(answer.status, 200, await answer.clone().text());
	return (await answer.json()) as Snapshot;
}

function publisher(system: System): Promise<mqtt.MqttClient> {
	const user = JSON.parse(readFileSync(join(system.home, "secrets/mqtt.json"), "utf8")) as object;
	return mqtt.connectAsync(`mqtt://127.0.0.1:${system.mqttPort}`, user);
}

function live(system: System, headers: Record<string, string>): Promise<{ status: number; first?: Snapshot }> {
	return new Promise((resolve, reject) => {
		const socket = new WebSocket(`${system.base.replace("http", "ws")}/ws`, { headers });
		socket.once("unexpected-response", (_req, res) => resolve({ status: res.statusCode ?? 0 }));
		socket.once("message", (data) => {
			socket.close();
			resolve({ status: 101, first: JSON.parse(String(data)) as Snapshot });
		});
		socket.once("error", reject);
	});
}

for (const nodeRed of ["node-red", "node-red-4"] as const) {
	describe(`the whole system on ${nodeRed}`, function () {
		this.timeout(120_000);
		let system: System;
		let token: string;
		before(async () => {
			system = await startSystem({ nodeRed });
			token = await system.token();
		});
		after(() => system?.stop("SIGKILL"));

		it("listens on its own port and nobody passes without signing in", async () => {
			const paths = ["/dashboard", "/editor/", "/editor/flows", "/editor/red/red.min.js", "/api/v1/data/sensors", "/"];
			for (const path of paths) {
				const { status } = await fetch(system.base + path, { redirect: "manual" });
				assert([302, 303, 307, 401].includes(status), `${path} answered ${status}`);
			}
			assert.equal((await live(system, {})).status, 401);
		});

		it("loads every shipped node with its type known and without an error", async () => {
			const flows = await fetch(`${system.base}/editor/flows`, { headers: { cookie: await cookie(system) } });
			assert.equal(flows.status, 200);
			assert.doesNotMatch(system.output(), /Waiting for missing types|\[error\]/);
		});

		it("shows the simulated plant live: MQTT machines, Modbus meters and their total", async () => {
			const missing = async () => {
				const { machines, totalKw } = await realtime(system, token);
				const silent = machines.filter(({ powerKw }) => powerKw === null).map(({ machine }) => machine);
				return machines.length === 11 && totalKw !== null ? silent : ["?", ...silent];
			};
			let silent: string[] = [];
			await until(
				async () => {
					silent = await missing();
					return silent.length === 0;
				},
				() => `no power of ${silent}\n${system.output()}`,
			);
		});

		it("greets a program on the WebSocket with the whole picture", async () => {
			const { status, first } = await live(system, { authorization: `Bearer ${token}` });
			assert.equal(status, 101);
			assert.equal(first?.type, "snapshot");
			assert.equal(first?.machines.length, 11);
		});

		it("quarantines a broken message with its reason and goes on", async () => {
			const client = await publisher(system);
			await client.publishAsync("smartfactory/demo/machining/cnc-1/telemetry", "{ not json", { qos: 1 });
			await client.endAsync();
			interface Page {
				items: { reason: string; source: string }[];
			}
			let page: Page = { items: [] };
			await until(
				async () => {
					const answer = await fetch(`${system.base}/api/v1/data/quarantine?site=demo&limit=1000`, {
						headers: { authorization: `Bearer ${token}` },
					});
					page = (await answer.json()) as Page;
					return page.items.some(({ source }) => source.includes("cnc-1/telemetry"));
				},
				() => JSON.stringify(page),
			);
		});

		it("stores a reading that is posted and answers it", async () => {
			const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
			const time = new Date(Date.now() - 3600_000).toISOString();
			const body = JSON.stringify([
				{ site: "demo", machine: "cnc-1", time, powerKw: 12.5 },
				{ site: "demo", machine: "cnc-1", time: "yesterday", powerKw: 1 },
			]);
			const posted = await fetch(`${system.base}/api/v1/data/sensors`, { method: "POST", headers, body });
			const outcome = (await posted.json()) as { accepted: number; rejected: { index: number }[] };
			assert.equal(posted.status, 207, JSON.stringify(outcome));
			assert.equal(outcome.accepted, 1);
			assert.deepEqual(
				outcome.rejected.map(({ index }) => index),
				[1],
			);
			const to = new Date(Date.parse(time) + 1).toISOString();
			const query = new URLSearchParams({ site: "demo", machine: "cnc-1", from: time, to, resolution: "raw" });
			const read = await fetch(`${system.base}/api/v1/data/sensors?${query}`, { headers });
			const { items } = (await read.json()) as { items: { powerKw: number }[] };
			assert.deepEqual(
				items.map(({ powerKw }) => powerKw),
				[12.5],
			);
			// The way of a request is found in the log, by the id that its answer carried.
			const id = posted.headers.get("x-request-id") ?? "";
			const log = (): string => readFileSync(join(system.home, "logs", "smartfactory.log"), "utf8");
			const lines = (): string[] =>
				log()
					.split("\n")
					.filter((line) => line.includes(id));
			await until(
				() => lines().some((line) => / INFO {2}api\.requests POST \/api\/v1\/data\/sensors 207 /.test(line)),
				() => `the request is not in the log\n${log()}`,
			);
			assert.doesNotMatch(log(), /eyJ|correct horse/);
		});

		it("keeps secrets to their owner", () => {
			for (const file of ["users.json", "mqtt.json"]) {
				assert.equal(statSync(join(system.home, "secrets", file)).mode & 0o077, 0, file);
			}
			assert.doesNotMatch(system.output(), /correct horse/);
		});

		it("stops on Ctrl-C in under five seconds", async () => {
			const { code, ms } = await system.stop("SIGINT");
			assert.equal(code, 0);
			assert(ms < 5000, `${ms} ms`);
		});
	});
}

async function cookie(system: System): Promise<string> {
	const answer = await fetch(`${system.base}/api/v1/auth/login`, {
		method: "POST",
		headers: { "content-type": "application/json", origin: system.base },
		body: JSON.stringify({ username: "admin", password: "correct horse battery", session: true }),
	});
	return (answer.headers.getSetCookie()[0] ?? "").split(";")[0] ?? "";
}

describe("modes", function () {
	this.timeout(240_000);

	it("api beside processing on one database file: one stores, the other shows it live", async () => {
		const home = mkdtempSync(join(tmpdir(), "smart-energy-modes-"));
		const processing = await startSystem({ args: ["--mode", "processing"], home });
		const api = await startSystem({ args: ["--mode", "api"], home, mqttPort: processing.mqttPort });
		try {
			const token = await api.token();
			await until(
				async () => (await realtime(api, token)).totalKw !== null,
				() => `nothing live\n${api.output()}\n${processing.output()}`,
			);
			const now = Date.now();
			const query = new URLSearchParams({
				site: "demo",
				machine: "furnace-1",
				from: new Date(now - 60_000).toISOString(),
				to: new Date(now + 60_000).toISOString(),
				resolution: "raw",
			});
			await until(
				async () => {
					const answer = await fetch(`${api.base}/api/v1/data/sensors?${query}`, {
						headers: { authorization: `Bearer ${token}` },
					});
					return ((await answer.json()) as { items: unknown[] }).items.length > 0;
				},
				() => "the api process reads nothing that the processing process stored",
			);
			const alarms = await fetch(`${api.base}/api/v1/alarms?state=all`, {
				headers: { authorization: `Bearer ${token}` },
			});
			assert.equal(alarms.status, 200, "the api process answers for the alarms of the other");
			assert.equal((await fetch(`${processing.base}/api/v1/monitoring/realtime`)).status, 401);
			const own = { authorization: `Bearer ${await processing.token()}`, accept: "text/html" };
			const elsewhere = await fetch(`${processing.base}/api/v1/monitoring/realtime`, { headers: own });
			assert.deepEqual(
				[elsewhere.status, ((await elsewhere.json()) as { title: string }).title],
				[404, "api.not-served"],
				"a process that runs no API says so, and in no HTML",
			);
			assert.equal((await fetch(`${api.base}/editor/`, { redirect: "manual" })).status !== 200, true);
			assert.match(api.output(), /\/dashboard\n/);
			assert.doesNotMatch(`${api.output()}${processing.output()}`, /\n\s+Editor\s/, "links only to what answers");
			await until(
				async () =>
					(await realtime(api, token)).machines.find(({ machine }) => machine === "main-meter")?.powerKw != null,
				() => "a meter on Modbus, which only the other process polls, stays dark here",
			);
		} finally {
			await api.stop();
			await processing.stop();
		}
	});

	it("production warns of a database that holds a simulated past", async () => {
		const home = mkdtempSync(join(tmpdir(), "smart-energy-modes-"));
		writeFileSync(join(home, ".history"), "done");
		const plant = await startSystem({ args: ["--env", "production"], home });
		try {
			await until(
				() => /Caution: the database in .* holds the past of the simulated plant/.test(plant.output()),
				() => plant.output(),
			);
		} finally {
			await plant.stop();
		}
	});
});

describe("a start that can't be", function () {
	this.timeout(120_000);
	let port = 0;
	before(async () => {
		port = await freePort();
	});
	const run = (args: string[], env: Record<string, string> = {}) =>
		spawnSync(process.execPath, ["dist/cli/start.js", ...args], {
			encoding: "utf8",
			timeout: 60_000,
			env: {
				PATH: process.env.PATH,
				LANG: "C",
				SMARTFACTORY_HOME: mkdtempSync(join(tmpdir(), "smart-energy-bad-")),
				SMARTFACTORY_SYSTEM_API_PORT: String(port),
				...env,
			},
		});

	it("names the port that is taken and what to do", async () => {
		const other = createServer();
		await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
		const { port } = other.address() as AddressInfo;
		const { status, stderr } = run(["--port", String(port)]);
		other.close();
		assert.equal(status, 1);
		assert.match(stderr, new RegExp(`Port ${port} on 127.0.0.1 can't be opened.*--port ${port + 1}`));
	});

	it("names the configuration's mistakes, all at once", () => {
		const { status, stderr } = run(["--port", "many", "--log-level", "loud"]);
		assert.equal(status, 1);
		assert.match(stderr, /command line: system\.api_port = "many".*\n.*command line: system\.log_level = "loud"/);
	});

	it("names the environments that exist", () => {
		assert.match(run(["--env", "staging"]).stderr, /config\/staging\.yaml.*development, production/);
	});

	it("refuses a database engine that is not built yet", () => {
		const { status, stderr } = run([], { SMARTFACTORY_DB_URL: "postgresql://db/energy" });
		assert.equal(status, 1);
		assert.match(stderr, /postgresql/);
	});

	it("speaks Korean in a Korean terminal", () => {
		assert.match(run(["--mode", "half"], { LANG: "ko_KR.UTF-8" }).stderr, /가능한 값: full, api/);
	});
});

describe("the flows in the home", () => {
	const { prepareFlows } = createRequire(import.meta.url)(
		"../../dist/cli/flows.js",
	) as typeof import("../../cli/flows.ts");
	const home = () => mkdtempSync(join(tmpdir(), "smart-energy-flows-"));

	it("are made on first start and kept up while nobody edits them", () => {
		const folder = home();
		assert.equal(prepareFlows(folder, "full", true).news, "created");
		assert.equal(prepareFlows(folder, "full", true).news, "none");
		writeFileSync(join(folder, "flows.json"), "[]");
		writeFileSync(join(folder, ".flows-shipped"), createHash("sha256").update("[]").digest("hex"));
		assert.equal(prepareFlows(folder, "full", true).news, "updated");
		assert.notEqual(readFileSync(join(folder, "flows.json"), "utf8"), "[]");
	});

	it("stay as the user edited them when the shipped ones change, and say so", () => {
		const folder = home();
		const edited = JSON.stringify([{ id: "mine", type: "tab", label: "Mine" }]);
		writeFileSync(join(folder, "flows.json"), edited);
		writeFileSync(join(folder, ".flows-shipped"), "an older version");
		assert.equal(prepareFlows(folder, "full", true).news, "edited");
		assert.equal(readFileSync(join(folder, "flows.json"), "utf8"), edited);
	});

	it("switch off the tabs of other concerns in a mode, in a file of their own", () => {
		const folder = home();
		const { file } = prepareFlows(folder, "api", true);
		assert.equal(file, "flows.api.json");
		const tabs = (
			JSON.parse(readFileSync(join(folder, file), "utf8")) as { type: string; id: string; disabled?: boolean }[]
		)
			.filter(({ type }) => type === "tab")
			.map(({ id, disabled }) => [id, disabled === true]);
		const off = Object.fromEntries(tabs);
		assert.deepEqual([off["tab-ingest"], off["tab-api"], off["tab-follow"]], [true, false, false]);
	});

	it("simulate nothing in production, in any mode", () => {
		for (const mode of ["full", "processing"] as const) {
			const folder = home();
			const { file } = prepareFlows(folder, mode, false);
			const flows = JSON.parse(readFileSync(join(folder, file), "utf8")) as { id: string; disabled?: boolean }[];
			for (const id of ["tab-plant", "tab-modbus"]) {
				assert.equal(flows.find((node) => node.id === id)?.disabled, true, `${id} in ${mode}`);
			}
			assert.equal(flows.find((node) => node.id === "tab-ingest")?.disabled, false);
			const site = flows.find((node) => node.id === "site-demo") as
				| { siteId?: string; machines?: unknown[] }
				| undefined;
			assert.deepEqual([site?.siteId, site?.machines], ["plant", []]);
		}
	});
});
