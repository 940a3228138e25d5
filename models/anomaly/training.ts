import type { Task } from "../tasks.ts";
import { readHistory } from "./history.ts";
import { machineModelKind } from "./machine-model.ts";

const MINUTE_MS = 60_000;
/** A model that alarms about its own training data would alarm about everything. */
const MAX_WARNING_SHARE = 0.01;

/** Models of what is usual for a machine. */
export const anomalyTask: Task = {
	task: machineModelKind.task,
	kinds: [machineModelKind.kind],
	training({ site, store, machine, historyDays: days = 28, cadenceMs = MINUTE_MS, settings }) {
		return {
			options: { timeZone: site.timeZone, ...settings },
			brief: true,
			read: async () => readHistory(await store(), { site: site.id, machine, days, cadenceMs }),
			accept: ({ metrics }) => (metrics?.warningShare ?? 0) <= MAX_WARNING_SHARE,
		};
	},
};
