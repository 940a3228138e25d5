import { EnergyError } from "../errors.ts";
import type { MachineDefinition } from "./definition.ts";
import { blankMeter, type RegisterImage, writeMeter } from "./meters.ts";
import type { PlantSample } from "./plant.ts";

export interface ModbusMeters {
	/** Shows new samples in the registers; machines without a meter are passed over. */
	update(samples: readonly PlantSample[]): void;
	close(): Promise<void>;
}

const ILLEGAL_FUNCTION = 1;
const ILLEGAL_ADDRESS = 2;
const GATEWAY_TARGET_SILENT = 11;

type Callback<T> = (error: Error | null, value: T) => void;

/**
 * Serves the plant's Modbus meters on one TCP port, each under its unit.
 *
 * @throws EnergyError `plant.modbus-missing`, `plant.modbus-port`
 */
export async function serveMeters(
	machines: readonly MachineDefinition[],
	{ host = "127.0.0.1", port }: { host?: string; port: number },
): Promise<ModbusMeters> {
	const { ServerTCP } = await library();
	const images = new Map<number, RegisterImage>();
	for (const { meter } of machines) if (meter) images.set(meter.unit, blankMeter(meter.model));

	const read = (functionCode: 3 | 4) => (address: number, length: number, unit: number, done: Callback<number[]>) => {
		const image = images.get(unit);
		const end = address + length;
		if (!image) done(modbusError(GATEWAY_TARGET_SILENT), []);
		else if (image.functionCode !== functionCode || end > image.registers.length || length > 125) {
			done(modbusError(ILLEGAL_ADDRESS), []);
		} else done(null, Array.from(image.registers.subarray(address, end)));
	};
	const readOne = (functionCode: 3 | 4) => {
		const many = read(functionCode);
		return (address: number, unit: number, done: Callback<number>) =>
			many(address, 1, unit, (error, values) => done(error, values[0] ?? 0));
	};
	const server = new ServerTCP(
		{
			getMultipleHoldingRegisters: read(3),
			getMultipleInputRegisters: read(4),
			getHoldingRegister: readOne(3),
			getInputRegister: readOne(4),
			// Without these the library would not answer at all, and a master would wait.
			getCoil: refuse,
			getDiscreteInput: refuse,
			setCoil: refuse,
			setRegister: refuse,
			setRegisterArray: refuse,
		},
		{ host, port },
	);
	// What a single client does wrong ends with its connection.
	server.on("socketError", () => undefined);
	server.on("error", () => undefined);
	await new Promise<void>((resolve, reject) => {
		server.once("initialized", () => resolve());
		server.on("serverError", (error: Error | null) =>
			reject(new EnergyError("plant.modbus-port", { host, port, reason: error?.message ?? "" })),
		);
	});
	return {
		update(samples) {
			for (const sample of samples) {
				const { meter } = sample.machine;
				const image = meter && images.get(meter.unit);
				if (meter && image) writeMeter(meter.model, image, sample);
			}
		},
		close: () => new Promise((resolve) => server.close(() => resolve())),
	};
}

function refuse(): never {
	throw modbusError(ILLEGAL_FUNCTION);
}

function modbusError(modbusErrorCode: number): Error {
	return Object.assign(new Error(`modbus exception ${modbusErrorCode}`), { modbusErrorCode });
}

/** The optional package, loaded when it is first needed. */
async function library(): Promise<typeof import("modbus-serial")> {
	try {
		const loaded = (await import("modbus-serial")) as unknown as { default: typeof import("modbus-serial") };
		return loaded.default;
	} catch (error) {
		throw new EnergyError("plant.modbus-missing", {}, { cause: error });
	}
}
