// The text that Prometheus reads (exposition format 0.0.4): base units, and units in the names.
import { requestMeters } from "../api/requests.ts";
import type { Statistics } from "./statistics.ts";

export const prometheusType = "text/plain; version=0.0.4; charset=utf-8";

type Labels = Readonly<Record<string, string | number>>;
type Kind = "counter" | "gauge" | "histogram";
type Sample = readonly [labels: Labels, value: number | null, suffix?: string];

const bucketsMs = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000] as const;

/** @param figures of the same moment; requests are read from where they are counted */
export function prometheusText(figures: Statistics): string {
	const { site, power, alarms, anomalies, ingest, store, queues, process: own, eventLoop, disk } = figures;
	const at = { site };
	const facts = store as { readings: number; quarantined: number; bytes: number };
	const watts = (kw: number | null): number | null => (kw === null ? null : kw * 1_000);
	const joules = (kwh: number | null): number | null => (kwh === null ? null : kwh * 3.6e6);
	const machines = power.machines;
	return [
		metric("smartfactory_info", "gauge", "Version of this program.", [[{ version: figures.version }, 1]]),
		metric("smartfactory_uptime_seconds", "gauge", "Time since the process started.", [[{}, figures.uptimeS]]),
		metric("smartfactory_site_power_watts", "gauge", "Active power of the site.", [[at, watts(power.totalKw)]]),
		metric("smartfactory_site_energy_today_joules", "gauge", "Energy of the site since its midnight.", [
			[at, joules(power.energyTodayKwh)],
		]),
		metric(
			"smartfactory_machine_power_watts",
			"gauge",
			"Active power of a machine.",
			machines.map(({ machine, powerKw }) => [{ ...at, machine }, watts(powerKw)]),
		),
		metric(
			"smartfactory_machine_energy_today_joules",
			"gauge",
			"Energy of a machine since the site's midnight.",
			machines.map(({ machine, energyTodayKwh }) => [{ ...at, machine }, joules(energyTodayKwh)]),
		),
		metric("smartfactory_alarms_active", "gauge", "Alarms whose condition holds.", [[at, alarms?.active ?? null]]),
		metric("smartfactory_alarms_unacknowledged", "gauge", "Alarms that wait for a person.", [
			[at, alarms?.unacknowledged ?? null],
		]),
		metric("smartfactory_anomalies_active", "gauge", "Anomalies that last.", [[at, anomalies?.active ?? null]]),
		metric("smartfactory_readings_stored_total", "counter", "Readings that this process stored.", [
			[{}, ingest.stored],
		]),
		metric("smartfactory_readings_rejected_total", "counter", "Readings that this process turned away.", [
			[{}, ingest.rejected],
		]),
		metric("smartfactory_store_readings", "gauge", "Raw readings in the store.", [[{}, facts.readings]]),
		metric("smartfactory_store_quarantined", "gauge", "Rejected readings in the store.", [[{}, facts.quarantined]]),
		metric("smartfactory_store_bytes", "gauge", "Size of the database.", [[{}, facts.bytes]]),
		metric("smartfactory_store_last_reading_timestamp_seconds", "gauge", "Time of the newest reading.", [
			[{}, ingest.lastReadingTime === null ? null : Date.parse(ingest.lastReadingTime) / 1_000],
		]),
		metric(
			"smartfactory_queue_depth",
			"gauge",
			"What waits, by queue.",
			Object.entries(queues).map(([queue, depth]) => [{ queue }, depth]),
		),
		metric("smartfactory_event_loop_delay_p99_seconds", "gauge", "Delay of a timer, 99th percentile of a minute.", [
			[{}, eventLoop.p99Ms / 1_000],
		]),
		metric("smartfactory_event_loop_utilization_ratio", "gauge", "Share of the time that the event loop works.", [
			[{}, eventLoop.utilization],
		]),
		metric("smartfactory_disk_free_bytes", "gauge", "Free space where data lies.", [[{}, disk?.freeBytes ?? null]]),
		metric("smartfactory_disk_size_bytes", "gauge", "Size of that disk.", [[{}, disk?.totalBytes ?? null]]),
		metric("process_cpu_seconds_total", "counter", "Processor time of this process.", [[{}, cpuSeconds()]]),
		metric("process_resident_memory_bytes", "gauge", "Memory of this process.", [[{}, own.residentBytes]]),
		metric("nodejs_heap_size_used_bytes", "gauge", "Part of its heap that is used.", [[{}, own.heapUsedBytes]]),
		metric("smartfactory_http_requests_running", "gauge", "Requests that are worked on.", [
			[{}, requestMeters.running],
		]),
		...requests(),
	].join("");
}

function cpuSeconds(): number {
	const { user, system } = process.cpuUsage();
	return (user + system) / 1e6;
}

function requests(): string[] {
	const routes = [...requestMeters.routes.values()];
	const counts: Sample[] = routes.flatMap(({ method, path, byStatus }) =>
		[...byStatus].map(([status, count]): Sample => [{ method, path, status }, count]),
	);
	const durations: Sample[] = routes.flatMap((route) => {
		const { method, path, count, totalMs } = route;
		const within = route.within(bucketsMs);
		return [
			...bucketsMs.map((ms, i): Sample => [{ method, path, le: ms / 1_000 }, within[i] ?? 0, "_bucket"]),
			[{ method, path, le: "+Inf" }, count, "_bucket"],
			[{ method, path }, totalMs / 1_000, "_sum"],
			[{ method, path }, count, "_count"],
		] satisfies Sample[];
	});
	return [
		metric("smartfactory_http_requests_total", "counter", "Requests to the API, by path and status.", counts),
		metric("smartfactory_http_request_duration_seconds", "histogram", "Time to the end of an answer.", durations),
	];
}

/** What is not known has no sample: 0 would be a measurement. */
function metric(name: string, kind: Kind, help: string, samples: readonly Sample[]): string {
	const known = samples.filter((sample) => sample[1] !== null && Number.isFinite(sample[1]));
	const lines = known.map(([labels, value, suffix = ""]) => `${name}${suffix}${braces(labels)} ${value}\n`);
	return `# HELP ${name} ${help}\n# TYPE ${name} ${kind}\n${lines.join("")}`;
}

function braces(labels: Labels): string {
	const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(String(value))}"`);
	return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

const escaped = (text: string): string => text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
