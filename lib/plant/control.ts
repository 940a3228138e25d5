import { EnergyError } from "../errors.ts";
import type { LoadDefinition, MachineDefinition } from "./definition.ts";

/** A command as it travels on `…/command`. */
export interface Command {
	command: "start" | "stop" | "limit" | "release";
	/** With `limit`: the most the machine may draw, kW. */
	limitKw?: number;
}

/** What the plant made of a command. */
export interface CommandAnswer {
	machine: string;
	command: Command["command"] | "set-point";
	/** Where the command was about a job. */
	job?: string;
	operation?: string;
	/** The limit that really holds: never below the machine's technical minimum. */
	limitKw?: number;
	/** When it takes effect, epoch ms: later where a minimum on or off time still runs. */
	effectiveMs: number;
}

/** @throws EnergyError `plant.command-invalid`, `plant.machine-unknown`, `plant.not-controllable` */
export function commandOf(input: unknown, machine: MachineDefinition | undefined, id: string): Command {
	if (!machine) throw new EnergyError("plant.machine-unknown", { machine: id });
	if (machine.role === "main" || !machine.controllable)
		throw new EnergyError("plant.not-controllable", { machine: id });
	const { command, limitKw } = (typeof input === "object" && input !== null ? input : {}) as Record<string, unknown>;
	if (command === "start" || command === "stop" || command === "release") return { command };
	if (command !== "limit") {
		throw new EnergyError("plant.command-invalid", {
			field: "command",
			value: String(command),
			rule: "start | stop | limit | release",
		});
	}
	if (typeof limitKw !== "number" || !Number.isFinite(limitKw) || limitKw < 0) {
		throw new EnergyError("plant.command-invalid", { field: "limitKw", value: String(limitKw), rule: "≥ 0, kW" });
	}
	return { command, limitKw };
}

/** What a machine would do at an instant if nobody interfered. */
export interface Wish {
	kw: number;
	/** Whether its plan has it working. */
	working: boolean;
}

type Mode = "auto" | "start" | "stop" | "limit";

/** A drive as JSON keeps it: null where there is no limit, or where it was on or off before any command. */
export interface DriveState {
	mode: Mode;
	limitKw: number | null;
	on: boolean;
	sinceMs: number | null;
	kw: number;
}

/** A drive that was commanded: ramps towards what it is told, keeps its minimum times, then falls back into the plan. */
export class Drive {
	readonly #machine: LoadDefinition;
	#mode: Mode = "auto";
	#limitKw = Number.POSITIVE_INFINITY;
	#on: boolean;
	/** Since when it is on or off by command; −Infinity where the plan had it so before. */
	#sinceMs = Number.NEGATIVE_INFINITY;
	/** Power at the last whole second, kW. */
	kw: number;

	constructor(machine: LoadDefinition, kw: number) {
		this.#machine = machine;
		this.kw = kw;
		this.#on = true;
	}

	/** A drive that was commanded before a restart. */
	static from(machine: LoadDefinition, { mode, limitKw, on, sinceMs, kw }: DriveState): Drive {
		const drive = new Drive(machine, kw);
		drive.#mode = mode;
		drive.#limitKw = limitKw ?? Number.POSITIVE_INFINITY;
		drive.#on = on;
		drive.#sinceMs = sinceMs ?? Number.NEGATIVE_INFINITY;
		return drive;
	}

	get state(): DriveState {
		return {
			mode: this.#mode,
			limitKw: Number.isFinite(this.#limitKw) ? this.#limitKw : null,
			on: this.#on,
			sinceMs: Number.isFinite(this.#sinceMs) ? this.#sinceMs : null,
			kw: this.kw,
		};
	}

	obey({ command, limitKw = 0 }: Command, nowMs: number): CommandAnswer {
		const { id, minKw, minOnS, minOffS } = this.#machine;
		this.#mode = command === "release" ? "auto" : command;
		this.#limitKw = Number.POSITIVE_INFINITY;
		const answer: CommandAnswer = { machine: id, command, effectiveMs: nowMs };
		if (command === "limit") {
			this.#limitKw = Math.max(minKw, limitKw);
			answer.limitKw = this.#limitKw;
		}
		if (command === "stop" && this.#on) answer.effectiveMs = Math.max(nowMs, this.#sinceMs + minOnS * 1000);
		if (command !== "stop" && !this.#on) answer.effectiveMs = Math.max(nowMs, this.#sinceMs + minOffS * 1000);
		return answer;
	}

	/** Power one step of at most a second after the last, without going there; kW. */
	towards(wish: Wish, fromMs: number, toMs: number): number {
		const target = this.#target(wish, fromMs);
		const most = (this.#machine.rampKwPerS * (toMs - fromMs)) / 1000;
		return this.kw + Math.max(-most, Math.min(most, target - this.kw));
	}

	/** Goes there. */
	step(wish: Wish, fromMs: number, toMs: number): void {
		const wantsOn = this.#mode !== "stop";
		const least = (this.#on ? this.#machine.minOnS : this.#machine.minOffS) * 1000;
		if (wantsOn !== this.#on && fromMs - this.#sinceMs >= least) {
			this.#on = wantsOn;
			this.#sinceMs = fromMs;
		}
		this.kw = this.towards(wish, fromMs, toMs);
	}

	/** Whether it does again what its plan says. */
	follows(wish: Wish): boolean {
		return this.#mode === "auto" && this.#on && Math.abs(wish.kw - this.kw) < 1e-9;
	}

	/** What the ramp is doing, for the state of the machine. */
	phase(wish: Wish, atMs: number): "off" | "starting" | "stopping" | "running" {
		const target = this.#target(wish, atMs);
		const near = Math.abs(target - this.kw) <= this.#machine.rampKwPerS;
		if (!this.#on) return this.kw > 0.01 ? "stopping" : "off";
		return near ? "running" : target > this.kw ? "starting" : "running";
	}

	get mode(): Mode {
		return this.#mode;
	}

	#target(wish: Wish, atMs: number): number {
		if (!this.#on) return 0;
		const stops = this.#mode === "stop" && atMs - this.#sinceMs >= this.#machine.minOnS * 1000;
		if (stops) return 0;
		if (this.#mode === "start") return wish.working ? wish.kw : Math.max(wish.kw, this.#machine.runningKw);
		return this.#mode === "limit" ? Math.min(wish.kw, this.#limitKw) : wish.kw;
	}
}
