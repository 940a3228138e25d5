import type { EfficiencyBook, SiteEfficiency } from "./site.ts";
import type { Efficiency, Figure } from "./types.ts";

/** Efficiencies as API and dashboard carry them; shares are 0…1, null is "not known". */
export interface WireEfficiency {
	site: string;
	time: string;
	/** Below it, a machine's efficiency is an alarm. */
	threshold: number;
	total: SiteEfficiency;
	/** The least efficient first. */
	items: MachineEfficiencyNow[];
}

export interface MachineEfficiencyNow
	extends Pick<
		Efficiency,
		| "machine"
		| "efficiency"
		| "basis"
		| "reason"
		| "specificEnergyKwh"
		| "usefulShare"
		| "powerFactor"
		| "idleShare"
		| "loadFactor"
		| "energyKwh"
		| "hours"
	> {
	time: string;
	below: boolean;
}

const digits = (value: number | null, places = 4): number | null =>
	value === null ? null : Math.round(value * 10 ** places) / 10 ** places;
const figure = ({ value, best, ratio }: Figure): Figure => ({
	...{ value: digits(value), best: digits(best), ratio: digits(ratio) },
});

/** `GET /api/v1/efficiency`: machines, the least efficient first, and the site. */
export function wireEfficiency(site: string, book: EfficiencyBook, threshold: number, nowMs: number): WireEfficiency {
	const all = book.now().filter(({ atMs }) => atMs > 0);
	all.sort((a, b) => (a.efficiency ?? 2) - (b.efficiency ?? 2) || a.machine.localeCompare(b.machine));
	return {
		site,
		time: new Date(nowMs).toISOString(),
		threshold,
		total: wireSite(book.site(all)),
		items: all.map((one) => wireMachine(one, threshold)),
	};
}

function wireSite({ efficiency, idleShare, powerFactor, loadFactor, energyKwh }: SiteEfficiency): SiteEfficiency {
	return {
		...{ efficiency: digits(efficiency), idleShare: digits(idleShare), powerFactor: digits(powerFactor) },
		...{ loadFactor: digits(loadFactor), energyKwh: digits(energyKwh, 2) ?? 0 },
	};
}

function wireMachine(one: Efficiency, threshold: number): MachineEfficiencyNow {
	return {
		machine: one.machine,
		time: new Date(one.atMs).toISOString(),
		efficiency: digits(one.efficiency),
		basis: one.basis,
		below: one.efficiency !== null && one.efficiency < threshold,
		reason: one.reason,
		specificEnergyKwh: figure(one.specificEnergyKwh),
		usefulShare: figure(one.usefulShare),
		powerFactor: figure(one.powerFactor),
		...{ idleShare: digits(one.idleShare), loadFactor: digits(one.loadFactor) },
		...{ energyKwh: digits(one.energyKwh, 2) ?? 0, hours: one.hours },
	};
}
