import assert from "node:assert/strict";
import fc from "fast-check";
import {
	decodeRegisters,
	decodeRun,
	MeterPoll,
	meterProfile,
	meterProfiles,
	meterReading,
	registersOf,
} from "../../../lib/telemetry/meter.ts";
import {
	type MeterProfile,
	onWire,
	parseProfile,
	parseProfileText,
	type RegisterType,
	registerTypes,
	unitDivisors,
	type WordOrder,
	wordOrders,
} from "../../../lib/telemetry/meter-profile.ts";

/** Registers as a meter of this word order would send them. */
function encode(value: number | bigint, type: RegisterType, order: WordOrder): number[] {
	const count = registerTypes[type];
	const bytes = Buffer.alloc(2 * count);
	const big = BigInt(type.endsWith("64") && type !== "float64" ? value : 0);
	const small = Number(value);
	const write: Record<RegisterType, () => number> = {
		int16: () => bytes.writeInt16BE(small),
		uint16: () => bytes.writeUInt16BE(small),
		int32: () => bytes.writeInt32BE(small),
		uint32: () => bytes.writeUInt32BE(small),
		float32: () => bytes.writeFloatBE(small),
		int64: () => bytes.writeBigInt64BE(big),
		uint64: () => bytes.writeBigUInt64BE(big),
		float64: () => bytes.writeDoubleBE(small),
	};
	write[type]();
	const words = Array.from({ length: count }, (_, i) => bytes.readUInt16BE(2 * i));
	if (order === "CDAB" || order === "DCBA") words.reverse();
	return order === "BADC" || order === "DCBA" ? words.map((word) => ((word & 0xff) << 8) | (word >> 8)) : words;
}

const ranges: Record<RegisterType, fc.Arbitrary<number | bigint>> = {
	int16: fc.integer({ min: -32767, max: 32766 }),
	uint16: fc.integer({ min: 0, max: 65534 }),
	int32: fc.integer({ min: -2147418113, max: 2147483646 }).filter((n) => n !== -2147450880),
	uint32: fc.integer({ min: 0, max: 4294967294 }),
	float32: fc.float({ noNaN: true, noDefaultInfinity: true, min: -1e9, max: 1e9 }),
	int64: fc.bigInt({ min: -(2n ** 52n), max: 2n ** 52n }),
	uint64: fc.bigInt({ min: 0n, max: 2n ** 53n }),
	float64: fc.double({ noNaN: true, noDefaultInfinity: true }),
};

describe("registers", () => {
	for (const type of Object.keys(registerTypes) as RegisterType[]) {
		it(`give back every ${type} in every word order`, () => {
			fc.assert(
				fc.property(ranges[type], fc.constantFrom(...wordOrders), (value, order) => {
					const found = decodeRegisters(encode(value, type, order), 0, type, order);
					const expected = Number(value) + 0;
					if (type === "float32") assert.equal(Math.fround(found ?? Number.NaN), expected);
					// All registers 0x8000 is a filler; that one denormal is no measurement.
					else assert.equal(found, expected);
				}),
			);
		});
	}

	it("of a float32 in W are a plain decimal in kW", () => {
		const words = new Array<number>(74).fill(0);
		words.splice(0x34, 2, ...encode(42156.46, "float32", "ABCD"));
		const { powerKw } = decodeRun(meterProfile("eastron-sdm630"), { functionCode: 4, start: 0, words });
		assert.equal(powerKw, 42.15646);
	});

	it("in the four orders, written out", () => {
		assert.equal(decodeRegisters([0x4228, 0x6666], 0, "float32", "ABCD"), 42.1);
		assert.equal(decodeRegisters([0x6666, 0x4228], 0, "float32", "CDAB"), 42.1);
		assert.equal(decodeRegisters([0x2842, 0x6666], 0, "float32", "BADC"), 42.1);
		assert.equal(decodeRegisters([0x6666, 0x2842], 0, "float32", "DCBA"), 42.1);
	});

	const fillers: [RegisterType, number[]][] = [
		["int16", [0x7fff]],
		["int16", [0x8000]],
		["uint16", [0xffff]],
		["int32", [0x7fff, 0xffff]],
		["int32", [0x8000, 0x0000]],
		["int32", [0x8000, 0x8000]],
		["uint32", [0xffff, 0xffff]],
		["int64", [0x8000, 0, 0, 0]],
		["int64", [0x7fff, 0xffff, 0xffff, 0xffff]],
		["uint64", [0xffff, 0xffff, 0xffff, 0xffff]],
		["float32", [0x7fc0, 0]],
		["float32", [0xffff, 0xffff]],
		["float32", [0x8000, 0x8000]],
		["float32", [0x7f80, 0]],
		["float64", [0x7ff8, 0, 0, 0]],
	];
	for (const [type, words] of fillers)
		it(`hold nothing where ${type} is ${words.map((word) => word.toString(16)).join(" ")}`, () =>
			assert.equal(decodeRegisters(words, 0, type, "ABCD"), undefined));

	it("hold nothing where the profile says so", () =>
		assert.equal(decodeRegisters([9999], 0, "uint16", "ABCD", [9999]), undefined));
	it("of -1 W are a value, not a filler", () =>
		assert.equal(decodeRegisters([0xffff, 0xffff], 0, "int32", "ABCD"), -1));
});

