import { clockOf } from "../calendar/zone-clock.ts";
import { readData } from "../data.ts";
import type { Site } from "../telemetry/site.ts";
import { ceilTo, iso } from "./progress.ts";
import type { Order, OrderOperation } from "./types.ts";

interface DemoOrder {
	product: string;
	ko: string;
	quantity: number;
	unit: string;
	releaseH: number;
	dueH: number;
	deadlineH?: number;
	priority?: number;
	tardinessKrwPerHour?: number;
	operations: OrderOperation[];
}

const HOUR_MS = 3_600_000;

/** Local month and day: the orders of a day are named by it. */
export const demoDayOf = ({ timeZone }: Site, nowMs: number): string =>
	clockOf(timeZone).isoAt(nowMs).slice(5, 10).replace("-", "");

/** Orders of a day for the simulated plant, as far as the site has its machines. */
export function demoOrders(site: Site, nowMs: number): Order[] {
	const { orders } = readData<{ orders: DemoOrder[] }>("lib/operation/demo-orders.json");
	const machines = new Set(site.machines.map(({ id }) => id));
	const day = demoDayOf(site, nowMs);
	const startMs = ceilTo(nowMs, 900_000);
	const at = (hours: number): string => iso(startMs + hours * HOUR_MS);
	return orders
		.filter(({ operations }) => operations.every(({ modes }) => modes.some(({ machine }) => machines.has(machine))))
		.map(
			({ product, ko, releaseH, dueH, deadlineH, quantity, unit, priority, tardinessKrwPerHour, operations }, k) => ({
				id: `D${day}-${String(k + 1).padStart(2, "0")}`,
				...{ product, name: ko, quantity, unit, release: at(releaseH), due: at(dueH) },
				...(deadlineH === undefined ? {} : { deadline: at(deadlineH) }),
				...(priority === undefined ? {} : { priority }),
				...(tardinessKrwPerHour === undefined ? {} : { tardinessKrwPerHour }),
				operations,
			}),
		);
}
