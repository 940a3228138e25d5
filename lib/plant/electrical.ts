import type { LoadDefinition, PlantDefinition } from "./definition.ts";
import { hash, smooth } from "./random.ts";

/** The electrical side of a machine at an instant; L1, L2, L3. */
export interface Electrical {
	powerFactor: number;
	reactivePowerKvar: number;
	/** Phase to neutral, V. */
	phaseVoltageV: [number, number, number];
	phaseCurrentA: [number, number, number];
}

/** Grid frequency, Hz: within some hundredths of nominal, drifting over minutes. */
export function frequencyHz({ grid }: PlantDefinition, seed: number, timeMs: number): number {
	const s = hash(seed, 0x687a);
	return grid.frequencyHz + 0.022 * smooth(s, timeMs / 41_000) + 0.012 * smooth(s + 1, timeMs / 3_000);
}

/** Voltage of the busbar, V: sags with the load of the site, drifts with the grid. */
export function busVoltageV({ grid }: PlantDefinition, seed: number, timeMs: number, siteKw: number): number {
	const s = hash(seed, 0x766f6c74);
	const drift = 0.006 * smooth(s, timeMs / 1_900_000) + 0.003 * smooth(s + 1, timeMs / 47_000);
	return grid.phaseVoltageV * (1.013 + drift - 0.022 * (siteKw / 1000));
}

/** Power factor of a load by how far it is loaded, with a little drift. */
export function powerFactorOf(
	{ powerFactor, ratedKw }: LoadDefinition,
	machineSeed: number,
	kw: number,
	timeMs: number,
	capacitor: number,
): number {
	const load = Math.min(1, kw / (0.75 * ratedKw));
	const drift = 0.008 * smooth(machineSeed, timeMs / 97_000) + 0.004 * smooth(machineSeed + 1, timeMs / 5_000);
	const healthy = powerFactor.rated - (powerFactor.rated - powerFactor.idle) * (1 - load) ** 2 + drift;
	return Math.min(0.995, healthy) * (1 - 0.24 * capacitor);
}

/** Voltages and currents that go with a power; phases differ by a per cent or two, a lost phase by far more. */
export function phasesOf(kw: number, kvar: number, busV: number, machineSeed: number, phase: number): Electrical {
	const lean = [0, 1, 2].map((n) => 0.012 * (2 * ((hash(machineSeed, n) % 1000) / 1000) - 1));
	const voltage: [number, number, number] = [
		busV * (1 + 0.15 * (lean[0] ?? 0)),
		busV,
		busV * (1 - 0.1 * (lean[2] ?? 0)),
	];
	voltage[0] *= 1 - 0.55 * phase;
	const kva = Math.hypot(kw, kvar);
	const shares = [
		(1 + (lean[0] ?? 0)) * (1 - phase),
		(1 + (lean[1] ?? 0)) * (1 + 0.35 * phase),
		(1 + (lean[2] ?? 0)) * (1 + 0.35 * phase),
	];
	const sum = shares.reduce((a, share, n) => a + share * ((voltage[n] ?? busV) / busV), 0);
	const amps = (n: 0 | 1 | 2): number => (sum > 0 ? ((kva * 1000) / busV) * ((shares[n] ?? 0) / sum) : 0);
	return {
		powerFactor: kva > 0 ? kw / kva : 1,
		reactivePowerKvar: kvar,
		phaseVoltageV: voltage,
		phaseCurrentA: [amps(0), amps(1), amps(2)],
	};
}
