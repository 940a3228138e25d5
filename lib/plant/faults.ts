import { EnergyError } from "../errors.ts";
import type { LoadDefinition, MachineDefinition, ProfileName } from "./definition.ts";
import { hash, smooth } from "./random.ts";

export const faultKinds = [
	"bearing-wear",
	"air-leak",
	"stuck-sensor",
	"capacitor-failure",
	"lost-phase",
	"breakdown",
] as const;
export type FaultKind = (typeof faultKinds)[number];

/** A fault as it is asked for. */
export interface FaultOrder {
	fault: FaultKind;
	machine: string;
	/** When it begins, epoch ms; now where it is absent. */
	startMs?: number;
	/** How long it takes to grow to its severity, ms; a default by kind. */
	rampMs?: number;
	/** 0 < severity ≤ 1; default 1. */
	severity?: number;
	/** When it is over, epoch ms; absent means until cleared. */
	endMs?: number;
}

/** A fault in the plant. */
export interface Fault {
	id: string;
	fault: FaultKind;
	machine: string;
	startMs: number;
	rampMs: number;
	severity: number;
	/** Infinity while it is open. */
	endMs: number;
}

/** Ground truth beside a reading: what is wrong with the machine at that instant, and how much (0…1). */
export interface FaultLabel {
	id: string;
	fault: FaultKind;
	severity: number;
}

/** Faults as JSON keeps them: null where there is no end. */
export interface FaultsState {
	count: number;
	faults: (Omit<Fault, "endMs"> & { endMs: number | null })[];
}

const defaultRampMs: Record<FaultKind, number> = {
	"bearing-wear": 72 * 3_600_000,
	"air-leak": 12 * 3_600_000,
	"stuck-sensor": 0,
	"capacitor-failure": 0,
	"lost-phase": 0,
	breakdown: 0,
};

/** What draws its power without anything that turns. */
const withoutBearings: readonly ProfileName[] = ["furnace", "lighting"];

/** Reads an order at the edge; @throws EnergyError `plant.fault-invalid` */
function faultOf(order: FaultOrder, machines: readonly MachineDefinition[], nowMs: number, id: string): Fault {
	const refuse = (field: string, value: unknown, rule: string): never => {
		throw new EnergyError("plant.fault-invalid", { field, value, rule });
	};
	if (!faultKinds.includes(order.fault)) refuse("fault", order.fault, faultKinds.join(" | "));
	const machine = machines.find((one) => one.id === order.machine);
	if (!machine) throw new EnergyError("plant.machine-unknown", { machine: String(order.machine) });
	const impossible = whyImpossible(order.fault, machine);
	if (impossible) refuse(...impossible);
	const { startMs = nowMs, rampMs = defaultRampMs[order.fault], severity = 1, endMs = Infinity } = order;
	// Whole seconds, the grid on which the plant integrates what is not in its plan.
	const start = Math.ceil(startMs / 1000) * 1000;
	if (!Number.isFinite(startMs) || startMs < nowMs - 1000) refuse("startMs", startMs, "not before the plant's time");
	if (!(rampMs >= 0)) refuse("rampMs", rampMs, "≥ 0");
	if (!(severity > 0 && severity <= 1)) refuse("severity", severity, "0 < severity ≤ 1");
	if (!(endMs > startMs)) refuse("endMs", endMs, "after startMs");
	const end = Math.max(start + 1000, Math.ceil(endMs / 1000) * 1000);
	return { id, fault: order.fault, machine: order.machine, startMs: start, rampMs, severity, endMs: end };
}

/** Whether a machine can have a fault at all. */
export function isPossible({ fault, machine }: { fault: FaultKind; machine: MachineDefinition }): boolean {
	return whyImpossible(fault, machine) === undefined;
}

/** Field, value and rule that speak against a fault at a machine. */
function whyImpossible(fault: FaultKind, machine: MachineDefinition): [string, string, string] | undefined {
	if (machine.role === "main") {
		const ofMeters = fault === "stuck-sensor" || fault === "capacitor-failure";
		return ofMeters ? undefined : ["fault", fault, "a meter knows stuck-sensor and capacitor-failure only"];
	}
	if (fault === "air-leak" && machine.profile !== "compressor") {
		return ["machine", machine.id, "an air leak is in the pipes of a compressor"];
	}
	if (fault === "bearing-wear" && withoutBearings.includes(machine.profile)) {
		return ["machine", machine.id, "a bearing is in a machine that turns"];
	}
	return undefined;
}

/** How far a fault has grown at an instant, 0…severity. */
export function severityAt({ startMs, rampMs, severity, endMs }: Fault, timeMs: number): number {
	if (timeMs < startMs || timeMs >= endMs) return 0;
	return rampMs > 0 ? severity * Math.min(1, (timeMs - startMs) / rampMs) : severity;
}

