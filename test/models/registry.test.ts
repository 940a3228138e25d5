import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
	mkdirSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	renameSync,
	rmdirSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { kindNames, registerKind } from "../../models/kinds.ts";
import type { Model, ModelKind, ModelState } from "../../models/model.ts";
import { thisProcess } from "../../models/owner.ts";
import { type FittedParts, ModelRegistry } from "../../models/registry.ts";
import { ModelShelf } from "../../models/serving/serve.ts";

class Mean implements Model<number, number> {
	readonly kind = "test-mean";
	readonly seed = 1;
	readonly mean: number;
	constructor(mean: number) {
		this.mean = mean;
	}
	predict(value: number): number {
		return value - this.mean;
	}
	describe() {
		return { inputs: ["value"], facts: { mean: this.mean }, notes: [] };
	}
	serialise(): ModelState {
		return { facts: {}, arrays: { mean: Float64Array.of(this.mean) } };
	}
}

const meanKind: ModelKind<number[], null, number, number, Mean> = {
	kind: "test-mean",
	task: "test",
	version: 1,
	fit: (data) => ({ model: new Mean(data.reduce((a, b) => a + b, 0) / data.length), metrics: {} }),
	deserialise: ({ arrays }) => new Mean(arrays.mean?.[0] as number),
};

const address = { task: "test", site: "demo", machine: "press" };
const order = { kind: "test-mean", options: null, seed: 1, reason: "asked" };
const fitted = (mean: number): FittedParts => {
	const model = new Mean(mean);
	return { state: model.serialise(), metrics: { mae: mean }, description: model.describe(), durationMs: 5 };
};