describe("meter profiles", () => {
	it("are the six we ship, each readable in its blocks", () => {
		assert.equal(meterProfiles().length, 6);
		for (const { blocks } of meterProfiles()) for (const { count } of blocks) assert.ok(count <= 125);
	});

	it("say what nobody has seen on a meter", () =>
		assert.equal(meterProfile("siemens-pac2200").fields.frequencyHz?.unverified, true));

	it("that are not known are named with those that are", () =>
		assert.throws(() => meterProfile("acme"), { code: "telemetry.unknown-profile" }));

	const own = {
		addressBase: 1,
		wordOrder: "CDAB",
		blocks: [{ functionCode: 3, start: 101, count: 4 }],
		fields: {
			powerKw: { functionCode: 3, address: 101, type: "int32", unit: "W", divisor: 10 },
			energyKwh: { functionCode: 3, address: 103, type: "uint32", unit: "Wh" },
		},
	};
	it("counted from 1 are read one register lower", () => {
		const profile = parseProfile(own);
		assert.deepEqual(onWire(profile).blocks, [{ functionCode: 3, start: 100, count: 4 }]);
		const words = [...encode(-4215, "int32", "CDAB"), ...encode(1234567, "uint32", "CDAB")];
		assert.deepEqual(decodeRun(profile, { functionCode: 3, start: 100, words }), {
			powerKw: -0.4215,
			energyKwh: 1234.567,
		});
	});

	const wrong: [string, unknown, string][] = [
		["no JSON object", 5, "profile"],
		["no fields", { ...own, fields: 1 }, "fields"],
		[
			"a type that is none",
			{ ...own, fields: { powerKw: { ...own.fields.powerKw, type: "real" } } },
			"fields.powerKw.type",
		],
		[
			"a unit that is none",
			{ ...own, fields: { powerKw: { ...own.fields.powerKw, unit: "hp" } } },
			"fields.powerKw.unit",
		],
		[
			"a field outside its blocks",
			{ ...own, fields: { powerKw: { ...own.fields.powerKw, address: 104 } } },
			"fields.powerKw.address",
		],
		["a quantity that is none", { ...own, fields: { torque: own.fields.powerKw } }, "fields"],
		["neither power nor energy", { ...own, fields: {} }, "fields"],
		[
			"a block of too many registers",
			{ ...own, blocks: [{ functionCode: 3, start: 0, count: 126 }] },
			"blocks[0].count",
		],
		[
			"a divisor of zero",
			{ ...own, fields: { powerKw: { ...own.fields.powerKw, divisor: 0 } } },
			"fields.powerKw.divisor",
		],
	];
	for (const [what, profile, field] of wrong)
		it(`with ${what} are refused by name`, () => {
			assert.throws(
				() => parseProfile(profile),
				(error: { code: string; details: { field: string } }) => {
					assert.deepEqual([error.code, error.details.field], ["telemetry.bad-profile", field]);
					return true;
				},
			);
		});
	it("of broken text are refused", () => assert.throws(() => parseProfileText("{"), { code: "telemetry.bad-profile" }));
});

/** Answers a profile's blocks as a meter with these readings (in our units) would. */
function meter(profile: MeterProfile, values: Record<string, number>) {
	const { blocks, fields, wordOrder } = onWire(profile);
	return blocks.map(({ functionCode, start, count }) => {
		const words = new Array<number>(count).fill(0);
		for (const [name, field] of Object.entries(fields)) {
			const at = field.address - start;
			if (field.functionCode !== functionCode || at < 0 || at >= count) continue;
			const raw = (values[name] ?? 0) * unitDivisors[field.unit] * (field.divisor ?? 1);
			const whole = field.type.startsWith("float") ? raw : BigInt(Math.round(raw));
			words.splice(at, registerTypes[field.type], ...encode(whole, field.type, wordOrder));
		}
		return { functionCode, start, words };
	});
}

