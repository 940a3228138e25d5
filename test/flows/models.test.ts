import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WebSocket } from "ws";
import { toWire } from "../../lib/telemetry/reading.ts";
import { encodeOnnx } from "../../models/onnx/graph.ts";
import { onnxAvailable } from "../../models/onnx/runtime.ts";
import { steadyReadings } from "../models/anomaly/machines.ts";
import { type NodeRed, password, startNodeRed } from "./node-red.ts";
import { type System, startSystem, until } from "./system.ts";

interface Job {
	id: string;
	state: string;
	progress: number;
	ahead: number | null;
	result: { promoted: boolean } | null;
	problem: { title: string; detail: string } | null;
	title: string;
	detail: string;
}
interface Model {
	id: string;
	status: string;
	version: number;
	[more: string]: unknown;
}

interface Prediction {
	issued: string;
	methods: Record<string, number>;
	fallback?: string;
	modelId?: string;
	memberId?: string;
	engine: object;
	points: { energyKwh: number; quantiles: { "0.1": number; "0.9": number } }[];
}

const tab = (name: string): object[] =>
	JSON.parse(readFileSync(new URL(`../../flows/tabs/${name}.json`, import.meta.url), "utf8")) as object[];
const machines = (tab("site") as { machines?: { id: string; role: string }[] }[])
	.flatMap(({ machines = [] }) => machines)
	.filter(({ role }) => role === "sub")
	.map(({ id }) => id);

/** Asks as one user does, in one language. */
function clientOf(base: string, token: string, language = "en-US") {
	const headers = {
		...{ authorization: `Bearer ${token}`, "content-type": "application/json", "accept-language": language },
	};
	return async <T>(method: string, path: string, body?: object) => {
		const init = { method, headers, ...(body && { body: JSON.stringify(body) }) };
		const answer = await fetch(`${base}/api/v1/${path}`, init);
		return { status: answer.status, location: answer.headers.get("location"), body: (await answer.json()) as T };
	};
}
type Client = ReturnType<typeof clientOf>;

/** The job when it has ended. */
async function ended(call: Client, id: string): Promise<Job> {
	let job: Job | undefined;
	await until(
		async () => {
			job = (await call<Job>("GET", `jobs/${id}`)).body;
			return !["queued", "running"].includes(job.state);
		},
		() => `still ${JSON.stringify(job)}`,
		300_000,
	);
	return job as Job;
}

