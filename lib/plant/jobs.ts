import { EnergyError } from "../errors.ts";

/** An order's operation that a machine works on: what it draws for it, on top of what it draws anyway. */
export interface PlantJob {
	/** Orders that share the run: one, or those of a batch. */
	orders: { job: string; operation: string }[];
	/** Name of the batch; what has the same name may join it. */
	batch: string | undefined;
	startMs: number;
	endMs: number;
	/** Mean power of each step of its run, kW; the last one holds to the end. */
	powerKw: number[];
	stepMs: number;
	/** The controller let it go: it runs to its end as it began. */
	released: boolean;
}

/** What became of a job, beside the answers to commands. */
export interface JobReport {
	machine: string;
	job: string;
	operation: string;
	state: "started" | "finished" | "stopped" | "failed";
	timeMs: number;
}

/** A command that names a job. */
export interface JobCommand {
	command: "start" | "stop" | "set-point" | "release";
	job: string;
	operation: string;
	/** With `start` each step of the run, with `set-point` the power from now to the end; kW. */
	powerKw: number[];
	minutes: number;
	stepMinutes: number;
	/** How much of it is done already: a start that is repeated after a restart. */
	elapsedMinutes: number;
	/** With `start`: orders of the same name run as one, and draw its power once. */
	batch: string | undefined;
}

const DAY_MINUTES = 1440;

const fail = (field: string, value: unknown, rule: string): never => {
	throw new EnergyError("plant.command-invalid", { field, value: value === undefined ? "" : String(value), rule });
};

/** @returns undefined where a command names no job; @throws EnergyError `plant.command-invalid` */
export function jobCommandOf(input: unknown): JobCommand | undefined {
	if (typeof input !== "object" || input === null || !("job" in input)) return undefined;
	const given = input as Readonly<Record<string, unknown>>;
	const command = (["start", "stop", "set-point", "release"] as const).find((name) => name === given.command);
	if (!command) return fail("command", given.command, "start | stop | set-point | release");
	const name = (field: "job" | "operation" | "batch", fallback?: string): string => {
		const value = given[field] ?? fallback;
		return typeof value === "string" && value !== "" && value.length <= 200
			? value
			: fail(field, value, "1–200 characters");
	};
	const number = (field: string, least: number, most: number, fallback?: number): number => {
		const value = given[field] ?? fallback;
		return typeof value === "number" && value >= least && value <= most
			? value
			: fail(field, value, `${least}…${most}`);
	};
	const base = { command, job: name("job"), operation: name("operation", "1") };
	const idle = { powerKw: [], minutes: 0, stepMinutes: 15, elapsedMinutes: 0, batch: undefined };
	if (command === "stop" || command === "release") return { ...base, ...idle };
	const powers = [given.powerKw].flat();
	const powerKw = powers.map((kw) =>
		typeof kw === "number" && kw >= 0 && kw < 1e6 ? kw : fail("powerKw", kw, "≥ 0, kW"),
	);
	if (command === "set-point") return { ...base, ...idle, powerKw };
	return {
		...base,
		powerKw,
		minutes: number("minutes", 0.01, 30 * DAY_MINUTES),
		stepMinutes: number("stepMinutes", 0.01, DAY_MINUTES, 15),
		elapsedMinutes: number("elapsedMinutes", 0, 30 * DAY_MINUTES, 0),
		batch: given.batch === undefined ? undefined : name("batch"),
	};
}

/** The jobs of one machine: one at a time, or one batch. */
export class MachineJobs {
	#now: PlantJob | undefined;

	get current(): Readonly<PlantJob> | undefined {
		return this.#now;
	}

	/** Goes on with a job that ran before a restart. */
	restore(job: PlantJob): void {
		this.#now = structuredClone(job);
	}

	/**
	 * A start of the job that runs already changes nothing: commands are repeated after a restart. One of the batch that
	 * runs joins it.
	 *
	 * @throws EnergyError `plant.job-busy` while another runs, `plant.job-unknown` for a stop of one that does not
	 */
	obey(order: JobCommand, machine: string, nowMs: number): JobReport | undefined {
		const { job, operation, command, batch } = order;
		const now = this.#now;
		const same = now?.orders.some((each) => each.job === job && each.operation === operation) ?? false;
		const report = (state: JobReport["state"]): JobReport => ({ machine, job, operation, state, timeMs: nowMs });
		if (command === "start") {
			if (same) return report("started");
			if (now && (batch === undefined || now.batch !== batch)) {
				throw new EnergyError("plant.job-busy", { machine, job: now.orders[0]?.job ?? "" });
			}
			if (now) now.orders.push({ job, operation });
			else this.#begin(order, nowMs);
			return report("started");
		}
		if (!now || !same) throw new EnergyError("plant.job-unknown", { machine, job });
		if (command === "stop") {
			now.orders = now.orders.filter((each) => each.job !== job || each.operation !== operation);
			if (now.orders.length === 0) this.#now = undefined;
			return report("stopped");
		}
		if (command === "release") now.released = true;
		else {
			const done = Math.max(0, Math.floor((nowMs - now.startMs) / now.stepMs));
			now.powerKw = [...Array.from({ length: done }, (_, k) => jobKw(now, k)), ...order.powerKw];
		}
		return undefined;
	}

	#begin({ job, operation, batch, powerKw, elapsedMinutes, stepMinutes, minutes }: JobCommand, nowMs: number): void {
		const startMs = nowMs - elapsedMinutes * 60_000;
		this.#now = {
			...{ orders: [{ job, operation }], batch, startMs, endMs: startMs + minutes * 60_000 },
			...{ powerKw, stepMs: stepMinutes * 60_000, released: false },
		};
	}

	/** What the job draws at an instant, kW. */
	kwAt(timeMs: number): number {
		const job = this.#now;
		if (!job || timeMs < job.startMs || timeMs >= job.endMs) return 0;
		return jobKw(job, Math.floor((timeMs - job.startMs) / job.stepMs));
	}

	runsAt(timeMs: number): boolean {
		return this.#now !== undefined && timeMs >= this.#now.startMs && timeMs < this.#now.endMs;
	}

	/** Ends what is over; a machine that broke loses its job. */
	settle(machine: string, nowMs: number, broken: boolean): JobReport[] {
		const now = this.#now;
		if (!now || (!broken && nowMs < now.endMs)) return [];
		this.#now = undefined;
		const timeMs = broken ? nowMs : now.endMs;
		const state = broken ? "failed" : "finished";
		return now.orders.map(({ job, operation }) => ({ machine, job, operation, state, timeMs }));
	}
}

function jobKw(job: PlantJob | undefined, step: number): number {
	if (!job || job.powerKw.length === 0) return 0;
	return job.powerKw[Math.min(step, job.powerKw.length - 1)] ?? 0;
}