export function changesPower(kind: FaultKind): boolean {
	return kind === "bearing-wear" || kind === "air-leak" || kind === "lost-phase" || kind === "breakdown";
}

/** A full leak, as a share of one compressor's output: about a third of what the plant uses while it works. */
const FULL_LEAK = 0.35;

/** What leaks from the air system at an instant, as a share of one compressor's output; of all such faults together. */
export function leakAt(faults: readonly Fault[], timeMs: number): number {
	let share = 0;
	for (const fault of faults) if (fault.fault === "air-leak") share += FULL_LEAK * severityAt(fault, timeMs);
	return share;
}

/** Whether a fault is at work in a load: a leak is in the pipes, and every compressor on them has to make up for it. */
export function reaches(
	fault: Pick<Fault, "fault" | "machine">,
	load: Pick<MachineDefinition, "id" | "role">,
): boolean {
	if (fault.machine === load.id) return true;
	return fault.fault === "air-leak" && load.role === "sub" && (load as LoadDefinition).profile === "compressor";
}

/** Power a machine really draws with a fault, kW; a leak is drawn by the air system. */
export function faultyKw(fault: Fault, machine: LoadDefinition, kw: number, timeMs: number): number {
	const s = severityAt(fault, timeMs);
	if (s === 0) return kw;
	switch (fault.fault) {
		case "bearing-wear": {
			// Friction, and a rattle that grows with it; nothing of it while the shaft stands.
			const rattle = smooth(hash(fault.startMs / 1000, machine.ratedKw), timeMs / 7_000);
			return Math.min(machine.ratedKw * 1.1, kw * (1 + 0.16 * s + 0.07 * s * rattle));
		}
		case "lost-phase":
			return kw * (1 - 0.36 * s);
		case "breakdown":
			return 0;
		default:
			return kw;
	}
}

/** The faults of a plant: those that are set, begun or not. */
export class PlantFaults {
	readonly #all: Fault[] = [];
	#count = 0;
	#leaks = 0;

	get all(): readonly Fault[] {
		return this.#all;
	}

	/** Another number whenever what leaks from the air system changes otherwise than by time. */
	get leaks(): number {
		return this.#leaks;
	}

	/** @throws EnergyError `plant.fault-invalid`, `plant.machine-unknown` */
	made(order: FaultOrder, machines: readonly MachineDefinition[], nowMs: number): Fault {
		return faultOf(order, machines, nowMs, `fault-${this.#count + 1}`);
	}

	add(fault: Fault): void {
		this.#count++;
		this.#all.push(fault);
		if (fault.fault === "air-leak") this.#leaks++;
	}

	/** Ends faults with the next whole second: one by its id, all of a machine, or all; returns those that ended. */
	end(which: { id?: string; machine?: string }, nowMs: number): Fault[] {
		const ended = this.#all.filter(
			(fault) =>
				(which.id === undefined || fault.id === which.id) &&
				(which.machine === undefined || fault.machine === which.machine),
		);
		for (const fault of ended) {
			fault.endMs = Math.max(fault.startMs, Math.ceil(nowMs / 1000) * 1000);
			if (fault.endMs <= nowMs || fault.startMs > nowMs) this.#all.splice(this.#all.indexOf(fault), 1);
		}
		if (ended.some(({ fault }) => fault === "air-leak")) this.#leaks++;
		return ended;
	}

	/** Forgets what is over. */
	forgetBefore(timeMs: number): void {
		for (let n = this.#all.length - 1; n >= 0; n--) {
			if ((this.#all[n] as Fault).endMs <= timeMs) this.#all.splice(n, 1);
		}
	}

	/** How far the worst fault of a kind at a machine has grown, 0…1. */
	severity(machine: string, kind: FaultKind, timeMs: number): number {
		let most = 0;
		for (const fault of this.#all) {
			if (fault.machine === machine && fault.fault === kind) most = Math.max(most, severityAt(fault, timeMs));
		}
		return most;
	}

	/** What is wrong with a machine at an instant. */
	labelsOf(machine: MachineDefinition, timeMs: number): FaultLabel[] {
		return this.#all
			.filter((fault) => reaches(fault, machine) && severityAt(fault, timeMs) > 0)
			.map((fault) => ({ id: fault.id, fault: fault.fault, severity: severityAt(fault, timeMs) }));
	}

	get state(): FaultsState {
		const faults = this.#all.map((fault) => ({ ...fault, endMs: Number.isFinite(fault.endMs) ? fault.endMs : null }));
		return { count: this.#count, faults };
	}

	restore({ count, faults }: FaultsState): void {
		this.#count = count;
		this.#all.push(...faults.map((fault) => ({ ...fault, endMs: fault.endMs ?? Number.POSITIVE_INFINITY })));
		this.#leaks++;
	}
}
