import assert from "node:assert/strict";
import type { Broker, BrokerOptions } from "../../../lib/broker/broker.ts";
import { keepBroker } from "../../../lib/broker/keep.ts";
import { EnergyError } from "../../../lib/errors.ts";
import { until } from "../../flows/system.ts";

const credentials = { username: "plant", password: "secret-for-tests" };

describe("a broker that is kept running", () => {
	/** Brokers as they are started; those with a number in `refused` do not start. */
	function yard(refused: readonly number[] = []) {
		const started: BrokerOptions[] = [];
		const closed: number[] = [];
		const start = async (options: BrokerOptions): Promise<Broker> => {
			const number = started.push(options);
			if (refused.includes(number)) throw new EnergyError("broker.port-in-use", { number });
			return {
				...{ port: 1883, url: "mqtt://127.0.0.1:1883", tlsPort: undefined },
				stats: () => Promise.reject(new Error("nobody asks")),
				close: async () => {
					closed.push(number);
				},
			};
		};
		return { started, closed, start };
	}
	const died = () => new EnergyError("broker.failed", { reason: "out of memory" });

	it("is started again each time its thread ends, and until that works", async () => {
		const { started, closed, start } = yard([2, 3]);
		const told: string[] = [];
		const onFailure = ({ code }: EnergyError): void => void told.push(code);
		const kept = await keepBroker({ ...credentials, onFailure }, { start, pauseMs: 1 });
		started[0]?.onFailure?.(died());
		await until(
			() => started.length === 4,
			() => `${started.length} started`,
		);
		await kept.close();
		assert.deepEqual(told, ["broker.failed", "broker.port-in-use", "broker.port-in-use"]);
		assert.deepEqual(closed, [4]);
	});

	it("is not started again once it is closed, and says at once that it does not start at all", async () => {
		const { started, start } = yard([2]);
		const kept = await keepBroker(credentials, { start, pauseMs: 1 });
		await kept.close();
		started[0]?.onFailure?.(died());
		await assert.rejects(keepBroker(credentials, { start, pauseMs: 1 }), { code: "broker.port-in-use" });
		assert.equal(started.length, 2);
	});
});
