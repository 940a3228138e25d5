import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import mqtt, { type MqttClient } from "mqtt";
import type { Job, PlanSummary, StoredPlan } from "../../lib/operation/types.ts";
import { password, type System, startSystem, until } from "./system.ts";

const QUARTER_MS = 900_000;
/** What the test does within one quarter-hour takes less than this. */
const ROOM_MS = 120_000;

interface Heard {
	topic: string;
	payload: { command?: string; event?: string; job?: string; state?: string; powerKw?: number };
}

// Answers are held against flows/openapi.yaml too.
describe("the schedule of the shipped flows", function () {
	this.timeout(240_000);
	let home: string;
	let system: System;
	let client: MqttClient;
	let headers: Record<string, string>;
	const heard: Heard[] = [];

	before(async () => {
		home = mkdtempSync(join(tmpdir(), "smart-energy-schedule-"));
		const flows = readFileSync(new URL("../../flows/flows.json", import.meta.url), "utf8");
		// A limit that no hour of the day comes near: what is planned must not depend on when the test runs.
		const own = (JSON.parse(flows) as { id: string; type: string }[]).map((node) => {
			if (node.type === "demand-guard") return { ...node, limitKind: "target", limitKw: "9000" };
			return node.id === "schedule-plan" ? { ...node, seconds: "3" } : node;
		});
		writeFileSync(join(home, "flows.json"), JSON.stringify(own));
		system = await startSystem({ home });
		headers = { authorization: `Bearer ${await system.token()}`, "content-type": "application/json" };
		const user = JSON.parse(readFileSync(join(home, "secrets/mqtt.json"), "utf8")) as object;
		client = await mqtt.connectAsync(`mqtt://127.0.0.1:${system.mqttPort}`, user);
		client.on("message", (topic, payload) =>
			heard.push({ topic, payload: JSON.parse(String(payload)) as Heard["payload"] }),
		);
		await client.subscribeAsync(["smartfactory/demo/+/+/command", "smartfactory/demo/+/+/event"]);
	});
	after(async () => {
		await client?.endAsync(true);
		await system?.stop("SIGKILL");
		rmSync(home, { recursive: true, force: true });
	});

	async function call<T>(method: string, path: string, body?: object | string): Promise<{ status: number; body: T }> {
		const type = typeof body === "string" ? "text/csv" : "application/json";
		const answer = await fetch(`${system.base}/api/v1/scheduling/${path}`, {
			...{ method, headers: { ...headers, "content-type": type } },
			...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
		});
		return { status: answer.status, body: (await answer.json()) as T };
	}
	const said = (fits: (heard: Heard) => boolean): boolean => heard.some(fits);
	const lately = (): string => JSON.stringify(heard.slice(-8));

	/** Presses an inject button of the editor. */
	async function press(id: string): Promise<void> {
		const answer = await fetch(`${system.base}/api/v1/auth/login`, {
			method: "POST",
			headers: { "content-type": "application/json", origin: system.base },
			body: JSON.stringify({ username: "admin", password, session: true }),
		});
		const cookie = (answer.headers.getSetCookie()[0] ?? "").split(";")[0] ?? "";
		const pressed = await fetch(`${system.base}/editor/inject/${id}`, {
			method: "POST",
			headers: { cookie, origin: system.base },
		});
		assert.equal(pressed.status, 200, await pressed.text());
	}

	/** Approves and dispatches the newest proposal that fits; a newer one may take its place at any moment. */
	async function dispatched(fits: (plan: StoredPlan) => boolean): Promise<StoredPlan> {
		let plan: StoredPlan | undefined;
		let last: unknown;
		await until(
			async () => {
				const proposed = await call<StoredPlan>("GET", "schedules/proposed");
				last = proposed.body;
				if (proposed.status !== 200 || !fits(proposed.body)) return false;
				const { status, body } = await call<PlanSummary>("POST", `schedules/${proposed.body.id}/approve`, {
					dispatch: true,
				});
				last = body;
				plan = proposed.body;
				return status === 200 && body.status === "dispatched";
			},
			() => JSON.stringify(last).slice(0, 3_000),
			90_000,
		);
		return plan as StoredPlan;
	}

	it("plans a day's orders, runs what is approved on the machines over MQTT, and plans anew when one breaks", async () => {
		await until(
			async () => (await call<StoredPlan>("GET", "schedules/proposed")).body.operations?.length > 10,
			() => system.output().slice(-2_000),
			90_000,
		);
		// All that follows belongs to one quarter-hour.
		const leftMs = QUARTER_MS - (Date.now() % QUARTER_MS);
		if (leftMs < ROOM_MS) await new Promise((resolve) => setTimeout(resolve, leftMs + 1_000));
		const order = {
			id: "T1",
			product: "Test bar",
			operations: [{ modes: [{ machine: "mill-1", minutes: 30, powerKw: 40 }] }],
		};
		assert.equal((await call("POST", "jobs", order)).status, 201);
		const start = new Date(Math.floor(Date.now() / QUARTER_MS) * QUARTER_MS).toISOString();
		const pinned = await call<Job>("POST", "jobs/T1/override", { pin: { operation: "1", machine: "mill-1", start } });
		assert.equal(pinned.status, 200, JSON.stringify(pinned.body));
		const plan = await dispatched(({ operations }) =>
			operations.some(({ job, pinned }) => job === "T1" && pinned === true),
		);
		const audit = async (
			target: string,
		): Promise<{ what: string; who: string; before: unknown; after: Partial<Job> }[]> => {
			const answer = await fetch(`${system.base}/api/v1/audit?order=asc&target=${target}`, { headers });
			return ((await answer.json()) as { items: Awaited<ReturnType<typeof audit>> }).items;
		};
		const [saved, moved] = await audit("T1");
		assert.deepEqual([saved?.what, saved?.who, saved?.before], ["saveProductionJobs", "admin", null]);
		assert.deepEqual([moved?.what, moved?.after.pins?.[0]?.machine], ["overrideProductionJob", "mill-1"]);
		const approved = (await audit(plan.id)).find(({ what }) => what === "approveSchedule");
		assert.deepEqual((approved?.after as { status?: string } | undefined)?.status, "dispatched");
		assert.ok(plan.cost.plan.totalKrw > 0);
		assert.ok(plan.operations.every(({ reason }) => reason.text.ko && reason.text["en-US"]));

		const mill = "smartfactory/demo/rolling/mill-1";
		await until(
			() =>
				said(({ topic, payload }) => topic === `${mill}/event` && payload.job === "T1" && payload.state === "started"),
			lately,
		);
		const command = heard.find(({ topic, payload }) => topic === `${mill}/command` && payload.job === "T1");
		assert.deepEqual([command?.payload.command, command?.payload.powerKw], ["start", 40]);
		await until(
			async () => (await call<Job>("GET", "jobs/T1")).body.state === "running",
			() => "T1 does not run",
		);

		await press("plant-breakdown");
		await until(() => said(({ payload }) => payload.job === "T1" && payload.state === "failed"), lately);
		const anew = await dispatched(({ reason, operations }) => {
			const horizonMs = 3 * 3_600_000;
			const onMill = operations.filter(({ machine }) => machine === "mill-1");
			return reason !== "job" && onMill.every((each) => Date.parse(each.start) > Date.now() + horizonMs);
		});
		assert.ok(anew.version > plan.version);
		const { items } = (await call<{ items: PlanSummary[] }>("GET", "schedules")).body;
		assert.ok(items.some(({ reason }) => ["breakdown", "deviation"].includes(reason)));
		assert.equal(items.find(({ id }) => id === plan.id)?.status === "dispatched", false);
		await press("plant-repair");
	});

	it("solves a small problem at once, and a large one as a job that can be ended", async () => {
		const machines = [{ id: "a" }];
		const operations = [{ modes: [{ machine: "a", minutes: 30, powerKw: 10 }] }];
		const small = {
			start: "2026-11-23T00:00:00+09:00",
			intervals: 8,
			energyPriceKrwPerKwh: [9, 9, 9, 9, 1, 1, 9, 9],
			machines,
			jobs: [{ id: "J", operations }],
		};
		const answer = await call<{ status: string; plan: { operations: { pieces: { start: string }[] }[] } }>(
			"POST",
			"optimize",
			{ problem: small },
		);
		assert.equal(answer.status, 200, JSON.stringify(answer.body));
		assert.equal(answer.body.plan.operations[0]?.pieces[0]?.start, "2026-11-22T16:00:00.000Z");
		const intervals = 400;
		const jobs = Array.from({ length: 80 }, (_, k) => ({ id: `J${k}`, operations }));
		const prices = Array.from({ length: intervals }, (_, k) => (k * 37) % 101);
		const problem = { ...small, intervals, energyPriceKrwPerKwh: prices, jobs };
		const job = await call<{ id: string; state: string }>("POST", "optimize", { problem, seconds: 60, gapPercent: 0 });
		assert.equal(job.status, 202, JSON.stringify(job.body).slice(0, 500));
		const ended = await call<{ state: string }>("DELETE", `optimize/${job.body.id}`);
		assert.ok(["cancelled", "done"].includes(ended.body.state));
		let now: { state: string; endedAt: string | null; result: { plan: object | null } | null } | undefined;
		await until(
			async () => {
				now = (await call<NonNullable<typeof now>>("GET", `optimize/${job.body.id}`)).body;
				return now.endedAt !== null;
			},
			() => JSON.stringify(now).slice(0, 500),
		);
	});

	it("takes orders as CSV, all of them or none, and says every mistake in the caller's language", async () => {
		const good =
			"작업번호,제품,설비,분,전력,납기\nC1,Bar,mill-1,60,55|62|62|48,2030-01-01 18:00\nC1,Bar,furnace-1,60,50,\n";
		const kept = await call<{ items: Job[] }>("POST", "jobs", good);
		assert.equal(kept.status, 201, JSON.stringify(kept.body));
		assert.equal(kept.body.items[0]?.operations[0]?.modes.length, 2);
		// Two people read the order; the second to write is told, and nobody's change is lost.
		const url = `${system.base}/api/v1/scheduling/jobs/C1`;
		const etag = (await fetch(url, { headers })).headers.get("etag") ?? "";
		const { operations, due } = kept.body.items[0] as Job;
		const put = (product: string): Promise<Response> =>
			fetch(url, {
				method: "PUT",
				headers: { ...headers, "if-match": etag },
				body: JSON.stringify({ id: "C1", product, operations, due }),
			});
		const first = await put("Bar D13");
		assert.equal(first.status, 200, await first.clone().text());
		assert.equal(first.headers.get("etag"), (await fetch(url, { headers })).headers.get("etag"));
		const second = await put("Bar D16");
		assert.deepEqual(
			[second.status, ((await second.json()) as { title: string }).title],
			[412, "api.changed-meanwhile"],
		);
		assert.equal((await call<Job>("GET", "jobs/C1")).body.product, "Bar D13");
		headers["accept-language"] = "ko";
		const bad = await call<{ title: string; detail: string; details: { issues: { line: number }[] } }>(
			"POST",
			"jobs",
			"id,machine,minutes,powerKw\nC2,mill-1,60,40\nC3,mill-9,0,40\nC4,mill-1,x,40\n",
		);
		assert.deepEqual([bad.status, bad.body.title], [422, "operation.orders-invalid"]);
		assert.match(bad.body.detail, /[가-힣]/);
		assert.deepEqual([...new Set(bad.body.details.issues.map(({ line }) => line))], [3, 4]);
		assert.equal((await call("GET", "jobs/C2")).status, 404);
		assert.equal((await call("DELETE", "jobs/C1")).status, 200);
		assert.equal((await call("POST", "schedules/plan-9999/dispatch")).status, 404);
	});
});
