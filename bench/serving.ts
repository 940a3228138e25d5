// `npm run bench -- serving [--machines 100] [--steps 96] [--days 42] [--engine typescript]`: forecasts of many machines in one batch, each by
// a model of its own, in the serving thread: TypeScript beside onnxruntime, cold and warm, and the event loop meanwhile.
// On a busy machine the wall clock tells of its other work too: `cpuMs` is the time that a warm batch itself takes.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { parseArgs } from "node:util";
import "../models/all-kinds.ts";
import { type LoadHistory, loadModelKind } from "../models/forecast/load-model.ts";
import { encodeModel } from "../models/model-file.ts";
import { onnxAvailable } from "../models/onnx/runtime.ts";
import type { EngineChoice, ServeAnswer, ServeQuestion } from "../models/serving/protocol.ts";
import { ModelShelf, serveAll } from "../models/serving/serve.ts";
import { ServingThread } from "../models/serving/thread.ts";
import type { Figures } from "./run.ts";

const STEP_MS = 900_000;
const PER_DAY = 96;
const WARM_RUNS = 5;
const calendar = { timeZone: "Asia/Seoul", holidays: [] };

/** A load with days, weeks and a way of its own; the same for the same number. */
function loadOf(machine: number, days: number): LoadHistory {
	const startMs = Date.parse("2026-08-03T00:00:00+09:00");
	const values = Float64Array.from({ length: days * PER_DAY }, (_, i) => {
		const [slot, day] = [i % PER_DAY, Math.floor(i / PER_DAY)];
		const runs = day % 7 < 5 && slot > 28 && slot < 76;
		return (runs ? 60 : 8) + 5 * Math.sin(slot / 7 + machine) + ((i * 7919 + machine * 31) % 97) / 20;
	});
	return { startMs, stepMs: STEP_MS, values };
}

async function measure(
	thread: ServingThread,
	questions: () => ServeQuestion[],
	choice: EngineChoice,
): Promise<{ figures: Figures; answers: ServeAnswer[] }> {
	const once = async (): Promise<{ ms: number; answers: ServeAnswer[] }> => {
		const batch = questions();
		const from = performance.now();
		const answers = await thread.serve(batch, choice);
		return { ms: performance.now() - from, answers };
	};
	const cold = await once();
	const loop = monitorEventLoopDelay({ resolution: 1 });
	loop.enable();
	const warm: number[] = [];
	for (let run = 0; run < WARM_RUNS; run++) warm.push((await once()).ms);
	loop.disable();
	const round = (ms: number): number => Math.round(ms * 10) / 10;
	const shelf = new ModelShelf();
	await serveAll(shelf, questions(), choice);
	const cpu: number[] = [];
	for (let run = 0; run < WARM_RUNS; run++) {
		const batch = questions();
		const before = process.cpuUsage();
		await serveAll(shelf, batch, choice);
		const { user, system } = process.cpuUsage(before);
		cpu.push((user + system) / 1000);
	}
	const figures = {
		cpuMs: round(Math.min(...cpu)),
		...{ coldMs: round(cold.ms), warmMs: round(Math.min(...warm)), warmMedianMs: round(warm.sort()[2] as number) },
		loopP99Ms: round(loop.percentile(99) / 1e6),
	};
	return { figures, answers: cold.answers };
}

/** The first batch of a program whose models were read and run once before anybody asked. */
async function afterWarmUp(questions: () => ServeQuestion[], choice: EngineChoice): Promise<Figures> {
	const thread = new ServingThread();
	const from = performance.now();
	await thread.warmUp(questions(), choice);
	const warmedMs = performance.now();
	await thread.serve(questions(), choice);
	const figures = { warmUpMs: Math.round(warmedMs - from), firstMs: Math.round(performance.now() - warmedMs) };
	await thread.close();
	return figures;
}

/** Largest difference of two batches, in units of the largest value. */
function difference(one: readonly ServeAnswer[], other: readonly ServeAnswer[]): number {
	let [most, size] = [0, 0];
	for (const [k, answer] of one.entries()) {
		const beside = other[k];
		if (!("served" in answer) || !beside || !("served" in beside)) throw new Error(JSON.stringify([answer, beside]));
		for (const [i, value] of answer.served.forecast.entries()) {
			most = Math.max(most, Math.abs(value - (beside.served.forecast[i] as number)));
			size = Math.max(size, Math.abs(value));
		}
	}
	return most / size;
}

export default async function benchmark(args: readonly string[]): Promise<Figures> {
	const number = (value: string | undefined, otherwise: number): number => Number(value ?? otherwise);
	const { values: given } = parseArgs({
		args: [...args],
		options: {
			machines: { type: "string" },
			steps: { type: "string" },
			days: { type: "string" },
			engine: { type: "string" },
		},
	});
	const machines = number(given.machines, 100);
	const steps = number(given.steps, 96);
	const days = number(given.days, 42);
	const folder = mkdtempSync(join(tmpdir(), "bench-serving-"));
	const thread = new ServingThread();
	try {
		const fittedFrom = performance.now();
		const { model } = await loadModelKind.fit(loadOf(0, days), calendar, { seed: 1, progress: () => undefined });
		const fitSeconds = Math.round((performance.now() - fittedFrom) / 100) / 10;
		const file = encodeModel(loadModelKind.kind, loadModelKind.version, model.serialise());
		// Each machine has a file of its own, so nothing is shared that would not be.
		const files = Array.from({ length: machines }, (_, k) => {
			const path = join(folder, `${k}.model`);
			writeFileSync(path, file);
			return { id: `forecast.bench.m${k}.1`, path, kind: loadModelKind.kind };
		});
		const questions = (): ServeQuestion[] =>
			files.map((one, k) => ({
				...{ machine: `m${k}`, model: one, history: loadOf(k, days), toLead: steps, share: 0.9, calendar },
			}));
		const plain: EngineChoice = { engine: "typescript", provider: "cpu" };
		const ours = await measure(thread, questions, plain);
		const warmed = await afterWarmUp(questions, plain);
		const both = given.engine !== "typescript" && (await onnxAvailable());
		const onnx = both ? await measure(thread, questions, { engine: "onnx", provider: "cpu" }) : null;
		return {
			...{ machines, steps, days, fitSeconds, bytesOfAModel: file.length },
			typescript: { ...ours.figures, afterWarmUp: warmed },
			onnxruntime: onnx
				? { ...onnx.figures, difference: difference(ours.answers, onnx.answers) }
				: "not asked for or not installed",
		};
	} finally {
		await thread.close();
		rmSync(folder, { recursive: true, force: true });
	}
}