// Answers are held against flows/openapi.yaml too.
describe("the API of models, in the shipped flows", function () {
	this.timeout(330_000);
	let red: NodeRed;
	let call: Client;
	let token: string;
	const order = { task: "anomaly", machine: "cnc-1" };
	before(async () => {
		const lock = "...access.settingsFor(access.createAccess({ home: __dirname, validateResponses: true }))";
		red = await startNodeRed("node-red", lock, ["site", "api", "models", "live"].flatMap(tab));
		const answer = await fetch(`${red.base}/api/v1/auth/login`, {
			method: "POST",
			headers: { "content-type": "application/json" },
			body: JSON.stringify({ username: "admin", password }),
		});
		({ accessToken: token } = (await answer.json()) as { accessToken: string });
		call = clientOf(red.base, token);
		const minutes = 2_400;
		const fromMs = (Math.floor(Date.now() / 60_000) - minutes) * 60_000;
		const readings = steadyReadings("cnc-1", fromMs, minutes).map(toWire);
		const sent = await call<{ accepted: number }>("POST", "data/sensors", readings);
		assert.equal(sent.body.accepted, minutes, JSON.stringify(sent.body).slice(0, 500));
	});
	after(() => red?.stop());

	it("trains as a job, tells the live feed each step, and lists what was learnt", async () => {
		const socket = new WebSocket(red.base.replace("http", "ws").concat("/ws"), {
			headers: { authorization: `Bearer ${token}` },
		});
		const steps: string[] = [];
		socket.on("message", (text) => {
			const message = JSON.parse(String(text)) as { event?: string; data?: { step: string; job: Job } };
			if (message.event === "training" && message.data) steps.push(message.data.step);
		});
		await new Promise((resolve) => socket.once("open", resolve));
		const { status, location, body } = await call<Job>("POST", "models/train", order);
		assert.deepEqual([status, location], [202, `/api/v1/jobs/${body.id}`]);
		assert.equal((await call<Model & { job: Job }>("GET", `models/${body.id}/status`)).body.job.id, body.id);
		const job = await ended(call, body.id);
		assert.deepEqual([job.state, job.progress, job.result?.promoted], ["done", 1, true], JSON.stringify(job));
		const { items } = (await call<{ items: Model[] }>("GET", "models?task=anomaly&status=active")).body;
		assert.deepEqual(
			items.map(({ id }) => id),
			[body.id],
		);
		for (const known of ["metrics", "trainingWindow", "dataFingerprint", "rows", "by"])
			assert(items[0]?.[known], known);
		await until(
			() => steps.includes("done"),
			() => steps.join(),
		);
		socket.close();
		assert.deepEqual([steps[0], steps.at(-1)], ["queued", "done"]);
	});

	it("promotes, and rolls back once however often it is asked", async () => {
		const second = await call<Job>("POST", "models/train", { ...order, promote: false, seed: 2 });
		assert.equal((await ended(call, second.body.id)).result?.promoted, false);
		for (const _ of [1, 2]) {
			const { status, body } = await call<Model>("POST", `models/${second.body.id}/promote`);
			assert.deepEqual([status, body.status, body.promotedBy], [200, "active", "admin"]);
		}
		for (const _ of [1, 2]) {
			const { status, body } = await call<Model>("POST", `models/${second.body.id}/roll-back`);
			assert.deepEqual([status, body.version, body.status], [200, 1, "active"]);
		}
		const none = await call<Job>("POST", "models/anomaly.demo.cnc-1.1/roll-back");
		assert.deepEqual([none.status, none.body.title], [409, "models.no-earlier"]);
	});

	it("cancels: the model in use stays", async () => {
		const { body } = await call<Job>("POST", "models/train", order);
		const { status, body: job } = await call<Job>("DELETE", `jobs/${body.id}`);
		// Whoever trains in less than a request takes cannot be cancelled.
		if (status === 409) return assert.equal(job.title, "models.job-ended");
		assert.deepEqual([status, job.state, job.problem?.title], [200, "cancelled", "models.cancelled"]);
		assert.equal((await call<Job>("DELETE", `jobs/${body.id}`)).status, 200);
		const { items } = (await call<{ items: Model[] }>("GET", "models?status=active")).body;
		assert.deepEqual(
			items.map(({ version }) => version),
			[1],
		);
	});

	it("pages, and says what is wrong in the caller's language", async () => {
		const first = (await call<{ items: Model[]; nextCursor: string }>("GET", "models?limit=1")).body;
		const next = (await call<{ items: Model[] }>("GET", `models?cursor=${first.nextCursor}`)).body;
		assert.equal(next.items.length, 2);
		assert(next.items.every(({ id }) => id !== first.items[0]?.id));
		const korean = clientOf(red.base, token, "ko");
		const refused: [string, string, object | undefined, number, string][] = [
			["POST", "models/train", { ...order, task: "weather" }, 422, "models.task-unknown"],
			["POST", "models/train", { ...order, machine: "nowhere" }, 422, "models.machine-unknown"],
			["POST", "models/train", { machine: "cnc-1" }, 400, "access.request-invalid"],
			["GET", "models?status=asleep", undefined, 400, "access.request-invalid"],
			["GET", "models?site=elsewhere", undefined, 422, "models.bad-input"],
			["GET", "models/anomaly.demo.cnc-1.99/status", undefined, 404, "models.unknown"],
			["POST", "models/anomaly.demo.cnc-1.99/promote", undefined, 404, "models.unknown"],
			["GET", "jobs/anomaly.demo.cnc-1.99", undefined, 404, "jobs.unknown"],
			["DELETE", "jobs/anomaly.demo.cnc-1.1", undefined, 409, "models.job-ended"],
		];
		for (const [method, path, body, status, code] of refused) {
			const answer = await korean<Job>(method, path, body);
			assert.deepEqual([answer.status, answer.body.title], [status, code], `${method} ${path}`);
			assert.match(answer.body.detail, /[가-힣]/);
		}
		const failed = await call<Job>("POST", "models/train", { ...order, machine: "mill-1" });
		await ended(call, failed.body.id);
		const { problem } = (await korean<Job>("GET", `jobs/${failed.body.id}`)).body;
		assert.equal(problem?.title, "models.too-little-data");
		assert.match(problem?.detail ?? "", /부족/);
	});

	describe("for a forecast model that somebody brings", () => {
		/** Says what the quarter-hour before said. */
		const file = Buffer.from(
			encodeOnnx({
				name: "as before",
				inputs: [{ name: "x", shape: ["rows", 1] }],
				outputs: [{ name: "y", shape: ["rows", 1] }],
				nodes: [{ op: "Identity", inputs: ["x"], outputs: ["y"] }],
			}),
		).toString("base64");
		const manifest = {
			...{ manifestVersion: 1, name: "as before", input: "x", output: "y", features: ["last1"] },
			horizon: { fromLead: 1, toLead: 4 },
			sample: { rows: [[5]], expected: [5] },
		};
		const brought = { machine: "cnc-1", file, manifest };
		before(async function () {
			if (await onnxAvailable()) return;
			if (process.env.CI) assert.fail("onnxruntime-node is missing");
			console.log("      (no onnxruntime-node here: skipped)");
			this.skip();
		});

		it("refuses what does not hold, with the reason", async () => {
			const refused: [object, number, string][] = [
				[{ ...brought, file: Buffer.from("no model").toString("base64") }, 422, "models.onnx-corrupt"],
				[{ ...brought, file: "über" }, 422, "models.bad-input"],
				[{ ...brought, manifest: { ...manifest, input: "z" } }, 422, "models.onnx-manifest"],
				[{ ...brought, manifest: { ...manifest, features: ["humidity"] } }, 422, "models.onnx-manifest"],
				[{ ...brought, manifest: { ...manifest, sample: { rows: [[5]], expected: [6] } } }, 422, "models.onnx-sample"],
				[{ ...brought, manifest: { ...manifest, author: "me" } }, 400, "access.request-invalid"],
				[{ ...brought, machine: "../../../etc" }, 422, "models.machine-unknown"],
				[{ machine: "cnc-1", manifest }, 400, "access.request-invalid"],
			];
			for (const [body, status, code] of refused) {
				const answer = await call<Job>("POST", "models/import", body);
				assert.deepEqual([answer.status, answer.body.title], [status, code], JSON.stringify(answer.body));
			}
			const huge = await call<Job>("POST", "models/import", { ...brought, file: "A".repeat(24_100_000) });
			assert.equal(huge.status, 413);
		});

		it("tries it as a job, then has it answer, alone or beside another, until it is retired", async () => {
			const { status, body } = await call<Job>("POST", "models/import", brought);
			assert.equal(status, 202, JSON.stringify(body));
			assert.equal((await ended(call, body.id)).state, "done");
			const ready = (await call<Model>("GET", `models/${body.id}/status`)).body;
			assert.deepEqual([ready.status, ready.reason, ready.kind], ["ready", "imported", "onnx-forecast"]);

			const asked = { machine: "cnc-1", horizonMinutes: 120, quantiles: [0.1, 0.9] };
			const predict = async (more: object = {}) =>
				(await call<Prediction>("POST", "models/predict", { ...asked, ...more })).body;
			assert.deepEqual((await predict()).fallback, "no-model");
			const tried = await predict({ model: body.id });
			assert.deepEqual(tried.methods, { "brought-model": 4, "last-value": 4 }, JSON.stringify(tried));
			assert.deepEqual(tried.engine, { name: "onnxruntime", provider: "cpu" });
			for (const { quantiles, energyKwh } of tried.points) {
				assert.ok(quantiles["0.1"] <= energyKwh && quantiles["0.9"] >= energyKwh);
			}
			assert.equal((await call<Model>("POST", `models/${body.id}/promote`)).body.status, "active");
			const inUse = await predict();
			assert.deepEqual([inUse.modelId, inUse.fallback], [body.id, "short-horizon"]);
			const own = await predict({ recent: { start: "2026-11-02T00:00:00+09:00", energyKwh: [5, null, 7] } });
			assert.equal(own.issued, "2026-11-01T15:45:00.000Z");
			assert.deepEqual(
				own.points.map(({ energyKwh }) => energyKwh),
				[7, 7, 7, 7, 7, 7, 7, 7],
			);

			const member = await call<Job>("POST", "models/import", { ...brought, serves: "ensemble" });
			assert.match((await ended(call, member.body.id)).id, /^forecast-member\.demo\.cnc-1\.1$/);
			await call<Model>("POST", `models/${member.body.id}/promote`);
			assert.equal((await predict()).memberId, member.body.id);
			for (const id of [member.body.id, body.id, body.id]) {
				assert.equal((await call<Model>("POST", `models/${id}/retire`)).body.status, "retired");
			}
			assert.equal((await predict()).fallback, "no-model");
		});
	});

	it("answers forecasts as they were issued, and refuses what no forecast can be", async () => {
		const none = await call<{ items: []; newest: null; accuracy: null }>("GET", "forecasts?machine=cnc-1");
		assert.deepEqual([none.status, none.body.items, none.body.newest, none.body.accuracy], [200, [], null, null]);
		const refused: [string, string, object | undefined, number, string][] = [
			["GET", "forecasts?machine=nowhere", undefined, 422, "models.machine-unknown"],
			["GET", "forecasts?from=yesterday", undefined, 422, "store.bad-query"],
			["GET", "forecasts?from=2026-11-02T00:00:00Z&to=2026-12-24T00:00:00Z", undefined, 422, "models.bad-input"],
			["POST", "models/predict", { machine: "nowhere" }, 422, "models.machine-unknown"],
			["POST", "models/predict", { machine: "cnc-1", horizonMinutes: 20 }, 400, "access.request-invalid"],
			["POST", "models/predict", { model: "forecast.demo.cnc-1.99" }, 404, "models.unknown"],
			["POST", "models/predict", { model: "forecast.elsewhere.cnc-1.1" }, 404, "models.unknown"],
			["POST", "models/predict", { machine: "mill-1" }, 422, "models.too-little-data"],
		];
		for (const [method, path, body, status, code] of refused) {
			const answer = await call<Job>(method, path, body);
			assert.deepEqual([answer.status, answer.body.title], [status, code], `${method} ${path} ${answer.body.detail}`);
		}
	});
});

