import { EnergyError } from "../errors.ts";
import { floorTo, iso, modeOn, operationsOf } from "./progress.ts";
import { isActive, type JobRecord } from "./records.ts";

type Pin = JobRecord["pins"][number];

/** The pins of a job with another one. @throws EnergyError `operation.pin-invalid` where it can't lie there */
export function pinned(
	record: JobRecord,
	{ operation, machine, start }: Pin,
	intervalMinutes: number,
	nowMs: number,
): Pin[] {
	const job = record.order.id;
	const refuse = (field: string, value: string, rule: string): never => {
		throw new EnergyError("operation.pin-invalid", { job, field, value, rule });
	};
	const known = operationsOf(record);
	if (!known.some(({ id }) => id === operation)) refuse("operation", operation, known.map(({ id }) => id).join(" | "));
	const machines = known.find(({ id }) => id === operation)?.spec.modes.map((mode) => mode.machine) ?? [];
	if (!modeOn(record, operation, machine)) refuse("machine", machine, machines.join(" | "));
	const stepMs = intervalMinutes * 60_000;
	const ms = Date.parse(start);
	if (!(ms % stepMs === 0)) refuse("start", start, ":00, :15, :30 | :45");
	// The quarter-hour that runs means: at once.
	if (ms < floorTo(nowMs, stepMs)) refuse("start", start, `≥ ${iso(floorTo(nowMs, stepMs))}`);
	const ran = record.runs.some((run) => run.operation === operation && (isActive(run) || run.state === "done"));
	if (ran) refuse("operation", operation, "not started yet");
	return [...record.pins.filter((pin) => pin.operation !== operation), { operation, machine, start: iso(ms) }];
}
