import { type Broker, type BrokerOptions, startBroker } from "./broker.ts";

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;

/**
 * The embedded broker, started again where its thread ends although nobody closed it: without it no reading comes in,
 * and what it had acknowledged lies in the spool. The pause before doubles as long as it can't be started.
 *
 * @throws what `startBroker` throws, where it does not start at all
 */
export async function keepBroker(
	options: BrokerOptions,
	{ start = startBroker, pauseMs = FIRST_PAUSE_MS } = {},
): Promise<Pick<Broker, "close">> {
	let closed = false;
	let timer: NodeJS.Timeout | undefined;
	let pause = pauseMs;
	let current: Promise<Broker> | undefined;
	const begin = (): Promise<Broker> => {
		const starting = start({ ...options, onFailure });
		current = starting;
		return starting;
	};
	const again = (): void => {
		timer = setTimeout(() => {
			begin().then(
				() => {
					pause = pauseMs;
				},
				(error) => onFailure(error),
			);
		}, pause);
		pause = Math.min(LONGEST_PAUSE_MS, 2 * pause);
	};
	function onFailure(reason: Parameters<NonNullable<BrokerOptions["onFailure"]>>[0]): void {
		if (closed) return;
		options.onFailure?.(reason);
		again();
	}
	await begin();
	return {
		async close() {
			closed = true;
			clearTimeout(timer);
			await current?.then(
				(broker) => broker.close(),
				() => undefined,
			);
		},
	};
}