describe("models when the program is killed, and in the api mode", function () {
	this.timeout(480_000);
	let home: string;
	before(() => {
		home = mkdtempSync(join(tmpdir(), "smart-energy-models-"));
	});
	after(() => rmSync(home, { recursive: true, force: true }));
	const client = async (system: System) => clientOf(system.base, await system.token());

	it("kill -9 leaves jobs that say so and no half model; the api mode trains from the same store", async () => {
		const full = await startSystem({ home, env: { SMARTFACTORY_DATA_HISTORY_DAYS: "14" } });
		const call = await client(full);
		const jobs = await Promise.all(
			machines.map((machine) => call<Job>("POST", "models/train", { task: "anomaly", machine })),
		);
		await full.stop("SIGKILL");
		assert(jobs.every(({ status }) => status === 202));

		const api = await startSystem({ home, args: ["--mode", "api"] });
		try {
			const ask = await client(api);
			const now = await Promise.all(jobs.map(({ body }) => ask<Job>("GET", `jobs/${body.id}`)));
			const interrupted = now.filter(({ body }) => body.state === "failed");
			assert(interrupted.length > 0);
			for (const { body } of now) {
				assert.equal(body.problem?.title, body.state === "failed" ? "models.interrupted" : undefined);
				assert(["done", "failed"].includes(body.state));
			}
			const { items } = (await ask<{ items: Model[] }>("GET", "models?status=active")).body;
			assert.equal(items.length, now.filter(({ body }) => body.result?.promoted).length);
			assert(items.every(({ bytes, dataFingerprint, metrics }) => bytes && dataFingerprint && metrics));

			const [lost] = interrupted as [(typeof interrupted)[number]];
			const [task, , machine] = lost.body.id.split(".");
			const again = await ask<Job>("POST", "models/train", { task, machine });
			assert.equal(again.status, 202, JSON.stringify(again.body));
			const job = await ended(ask, again.body.id);
			assert.equal(job.state, "done", JSON.stringify(job.problem));
			assert.equal((await ask<Model>("GET", `models/${job.id}/status`)).body.version, 2);

			const forecast = await ask<Job>("POST", "models/train", { task: "forecast", machine: "total" });
			const learnt = await ended(ask, forecast.body.id);
			assert.equal(learnt.state, "done", JSON.stringify(learnt.problem));
		} finally {
			await api.stop();
		}
	});

	it("of two processes each sees the other's trainings, and cancels only its own", async () => {
		const full = await startSystem({ home });
		const api = await startSystem({ home, args: ["--mode", "api"], mqttPort: full.mqttPort });
		try {
			const [there, here] = [await client(full), await client(api)];
			const waiting = await Promise.all(
				machines.map((machine) => there<Job>("POST", "models/train", { task: "anomaly", machine })),
			);
			const last = waiting
				.map(({ body }) => body)
				.toSorted((a, b) => (a.ahead ?? 0) - (b.ahead ?? 0))
				.at(-1) as Job;
			const refused = await here<Job>("DELETE", `jobs/${last.id}`);
			assert.deepEqual(
				[refused.status, refused.body.title],
				[409, "models.job-elsewhere"],
				JSON.stringify(refused.body),
			);
			const [task, , machine] = last.id.split(".");
			const same = await here<Job>("POST", "models/train", { task, machine });
			assert.deepEqual([same.status, same.body.id], [202, last.id]);
			assert.equal((await there<Job>("DELETE", `jobs/${last.id}`)).body.state, "cancelled");
			assert.equal((await here<Job>("GET", `jobs/${last.id}`)).body.state, "cancelled");
			await Promise.all(waiting.map(({ body }) => there("DELETE", `jobs/${body.id}`)));
		} finally {
			await api.stop();
			await full.stop();
		}
	});
});
