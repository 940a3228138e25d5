import { EnergyError } from "../errors.ts";
import type { CommandAnswer } from "./control.ts";
import type { Fault, FaultKind } from "./faults.ts";
import type { JobReport } from "./jobs.ts";
import type { Plant } from "./plant.ts";

/** What the plant did, as it travels: on the second output and on `…/event`. */
export interface PlantEvent {
	event: "command" | "fault-set" | "fault-cleared" | "job";
	site: string;
	machine: string;
	/** Plant time, ISO 8601. */
	time: string;
	[detail: string]: unknown;
}

const record = (value: unknown): Record<string, unknown> | undefined =>
	typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;

const RULE = '{"command": {…}}, {"inject": {…} or […]} or {"clear": true or {"id" or "machine": …}}';

/**
 * Does what a message asks of the plant:
 * `{command: {machine, command, limitKw?}}`, `{inject: {fault, machine, startTime?, rampS?, severity?, endTime?}}`
 * (or an array), `{clear: true | {id?, machine?}}`; several of them in one message are done in this order.
 *
 * @throws EnergyError `plant.message-invalid`, and those of `Plant.command` and `Plant.inject`
 */
export function obey(plant: Plant, payload: unknown): PlantEvent[] {
	const order = record(payload);
	if (!order || (order.command === undefined && order.inject === undefined && order.clear === undefined)) {
		throw new EnergyError("plant.message-invalid", { rule: RULE });
	}
	const events: PlantEvent[] = [];
	if (order.command !== undefined) {
		// {"command": "stop", "machine": …} says the same with fewer braces.
		const command = record(order.command) ?? order;
		events.push(commandEvent(plant, plant.command(String(command.machine), command)));
	}
	for (const wish of order.inject === undefined ? [] : [order.inject].flat()) {
		events.push(faultEvent(plant, "fault-set", inject(plant, wish)));
	}
	if (order.clear !== undefined) {
		const { id, machine } = record(order.clear) ?? {};
		const which = {
			...(id === undefined ? {} : { id: String(id) }),
			...(machine === undefined ? {} : { machine: String(machine) }),
		};
		for (const fault of plant.clear(which)) events.push(faultEvent(plant, "fault-cleared", fault));
	}
	return events;
}

function inject(plant: Plant, wish: unknown): Fault {
	const order = record(wish);
	if (!order) throw new EnergyError("plant.message-invalid", { rule: RULE });
	const { fault, machine, startTime, rampS, severity, endTime } = order;
	return plant.inject({
		fault: fault as FaultKind,
		machine: String(machine),
		...(startTime === undefined ? {} : { startMs: Date.parse(String(startTime)) }),
		...(rampS === undefined ? {} : { rampMs: Number(rampS) * 1000 }),
		...(severity === undefined ? {} : { severity: Number(severity) }),
		...(endTime === undefined ? {} : { endMs: Date.parse(String(endTime)) }),
	});
}

/** A command that was obeyed. */
export function commandEvent(plant: Plant, answer: CommandAnswer): PlantEvent {
	const { machine, command, limitKw, effectiveMs, job, operation } = answer;
	return {
		event: "command",
		site: plant.siteId,
		machine,
		time: iso(plant.nowMs),
		command,
		accepted: true,
		...(limitKw === undefined ? {} : { limitKw }),
		...(job === undefined ? {} : { job, operation }),
		effectiveTime: iso(effectiveMs),
	};
}

/** What became of a job. */
export function jobEvent(plant: Plant, { machine, job, operation, state, timeMs }: JobReport): PlantEvent {
	return { event: "job", site: plant.siteId, machine, time: iso(timeMs), job, operation, state };
}

function faultEvent(plant: Plant, event: PlantEvent["event"], fault: Fault): PlantEvent {
	return {
		event,
		site: plant.siteId,
		machine: fault.machine,
		time: iso(plant.nowMs),
		id: fault.id,
		fault: fault.fault,
		severity: fault.severity,
		startTime: iso(fault.startMs),
		endTime: Number.isFinite(fault.endMs) ? iso(fault.endMs) : null,
	};
}

const iso = (timeMs: number): string => new Date(timeMs).toISOString();
