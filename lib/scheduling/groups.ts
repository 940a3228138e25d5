import type { Instance, Op } from "./instance.ts";

/**
 * Machines and operations that are each other's equals. A model that counts them has no symmetry: 250 jobs of twelve
 * lengths on 25 machines of six rates are 25,000 columns instead of two million, and its relaxation is nearly integral
 * (capacity rows of whole runs are interval matrices).
 */
export interface Groups {
	machines: number[][];
	groupOfMachine: Int32Array;
	ops: OpGroup[];
	groupOfOp: Int32Array;
}

export interface OpGroup {
	ops: number[];
	/** One mode for each group of machines, as the first member has it. */
	modes: { machines: number; mode: number }[];
}

export function group(instance: Instance): Groups {
	const profiles = new Map<string, number>();
	const profileOf = instance.ops.map((op) =>
		op.modes.map(({ kw }) => {
			const key = kw.join();
			if (!profiles.has(key)) profiles.set(key, profiles.size);
			return profiles.get(key) ?? 0;
		}),
	);
	const uses: string[][] = instance.machines.map(() => []);
	const held = new Set<number>();
	for (const op of instance.ops) {
		op.modes.forEach((mode, m) => {
			uses[mode.machine]?.push(`${op.index}:${profileOf[op.index]?.[m]}`);
			if (op.fixed?.mode === m) held.add(mode.machine);
		});
	}
	const machines = grouped(instance.machines.length, (m) => {
		const machine = instance.machines[m];
		if (
			!machine ||
			machine.setupSlots ||
			machine.minPause > 0 ||
			machine.minRun > 1 ||
			machine.batch > 1 ||
			held.has(m)
		)
			return `only ${m}`;
		return `${machine.open.join("")} ${uses[m]?.join()}`;
	});
	const groupOfMachine = inverse(machines, instance.machines.length);
	const free = instance.order;
	const ops = grouped(free.length, (k) => {
		const op = instance.ops[free[k] as number] as Op;
		if (op.preds.length + op.succs.length > 0 || op.preemptible || op.fixed) return `only ${op.index}`;
		if (instance.jobs[op.job]?.sinks.length) return `only ${op.index}`;
		const late = op.lateKrw > 0 ? `${op.lateKrw} ${op.due}` : "";
		const modes = op.modes.map((mode, m) => `${groupOfMachine[mode.machine]}:${profileOf[op.index]?.[m]}`);
		return `${op.earliest} ${op.latestEnd} ${late} ${op.family} ${op.size} ${[...new Set(modes)].sort().join()}`;
	}).map((members): OpGroup => {
		const indices = members.map((k) => free[k] as number);
		const modes = new Map<number, number>();
		instance.ops[indices[0] as number]?.modes.forEach((mode, m) => {
			const machineGroup = groupOfMachine[mode.machine] as number;
			if (!modes.has(machineGroup)) modes.set(machineGroup, m);
		});
		return { ops: indices, modes: [...modes].map(([machineGroup, mode]) => ({ machines: machineGroup, mode })) };
	});
	const groupOfOp = new Int32Array(instance.ops.length).fill(-1);
	ops.forEach((entry, g) => {
		for (const op of entry.ops) groupOfOp[op] = g;
	});
	return { machines, groupOfMachine, ops, groupOfOp };
}

function grouped(count: number, key: (index: number) => string): number[][] {
	const groups = new Map<string, number[]>();
	for (let k = 0; k < count; k++) {
		const name = key(k);
		const members = groups.get(name);
		if (members) members.push(k);
		else groups.set(name, [k]);
	}
	return [...groups.values()];
}

function inverse(groups: readonly number[][], count: number): Int32Array {
	const of = new Int32Array(count);
	groups.forEach((members, g) => {
		for (const member of members) of[member] = g;
	});
	return of;
}
