import type { components } from "./schema.d.ts";

type Live = components["schemas"];
/** Any message of the feed; `type` tells which. Described in `flows/asyncapi.yaml`. */
export type LiveMessage =
	| Live["Snapshot"]
	| Live["LiveDelta"]
	| Live["LiveEvent"]
	| Live["LiveResumed"]
	| Live["LiveHeartbeat"]
	| Live["LiveProblem"];

export interface WatchOptions {
	/** `readings`, or names of events such as `alarm`. Default: all. */
	topics?: readonly string[];
	/** Default: all. */
	machines?: readonly string[];
	/** Ends the feed. */
	signal?: AbortSignal;
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;
/** The server beats every 15 seconds: after so long a silence the line is dead, whatever the socket says. */
const SILENCE_MS = 45_000;

/** Messages of the live feed as they come. A broken line is taken up again where it broke; only `signal` ends it. */
export async function* watch(
	baseUrl: string,
	token: (fresh: boolean) => Promise<string | undefined>,
	{ topics = [], machines = [], signal }: WatchOptions,
): AsyncGenerator<LiveMessage, void, undefined> {
	const address = new URL("/ws", baseUrl.replace(/^http/, "ws"));
	if (topics.length > 0) address.searchParams.set("topics", topics.join(","));
	if (machines.length > 0) address.searchParams.set("machines", machines.join(","));
	let stream = "";
	let refused = false;
	let pauseMs = FIRST_PAUSE_MS;
	while (!signal?.aborted) {
		const bearer = await token(refused).catch(unlessUnreachable);
		// A socket does not say why it was refused: it may have been the token.
		refused = true;
		for await (const message of connection(address, bearer, signal)) {
			refused = false;
			pauseMs = FIRST_PAUSE_MS;
			if ("stream" in message) stream = message.stream;
			if ("seq" in message) address.searchParams.set("resume", `${stream}:${message.seq}`);
			yield message;
		}
		await pause(pauseMs, signal);
		pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
	}
}

/** The messages of one connection, until it ends for whatever reason. */
async function* connection(
	address: URL,
	token: string | undefined,
	signal: AbortSignal | undefined,
): AsyncGenerator<LiveMessage, void, undefined> {
	// Browsers come with their session cookie and take no headers here; Node.js does.
	const headers = { headers: { authorization: `Bearer ${token}` } } as unknown as string[];
	const socket = new WebSocket(address, ...(token && !("document" in globalThis) ? [headers] : []));
	const arrived: LiveMessage[] = [];
	let ended = false;
	let wake = (): void => {};
	const end = (): void => {
		ended = true;
		wake();
	};
	let watchdog = setTimeout(end, SILENCE_MS);
	socket.addEventListener("message", ({ data }) => {
		clearTimeout(watchdog);
		watchdog = setTimeout(end, SILENCE_MS);
		arrived.push(JSON.parse(String(data)) as LiveMessage);
		wake();
	});
	socket.addEventListener("close", end);
	socket.addEventListener("error", end);
	signal?.addEventListener("abort", end);
	try {
		while (!ended || arrived.length > 0) {
			const message = arrived.shift();
			if (message) yield message;
			else {
				await new Promise<void>((resolve) => {
					wake = resolve;
				});
			}
			if (signal?.aborted) return;
		}
	} finally {
		clearTimeout(watchdog);
		signal?.removeEventListener("abort", end);
		socket.close();
	}
}

/** A server that cannot be reached now may be back soon; a wrong password will not get better. */
function unlessUnreachable(error: unknown): undefined {
	if (!(error instanceof TypeError)) throw error;
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
	return new Promise((resolve) => {
		const done = (): void => {
			clearTimeout(timer);
			signal?.removeEventListener("abort", done);
			resolve();
		};
		const timer = setTimeout(done, ms);
		signal?.addEventListener("abort", done);
		if (signal?.aborted) done();
	});
}
