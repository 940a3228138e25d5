import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TrainingRequest } from "../../models/training/trainer.ts";
import { DAY, FROM_MS, pressReadings } from "./anomaly/machines.ts";

// The thread's program is the built one; so is what talks to it.
const built = createRequire(import.meta.url);
const { Trainer } = built("../../dist/models/training/trainer.js") as typeof import("../../models/training/trainer.ts");
const { ModelRegistry } = built("../../dist/models/registry.js") as typeof import("../../models/registry.ts");
const { columnsOf } = built(
	"../../dist/models/anomaly/readings.js",
) as typeof import("../../models/anomaly/readings.ts");

describe("training thread", () => {
	let home: string;
	let trainer: InstanceType<typeof Trainer>;
	beforeEach(() => {
		home = mkdtempSync(join(tmpdir(), "sf-training-"));
		trainer = new Trainer(new ModelRegistry(home));
	});
	afterEach(async () => {
		await trainer.close();
		rmSync(home, { recursive: true, force: true });
	});
	const request = (minutes: number, rest: Partial<TrainingRequest> = {}): TrainingRequest => ({
		...{ task: "anomaly", site: "demo", machine: "press", kind: "anomaly-machine", reason: "asked" },
		options: { timeZone: "UTC" },
		read: async () => ({
			data: columnsOf(pressReadings(FROM_MS, minutes)),
			rows: minutes,
			trainingWindow: { fromMs: FROM_MS, toMs: FROM_MS + minutes * 60_000 },
			dataFingerprint: "f",
		}),
		...rest,
	});

	it("fits, stores and promotes a model, with its data, metrics and description", async () => {
		const job = await trainer.train(request(3 * DAY));
		assert.equal(trainer.job(job.id), job);
		const record = await job.done;
		assert.deepEqual([record.status, record.rows, record.dataFingerprint], ["active", 3 * DAY, "f"]);
		assert(record.description?.inputs.includes("powerGap"));
		assert(record.metrics && record.metrics.warningShare !== undefined);
		assert.equal(job.progress, 1);
		assert.deepEqual(trainer.jobs, []);
		const { model } = await trainer.registry.active({ task: "anomaly", site: "demo", machine: "press" });
		assert.equal(model?.kind, "anomaly-machine");
	});

	it("does not make a model active that is not accepted", async () => {
		const job = await trainer.train(request(3 * DAY, { accept: () => false }));
		assert.equal((await job.done).status, "ready");
	});

	it("makes a model active and goes on to the next, whatever a listener makes of it", async () => {
		const fail = (): never => {
			throw new Error("a page that is gone");
		};
		trainer.onEnded(fail);
		trainer.onJob(fail);
		const jobs = [await trainer.train(request(3 * DAY)), await trainer.train(request(100, { machine: "saw" }))];
		const ended = await Promise.all(jobs.map(({ done }) => done));
		assert.deepEqual(
			ended.map(({ status }) => status),
			["active", "failed"],
		);
		assert.equal((await trainer.registry.get(ended[0]?.id ?? "")).status, "active");
	});

	it("writes down why a training failed", async () => {
		const record = await (await trainer.train(request(100))).done;
		assert.deepEqual([record.status, record.failure?.code], ["failed", "models.too-little-data"]);
	});

	it("gives the one that waits instead of a second of the same, and trains one after another", async () => {
		const [first, same, other] = await Promise.all([
			trainer.train(request(2 * DAY)),
			trainer.train(request(2 * DAY)),
			trainer.train(request(2 * DAY, { machine: "oven" })),
		]);
		assert.equal(first, same);
		assert.deepEqual(
			(await Promise.all([first.done, other.done])).map(({ status }) => status),
			["active", "active"],
		);
	});

	it("trains what takes seconds before what takes minutes", async () => {
		let go = (): void => {};
		const gate = new Promise<void>((resolve) => {
			go = resolve;
		});
		const few = request(100);
		const order: string[] = [];
		const jobs = [
			await trainer.train({ ...few, read: () => gate.then(few.read) }),
			await trainer.train({ ...few, machine: "oven" }),
			await trainer.train({ ...few, machine: "saw", brief: true }),
		];
		const ended = jobs.map(({ request: { machine }, done }) => done.then(() => order.push(machine)));
		go();
		await Promise.all(ended);
		assert.deepEqual(order, ["press", "saw", "oven"]);
	});

	it("stops when it is cancelled, waiting or running, and at its deadline; the next one trains", async () => {
		const running = await trainer.train(request(20 * DAY));
		const waiting = await trainer.train(request(2 * DAY, { machine: "oven" }));
		waiting.cancel();
		running.cancel();
		assert.equal((await running.done).failure?.code, "models.cancelled");
		assert.equal((await waiting.done).failure?.code, "models.cancelled");
		const late = await trainer.train(request(20 * DAY, { deadlineMs: 1 }));
		assert.equal((await late.done).failure?.code, "models.deadline");
		assert.equal((await (await trainer.train(request(2 * DAY))).done).status, "active");
	});

	it("ends what waits at once when it is cancelled, while another still runs", async () => {
		let go = (): void => {};
		const gate = new Promise<void>((resolve) => {
			go = resolve;
		});
		const slow = request(2 * DAY);
		const running = await trainer.train({ ...slow, read: () => gate.then(slow.read) });
		const waiting = await trainer.train(request(2 * DAY, { machine: "oven" }));
		await assert.rejects(trainer.train(request(DAY, { machine: "saw" }), 2), { code: "models.busy" });
		waiting.cancel();
		assert.equal((await waiting.done).failure?.code, "models.cancelled");
		assert.deepEqual([running.state, trainer.jobs.length], ["running", 1]);
		go();
		assert.equal((await running.done).status, "active");
	});

	it("tells each step of a training", async () => {
		const steps: string[] = [];
		trainer.onJob(({ state, progress }, ended) => {
			const step = ended ? ended.status : progress > 0 ? "progress" : state;
			if (steps.at(-1) !== step) steps.push(step);
		});
		await (await trainer.train(request(2 * DAY))).done;
		assert.deepEqual(steps, ["queued", "running", "progress", "active"]);
	});

	it("writes down what went wrong when the data can't be read", async () => {
		const job = await trainer.train(
			request(1, {
				read: async () => {
					throw new Error("no store");
				},
			}),
		);
		assert.match(JSON.stringify((await job.done).failure), /no store/);
	});
});
