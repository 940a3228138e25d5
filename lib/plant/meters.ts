import type { MeterModel } from "./definition.ts";
import type { PlantSample } from "./plant.ts";

/** A meter's memory as its manual lays it out: 16-bit registers by their address on the wire. */
export interface RegisterImage {
	/** Read by function 3 (holding) or 4 (input) only, like the real meter. */
	functionCode: 3 | 4;
	registers: Uint16Array;
}

type Writer = (image: DataView, sample: PlantSample) => void;

interface MeterMap {
	functionCode: 3 | 4;
	/** Addresses from 0 up to here exist; beyond, the meter answers "illegal data address". */
	size: number;
	write: Writer;
}

const float = (image: DataView, address: number, value: number): void => image.setFloat32(address * 2, value);
const floats = (image: DataView, address: number, values: readonly number[]): void => {
	for (const [n, value] of values.entries()) float(image, address + 2 * n, value);
};

function shares({ electrical, trueKw, reading }: PlantSample) {
	const { phaseVoltageV: volts, phaseCurrentA: amps } = electrical;
	const kva = [0, 1, 2].map((n) => ((volts[n] ?? 0) * (amps[n] ?? 0)) / 1000);
	const sum = kva.reduce((a, b) => a + b, 0);
	// A stuck sensor shows in what the meter says of power, as it does in readings over MQTT.
	const kw = reading.powerKw ?? trueKw;
	const kvar = electrical.reactivePowerKvar;
	const of = (total: number) => kva.map((part) => (sum > 0 ? (total * part) / sum : 0));
	const lines = [0, 1, 2].map((n) => lineVoltage(volts[n] ?? 0, volts[(n + 1) % 3] ?? 0));
	return { volts, amps, kva, sum, kw, kvar, kwOf: of(kw), kvarOf: of(kvar), lines };
}

/** Phase to phase from two phase voltages 120° apart. */
const lineVoltage = (a: number, b: number): number => Math.sqrt(a * a + b * b + a * b);
const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/** Eastron SDM630 Modbus V2, input registers, float32 high word first; W, VA, var. */
const sdm630: Writer = (image, sample) => {
	const { volts, amps, kva, sum, kw, kvar, kwOf, kvarOf, lines } = shares(sample);
	const powerFactor = sample.electrical.powerFactor;
	floats(image, 0x0000, volts);
	floats(image, 0x0006, amps);
	floats(
		image,
		0x000c,
		kwOf.map((part) => part * 1000),
	);
	floats(
		image,
		0x0012,
		kva.map((part) => part * 1000),
	);
	floats(
		image,
		0x0018,
		kvarOf.map((part) => part * 1000),
	);
	floats(image, 0x001e, [powerFactor, powerFactor, powerFactor]);
	float(image, 0x002a, mean(volts));
	float(image, 0x002e, mean(amps));
	float(image, 0x0030, amps[0] + amps[1] + amps[2]);
	float(image, 0x0034, kw * 1000);
	float(image, 0x0038, sum * 1000);
	float(image, 0x003c, kvar * 1000);
	float(image, 0x003e, powerFactor);
	float(image, 0x0046, sample.reading.frequencyHz ?? 0);
	float(image, 0x0048, sample.reading.energyKwh ?? 0);
	float(image, 0x004a, 0);
	floats(image, 0x00c8, lines);
	float(image, 0x00ce, mean(lines));
};

/** Schneider iEM3000 series, holding registers, float32 in kW and kvar, energy as int64 in Wh. */
const iem3000: Writer = (image, sample) => {
	const { volts, amps, kw, kvar, sum, kwOf, kvarOf, lines } = shares(sample);
	floats(image, 0x0bb7, amps);
	float(image, 0x0bc1, mean(amps));
	floats(image, 0x0bcb, lines);
	float(image, 0x0bd1, mean(lines));
	floats(image, 0x0bd3, volts);
	float(image, 0x0bdb, mean(volts));
	floats(image, 0x0bed, kwOf);
	float(image, 0x0bf3, kw);
	floats(image, 0x0bf5, kvarOf);
	float(image, 0x0bfb, kvar);
	float(image, 0x0c03, sum);
	float(image, 0x0c25, sample.reading.frequencyHz ?? 0);
	image.setBigInt64(0x0c83 * 2, BigInt(Math.round((sample.reading.energyKwh ?? 0) * 1000)));
};

const maps: Record<MeterModel, MeterMap> = {
	sdm630: { functionCode: 4, size: 0x0180, write: sdm630 },
	iem3000: { functionCode: 3, size: 0x0d00, write: iem3000 },
};

/** A meter without readings yet: all registers zero. */
export function blankMeter(model: MeterModel): RegisterImage {
	const { functionCode, size } = maps[model];
	return { functionCode, registers: new Uint16Array(size) };
}

/** Puts a sample into a meter's registers, at once for whoever reads. */
export function writeMeter(model: MeterModel, { registers }: RegisterImage, sample: PlantSample): void {
	const bytes = new DataView(new ArrayBuffer(registers.length * 2));
	maps[model].write(bytes, sample);
	for (let n = 0; n < registers.length; n++) registers[n] = bytes.getUint16(n * 2);
}
