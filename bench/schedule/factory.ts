import type { JobSpec, MachineSpec, ModeSpec, SchedulingProblem } from "../../lib/scheduling/problem.ts";
import { Random } from "../../lib/scheduling/random.ts";

/** Summer prices of an industrial tariff by hour: night, shoulder, peak with its noon dip. */
const BANDS = "ooooooooommppmppppppmmmo".replace("ooooooooom", "oooooooomm");
const PRICE: Readonly<Record<string, number>> = { o: 99.5, m: 152.6, p: 235.1 };
const NAME: Readonly<Record<string, string>> = { o: "off-peak", m: "mid-peak", p: "on-peak" };
const FAMILIES = ["steel", "brass", "zinc", "resin"];

/**
 * A seeded day (or two) of a factory: machines that can do each other's work at another speed and power, sequences of
 * operations, tools to be changed, dates, a base load under a cap that binds in the cheap hours of the night, and a
 * demand charge of the dear hours that begins below it.
 */
export function factoryDay(jobs: number, seed: number, intervals = jobs >= 100 ? 192 : 96): SchedulingProblem {
	const random = new Random(seed * 7919 + jobs);
	const between = (low: number, high: number) => low + random.below(high - low + 1);
	const startMs = Date.UTC(2026, 6, 6, 15);
	const time = (slot: number) => new Date(startMs + slot * 900_000).toISOString();
	const hour = (t: number) => Math.floor(t / 4) % 24;
	// Operations of five intervals on average fill the machines to some two fifths.
	const count = Math.max(4, Math.round((jobs * 1.25 * 5) / (0.4 * intervals)));
	const machines = Array.from({ length: count }, (_, m): MachineSpec => {
		const setups = FAMILIES.flatMap((from) =>
			FAMILIES.filter((to) => to !== from).map((to) => ({ from, to, minutes: 15 })),
		);
		const from = between(20, intervals - 12);
		const maintenance = m % 4 === 3 ? [{ start: time(from), end: time(from + 6), reason: "service" }] : [];
		return { id: `M${m + 1}`, maintenance, ...(m % 4 === 1 ? { setups } : {}) };
	});
	const base = Array.from({ length: intervals }, (_, t) => {
		const day = hour(t) >= 8 && hour(t) < 20 ? 1 : 0.55;
		return Math.round(count * (14 * day + 2 * Math.sin(t / 5) + 2 * random.unit()));
	});
	const modes = (length: number, kw: number): ModeSpec[] => {
		const first = random.below(count);
		return Array.from({ length: Math.min(count, between(2, 3)) }, (_, k) => {
			const machine = `M${((first + k * between(1, 2)) % count) + 1}`;
			const slower = length + (k > 0 && random.unit() < 0.5 ? 1 : 0);
			const draw = kw * (0.9 + 0.25 * random.unit());
			const powerKw = Array.from({ length: slower }, (_, i) => Math.round(draw * (i === 0 ? 1.25 : 1) * 10) / 10);
			return { machine, powerKw };
		}).filter((mode, k, all) => all.findIndex(({ machine }) => machine === mode.machine) === k);
	};
	const list = Array.from({ length: jobs }, (_, k): JobSpec => {
		const steps = random.unit() < 0.15 ? 2 : 1;
		const release = random.unit() < 0.4 ? between(0, Math.floor(intervals / 2)) : 0;
		const window = between(Math.floor(intervals * 0.35), intervals);
		const end = Math.min(intervals, release + Math.max(window, 30 * steps));
		const due = Math.min(end, release + between(30 * steps, 90));
		const family = FAMILIES[random.below(FAMILIES.length)] as string;
		return {
			id: `J${k + 1}`,
			release: time(release),
			deadline: time(end),
			...(random.unit() < 0.5 ? { due: time(due), tardinessKrwPerHour: between(2, 12) * 250 } : {}),
			operations: Array.from({ length: steps }, () => ({ family, modes: modes(between(3, 7), between(12, 60)) })),
		};
	});
	const cap = Math.round(count * 52);
	const bands = base.map((_, t) => NAME[BANDS[hour(t)] as string] as string);
	return {
		start: time(0),
		intervals,
		energyPriceKrwPerKwh: base.map((_, t) => PRICE[BANDS[hour(t)] as string] as number),
		bands,
		baseLoadKw: base,
		cap: { kw: cap },
		demandCharges: [
			{
				...{ name: "month", steps: [{ aboveKw: Math.round(count * 36), krwPerKw: 8320 }] },
				counted: bands.map((band) => band !== "off-peak"),
			},
		],
		machines,
		jobs: list,
	};
}