describe("model registry", () => {
	let home: string;
	before(() => {
		if (!kindNames().includes("test-mean")) registerKind(meanKind);
	});
	beforeEach(() => {
		home = mkdtempSync(join(tmpdir(), "sf-models-"));
	});
	afterEach(() => rmSync(home, { recursive: true, force: true }));

	const trained = async (registry: ModelRegistry, mean: number) => {
		const { id } = await registry.begin(address, order);
		await registry.complete(id, fitted(mean));
		return id;
	};
	const activeMean = async (registry: ModelRegistry) => {
		const { model } = await registry.active(address);
		return model && (model as unknown as Mean).mean;
	};

	it("leads a model from training to ready to active, across a restart", async () => {
		const registry = new ModelRegistry(home);
		const { id, status } = await registry.begin(address, order);
		assert.deepEqual([id, status], ["test.demo.press.1", "training"]);
		assert.equal((await registry.complete(id, fitted(3))).status, "ready");
		assert.equal(await activeMean(registry), undefined);
		assert.equal((await registry.promote(id)).status, "active");
		const again = new ModelRegistry(home);
		assert.equal(await activeMean(again), 3);
		assert.deepEqual(
			(await again.list()).map((record) => record.metrics),
			[{ mae: 3 }],
		);
	});

	it("has one active model of an address, and rolls back to the one before it, and no further in a circle", async () => {
		const registry = new ModelRegistry(home);
		for (const mean of [1, 2, 3]) await registry.promote(await trained(registry, mean));
		assert.equal((await registry.list({ status: "active" })).length, 1);
		assert.equal((await registry.rollBack(address)).version, 2);
		assert.equal((await registry.rollBack(address)).version, 1);
		assert.equal(await activeMean(registry), 1);
	});

	it("says that there is nothing to roll back to", async () => {
		const registry = new ModelRegistry(home);
		await registry.promote(await trained(registry, 1));
		await assert.rejects(registry.rollBack(address), { code: "models.no-earlier" });
	});

	it("calls a training that a restart cut off failed", async () => {
		// In a container a process has the number of the one before it.
		await new ModelRegistry(home, { ...thisProcess, run: "the one before" }).begin(address, order);
		const [record] = await new ModelRegistry(home).list();
		assert.deepEqual([record?.status, record?.failure?.code], ["failed", "models.interrupted"]);
		await assert.rejects(new ModelRegistry(home).promote("test.demo.press.1"), { code: "models.not-promotable" });
	});

	it("sets a damaged model aside with its reason and has none active then", async () => {
		const registry = new ModelRegistry(home);
		await registry.promote(await trained(registry, 1));
		const file = join(home, "test/demo/press/1.model");
		const bytes = readFileSync(file);
		bytes[bytes.length - 1] = (bytes[bytes.length - 1] as number) ^ 1;
		writeFileSync(file, bytes);
		const active = await new ModelRegistry(home).active(address);
		assert.deepEqual([active.model, active.record?.status], [undefined, "failed"]);
		assert.equal("failure" in active && active.failure?.code, "models.file-corrupt");
	});

	it("puts a list that can't be read aside and begins a new one", async () => {
		const registry = new ModelRegistry(home);
		await trained(registry, 1);
		const folder = join(home, "test/demo/press");
		writeFileSync(join(folder, "index.json"), "{");
		const fresh = new ModelRegistry(home);
		assert.deepEqual(await fresh.list(), []);
		assert.equal(await trained(fresh, 2), "test.demo.press.1");
		assert(readdirSync(folder).some((name) => name.includes("unreadable")));
	});

	it("keeps the active one and five more", async () => {
		const registry = new ModelRegistry(home);
		for (let mean = 1; mean <= 9; mean++) await registry.promote(await trained(registry, mean));
		const files = readdirSync(join(home, "test/demo/press")).filter((name) => name.endsWith(".model"));
		assert.deepEqual(files.sort(), ["4.model", "5.model", "6.model", "7.model", "8.model", "9.model"]);
	});

	it("takes no name that leads out of its folder", async () => {
		const registry = new ModelRegistry(home);
		for (const machine of ["..", "a/b", "a.b", ""]) {
			await assert.rejects(registry.begin({ ...address, machine }, order), { code: "models.name-invalid" });
		}
		for (const id of ["test.demo.press", "../x.1", "test.demo.press.0", "a.b.c.d.1"]) {
			await assert.rejects(registry.get(id), { code: "models.unknown" });
		}
	});

	it("keeps what can be rolled back to, however many trainings fail meanwhile", async () => {
		const registry = new ModelRegistry(home);
		for (const mean of [1, 2]) await registry.promote(await trained(registry, mean));
		for (let i = 0; i < 8; i++) {
			const { id } = await registry.begin(address, order);
			await registry.fail(id, new Error("no"));
		}
		assert.equal((await registry.list({ status: "failed" })).length, 5);
		assert.equal((await registry.rollBack(address)).version, 1);
	});

	it("keeps what can be rolled back to, however many models are declined meanwhile", async () => {
		const registry = new ModelRegistry(home);
		await registry.promote(await trained(registry, 1));
		for (let mean = 2; mean <= 7; mean++) await trained(registry, mean);
		await registry.promote(await trained(registry, 8));
		assert.equal((await registry.rollBack(address)).version, 1);
		assert.equal(await activeMean(registry), 1);
	});

	it("gives no model up because the disk can't be read just now", async () => {
		const registry = new ModelRegistry(home);
		await registry.promote(await trained(registry, 1));
		const file = join(home, "test/demo/press/1.model");
		renameSync(file, `${file}.away`);
		// Whatever is no file can be read by nobody, whoever runs the test.
		mkdirSync(file);
		await assert.rejects(registry.active(address), { code: "EISDIR" });
		const question = { id: "test.demo.press.1", path: file, kind: "test-mean" };
		assert.throws(() => new ModelShelf().take(question), { code: "EISDIR" });
		rmdirSync(file);
		renameSync(`${file}.away`, file);
		assert.equal(await activeMean(registry), 1);
	});

	it("holds what was decided, whatever a listener makes of it", async () => {
		const registry = new ModelRegistry(home);
		const heard: string[] = [];
		const stops = [
			registry.onChanged(() => {
				throw new Error("a card that is gone");
			}),
			registry.onChanged(({ status }) => heard.push(status)),
		];
		assert.equal((await registry.promote(await trained(registry, 1))).status, "active");
		assert.equal(heard.at(-1), "active");
		for (const stop of stops) stop();
	});

	it("goes back once when it is asked twice to go back from the same version", async () => {
		const registry = new ModelRegistry(home);
		for (const mean of [1, 2, 3]) await registry.promote(await trained(registry, mean));
		for (const _ of [1, 2]) assert.equal((await registry.rollBack(address, "test.demo.press.3", "kim")).version, 2);
		assert.equal((await registry.get("test.demo.press.2")).promotedBy, "kim");
		await assert.rejects(registry.rollBack(address, "test.demo.press.1"), { code: "models.not-active" });
	});

	it("shares a folder: sees what another process writes, tells it, and loses nothing when both write", async () => {
		const [ours, theirs] = [new ModelRegistry(home), new ModelRegistry(home)];
		const told: string[] = [];
		const stop = ours.onChanged(({ id, status }) => told.push(`${id} ${status}`));
		await ours.look();
		await theirs.promote(await trained(theirs, 4));
		assert.equal(await activeMean(ours), 4);
		await ours.look();
		stop();
		assert.deepEqual(told, ["test.demo.press.1 active"]);
		const fail = async (registry: ModelRegistry) => {
			const { id } = await registry.begin({ ...address, machine: "oven" }, order);
			return (await registry.fail(id, new Error("no"))).version;
		};
		const versions = await Promise.all([ours, theirs, ours, theirs, theirs].map(fail));
		assert.deepEqual(versions.toSorted(), [1, 2, 3, 4, 5]);
	});

	it("takes a training for interrupted only when its process has ended", async () => {
		const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1e6)"]);
		const ended = once(child, "exit");
		const theirs = { ...thisProcess, pid: child.pid as number, run: "theirs" };
		const { id } = await new ModelRegistry(home, theirs).begin(address, order);
		// A lock that it leaves behind, too.
		writeFileSync(join(home, "test/demo/press/index.json.lock"), JSON.stringify(theirs));
		const registry = new ModelRegistry(home);
		assert.equal((await registry.get(id)).status, "training");
		child.kill("SIGKILL");
		await ended;
		const { status, failure } = await registry.get(id);
		assert.deepEqual([status, failure?.code], ["failed", "models.interrupted"]);
		assert.equal((await registry.begin(address, order)).version, 2);
	});

	it("writes changes of one address one after another", async () => {
		const registry = new ModelRegistry(home);
		const records = await Promise.all(Array.from({ length: 20 }, () => registry.begin(address, order)));
		assert.deepEqual(
			records.map(({ version }) => version),
			Array.from({ length: 20 }, (_, i) => i + 1),
		);
	});
});
