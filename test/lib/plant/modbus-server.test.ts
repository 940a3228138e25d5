import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, connect as tcp } from "node:net";
import modbusSerial from "modbus-serial";
import { demoPlant } from "../../../lib/plant/definition.ts";
import { type ModbusMeters, serveMeters } from "../../../lib/plant/modbus-server.ts";
import { Plant, type PlantSample } from "../../../lib/plant/plant.ts";
import { decodeRun, meterProfile } from "../../../lib/telemetry/meter.ts";
import type { Quantities } from "../../../lib/telemetry/reading.ts";

const ModbusRTU = modbusSerial as unknown as typeof import("modbus-serial").default;
const at = Date.parse("2026-11-18T10:00:00+09:00");

async function freePort(): Promise<number> {
	const server = createServer().listen(0, "127.0.0.1");
	await once(server, "listening");
	const address = server.address();
	server.close();
	await once(server, "close");
	return typeof address === "object" && address ? address.port : 0;
}

describe("Modbus meters of the simulated plant", () => {
	const { machines } = demoPlant();
	const master = new ModbusRTU();
	let meters: ModbusMeters;
	let port: number;
	let samples: PlantSample[];

	before(async () => {
		port = await freePort();
		meters = await serveMeters(machines, { port });
		samples = new Plant().advanceTo(at);
		meters.update(samples);
		await master.connectTCP("127.0.0.1", { port });
		master.setTimeout(20_000);
	});
	after(async () => {
		await new Promise<void>((resolve) => master.close(() => resolve()));
		await meters.close();
	});

	const of = (id: string): PlantSample => samples.find(({ machine }) => machine.id === id) as PlantSample;
	const near = (actual: number, expected = Number.NaN) =>
		assert.ok(Math.abs(actual - expected) <= 1e-6 * Math.abs(expected) + 1e-3, `${actual} instead of ${expected}`);
	const input = async (address: number): Promise<number> => {
		master.setID(1);
		return (await master.readInputRegisters(address, 2)).buffer.readFloatBE(0);
	};
	const holding = async (address: number): Promise<number> => {
		master.setID(2);
		return (await master.readHoldingRegisters(address, 2)).buffer.readFloatBE(0);
	};

	it("shows hvac-1 as an SDM630 at unit 1: watts, input registers, high word first", async () => {
		const { reading, electrical } = of("hvac-1");
		near(await input(0x0000), electrical.phaseVoltageV[0]);
		near(await input(0x0006), electrical.phaseCurrentA[0]);
		near(await input(0x0034), (reading.powerKw ?? NaN) * 1000);
		near(await input(0x003c), electrical.reactivePowerKvar * 1000);
		near(await input(0x003e), electrical.powerFactor);
		near(await input(0x0046), reading.frequencyHz);
		near(await input(0x0048), reading.energyKwh);
	});

	it("shows main-meter as an iEM3000 at unit 2: kilowatts, holding registers, energy as int64 in Wh", async () => {
		const { reading, electrical } = of("main-meter");
		near(await holding(0x0bd3), electrical.phaseVoltageV[0]);
		near(await holding(0x0bb7), electrical.phaseCurrentA[0]);
		near(await holding(0x0bf3), reading.powerKw);
		near(await holding(0x0bfb), electrical.reactivePowerKvar);
		near(await holding(0x0c25), reading.frequencyHz);
		const { buffer } = await master.readHoldingRegisters(0x0c83, 4);
		assert.equal(buffer.readBigInt64BE(0), BigInt(Math.round((reading.energyKwh ?? 0) * 1000)));
	});

	it("shows a new sample at once", async () => {
		const plant = new Plant();
		samples = plant.advanceTo(at + 3_600_000);
		meters.update(samples);
		near(await holding(0x0bf3), of("main-meter").reading.powerKw);
	});

	it("is read by the meter profiles as any real meter of its kind", async () => {
		for (const [id, unit, machine] of [
			["eastron-sdm630", 1, "hvac-1"],
			["schneider-iem3000", 2, "main-meter"],
		] as const) {
			const profile = meterProfile(id);
			master.setID(unit);
			let decoded: Quantities = {};
			for (const { functionCode, start, count } of profile.blocks) {
				const { data } =
					functionCode === 4
						? await master.readInputRegisters(start, count)
						: await master.readHoldingRegisters(start, count);
				decoded = { ...decoded, ...decodeRun(profile, { functionCode, start, words: data }) };
			}
			const { reading } = of(machine);
			near(decoded.powerKw ?? Number.NaN, reading.powerKw);
			near(decoded.frequencyHz ?? Number.NaN, reading.frequencyHz);
			near(decoded.reactivePowerKvar ?? Number.NaN, reading.reactivePowerKvar);
			// A float32 counter of kWh has seven digits, like the meter's own.
			assert.ok(Math.abs((decoded.energyKwh ?? 0) - (reading.energyKwh ?? 0)) < 0.01);
		}
	});

	it("answers what the meter would: illegal addresses, other functions and silent units are exceptions", async () => {
		master.setID(1);
		await assert.rejects(master.readHoldingRegisters(0x0034, 2), { modbusCode: 2 });
		await assert.rejects(master.readInputRegisters(0x5000, 2), { modbusCode: 2 });
		await assert.rejects(master.writeRegister(0x0034, 1), { modbusCode: 1 });
		master.setID(9);
		await assert.rejects(master.readInputRegisters(0x0034, 2), { modbusCode: 11 });
	});

	it("outlives garbage on its port", async () => {
		for (const bytes of [
			[0, 1, 0, 0, 0, 1, 1],
			[0, 1, 0, 0, 0, 4, 1, 3, 0, 0],
			[0, 1, 0, 0, 0, 6, 1, 3, 0, 0, 0xff, 0xff],
			[0, 1, 0, 0, 0, 6, 1, 16, 0, 0, 0, 9],
			[0, 1, 0, 0, 0, 7, 1, 16, 0, 0, 0, 9, 200],
			[0, 1, 0, 0, 0, 5, 1, 15, 0, 0, 0],
			[0, 1, 0, 0, 0, 4, 1, 43, 1, 1],
			[0, 1, 0, 0, 0, 4, 1, 99, 1, 1],
			[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
		]) {
			const socket = tcp(port, "127.0.0.1");
			socket.on("error", () => undefined);
			await once(socket, "connect");
			socket.write(Buffer.from(bytes));
			await new Promise((resolve) => setTimeout(resolve, 20));
			socket.destroy();
		}
		near(await holding(0x0bf3), of("main-meter").reading.powerKw);
	});

	it("says clearly that the port is taken", async () => {
		await assert.rejects(serveMeters(machines, { port }), (error: { code?: string; details?: { port?: number } }) => {
			assert.equal(error.code, "plant.modbus-port");
			assert.equal(error.details?.port, port);
			return true;
		});
	});
});