describe("a poll of a meter", () => {
	const values = {
		powerKw: 42.1,
		energyKwh: 123456.75,
		powerFactor: 0.94,
		reactivePowerKvar: 12.5,
		voltageV: 229.5,
		currentA: 63.25,
		frequencyHz: 60.02,
	};
	for (const profile of meterProfiles()) {
		it(`of ${profile.name} gives its values in our units`, () => {
			const poll = new MeterPoll(profile);
			const done = meter(profile, values).flatMap((run, i) => poll.add(run, 1000 + i));
			assert.equal(done.length, 1);
			assert.equal(poll.pending, false);
			for (const name of Object.keys(profile.fields)) {
				const expected = values[name as keyof typeof values];
				const found = done[0]?.[name as keyof typeof values] ?? Number.NaN;
				assert.ok(Math.abs(found - expected) <= expected * 1e-6, `${name} ${found}`);
			}
			assert.equal(done[0]?.timeMs, 1000 + profile.blocks.length - 1);
		});
	}

	const iem = meterProfile("schneider-iem3000");
	const [power, energy] = meter(iem, values) as [ReturnType<typeof meter>[0], ReturnType<typeof meter>[0]];

	it("whose second block is missed gives what came, and nothing of the poll before", () => {
		const poll = new MeterPoll(iem);
		assert.equal([...poll.add(power, 0), ...poll.add(energy, 10)].length, 1);
		assert.deepEqual(poll.add(power, 1000), []);
		const [partial] = poll.add(power, 2000);
		assert.equal(partial?.powerKw, 42.1);
		assert.equal(partial?.timeMs, 1000);
		assert.ok(!("energyKwh" in (partial ?? {})));
		assert.equal(poll.flush()[0]?.timeMs, 2000);
		assert.deepEqual(poll.flush(), []);
	});

	it("that failed is forgotten", () => {
		const poll = new MeterPoll(iem);
		poll.add(power, 0);
		poll.drop();
		const [next] = [...poll.add(energy, 1000), ...poll.flush()];
		assert.deepEqual(next, { energyKwh: 123456.75, timeMs: 1000 });
	});

	it("may be read in other blocks than the profile's", () => {
		const poll = new MeterPoll(iem);
		const all = power.words.slice(0x0bf3 - 0x0bb7, 0x0bf3 - 0x0bb7 + 2);
		poll.add({ functionCode: 3, start: 0x0bf3, words: all }, 5);
		assert.deepEqual(poll.flush(), [{ powerKw: 42.1, timeMs: 5 }]);
	});

	it("of registers the profile does not know is refused, naming those to read", () => {
		assert.throws(() => new MeterPoll(iem).add({ functionCode: 4, start: 0x0bf3, words: [0, 0] }, 0), {
			code: "telemetry.no-field-in-block",
		});
	});

	it("of fillers only gives no reading", () => {
		const poll = new MeterPoll(meterProfile("eastron-sdm630"));
		assert.deepEqual(poll.add({ functionCode: 4, start: 0, words: new Array(74).fill(0xffff) }, 0), []);
	});

	it("travels on with the time it arrived", () => {
		assert.deepEqual(meterReading("demo", "m", { powerKw: 1, timeMs: 0 }), {
			site: "demo",
			machine: "m",
			time: "1970-01-01T00:00:00.000Z",
			powerKw: 1,
		});
	});
});

describe("registers in a message", () => {
	const input = { payload: { fc: 3, address: "100", quantity: 2 } };
	it("are words in the payload, placed by what was asked", () =>
		assert.deepEqual(registersOf({ payload: [1, 2], input }, undefined), {
			functionCode: 3,
			start: 100,
			words: [1, 2],
		}));
	it("are bytes in the payload or in the response", () => {
		const buffer = Buffer.from([0, 1, 0, 2]);
		assert.deepEqual(registersOf({ payload: buffer, input }, undefined).words, [1, 2]);
		assert.deepEqual(registersOf({ payload: "", responseBuffer: { buffer }, input }, undefined).words, [1, 2]);
	});
	it("are placed by the only block where the message does not say", () =>
		assert.equal(registersOf({ payload: [1] }, { functionCode: 4, start: 7, count: 1 }).start, 7));
	it("are refused where they are none, or lie nowhere", () => {
		assert.throws(() => registersOf({ payload: [true], input }, undefined), { code: "telemetry.no-registers" });
		assert.throws(() => registersOf({ payload: [1] }, undefined), { code: "telemetry.no-address" });
	});
});
