import assert from "node:assert/strict";
import {
	brokerUrl,
	type ConfigProblem,
	environmentLayer,
	resolveConfig,
	unknownVariables,
} from "../../../lib/config/config.ts";
import { EnergyError } from "../../../lib/errors.ts";

function problemsOf(values: unknown): ConfigProblem[] {
	try {
		resolveConfig([{ origin: "config/x.yaml", values }]);
	} catch (error) {
		assert(error instanceof EnergyError);
		return error.details.problems as ConfigProblem[];
	}
	return [];
}

describe("configuration", () => {
	it("is complete without any file", () => {
		const config = resolveConfig([]);
		assert.equal(config.system.api_port, 8000);
		assert.equal(config.data.scaling_method, "standard");
	});

	it("lets a later layer win key by key", () => {
		const config = resolveConfig([
			{ origin: "file", values: { system: { api_port: 9000, log_level: "warn" } } },
			environmentLayer({ SMARTFACTORY_LOG_LEVEL: "debug" }, "environment"),
		]);
		assert.equal(config.system.api_port, 9000);
		assert.equal(config.system.log_level, "debug");
	});

	it("names file, key, value and what is allowed, all mistakes at once", () => {
		const problems = problemsOf({
			system: { api_port: "eight thousand", log_level: "loud" },
			power: { safety_margin: 1.5, peak_powr_limit: 3 },
			date: {},
		});
		assert.deepEqual(
			problems.map(({ origin, key, value }) => [origin, key, value]),
			[
				["config/x.yaml", "system.api_port", "eight thousand"],
				["config/x.yaml", "system.log_level", "loud"],
				["config/x.yaml", "power.safety_margin", 1.5],
				["config/x.yaml", "power.peak_powr_limit", 3],
				["config/x.yaml", "date", {}],
			],
		);
		assert.match(problems[0]?.allowed ?? "", /whole number, at least 1 and at most 65535/);
		assert.match(problems[1]?.allowed ?? "", /one of fatal, error, warn/);
		assert.match(problems[2]?.allowed ?? "", /at least 0 and below 1/);
		assert.match(problems[3]?.allowed ?? "", /peak_power_limit/);
	});

	it("reads any key from SMARTFACTORY_<KEY> or SMARTFACTORY_<SECTION>_<KEY> by the key's type", () => {
		const env = {
			SMARTFACTORY_BATCH_SIZE: "50",
			SMARTFACTORY_SYSTEM_SIMULATE: "false",
			SMARTFACTORY_DB_URL: "sqlite:///x.db",
		};
		const config = resolveConfig([environmentLayer(env, "environment")]);
		assert.equal(config.data.batch_size, 50);
		assert.equal(config.system.simulate, false);
		assert.equal(config.system.db_url, "sqlite:///x.db");
	});

	it("names variables that mean nothing, with what was probably meant", () => {
		const env = {
			PATH: "/bin",
			SMARTFACTORY_HOME: "/srv/energy",
			SMARTFACTORY_MQTT_PORT: "1884",
			SMARTFACTORY_PEAK_LIMIT: "900",
			SMARTFACTORY_SYSTEM_MQTPORT: "1884",
		};
		assert.deepEqual(unknownVariables(env), [
			{ name: "SMARTFACTORY_PEAK_LIMIT", nearest: "SMARTFACTORY_PEAK_POWER_LIMIT" },
			{ name: "SMARTFACTORY_SYSTEM_MQTPORT", nearest: "SMARTFACTORY_SYSTEM_MQTT_PORT" },
		]);
	});

	it("has no key in two sections, so that a variable means one", () => {
		const keys = Object.values(resolveConfig([])).flatMap((section) => Object.keys(section));
		assert.equal(new Set(keys).size, keys.length);
	});

	it("says that a variable does not read as a number", () => {
		assert.throws(
			() => resolveConfig([environmentLayer({ SMARTFACTORY_SYSTEM_API_PORT: "http" }, "environment")]),
			/environment: system.api_port = \\"http\\"/,
		);
	});

	it("joins host and port of a broker and leaves URLs alone", () => {
		const { system } = resolveConfig([]);
		assert.equal(brokerUrl(system), null);
		assert.equal(brokerUrl({ ...system, mqtt_broker: "plant.lan", mqtt_port: 1884 }), "mqtt://plant.lan:1884");
		assert.equal(brokerUrl({ ...system, mqtt_broker: "mqtts://plant.lan:8883" }), "mqtts://plant.lan:8883");
	});

	it("refuses a broker that no connection can be made to", () => {
		for (const broker of ["http://plant.lan", "plant.lan:1884", "mqtt://", ""])
			assert.equal(problemsOf({ system: { mqtt_broker: broker } })[0]?.key, "system.mqtt_broker", broker);
		for (const broker of ["embedded", "plant.lan", "mqtt://plant.lan", "wss://user:word@plant.lan:9001/mqtt"])
			assert.deepEqual(problemsOf({ system: { mqtt_broker: broker } }), [], broker);
	});
});
