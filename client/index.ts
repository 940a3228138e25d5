import createFetchClient, { type Client, type Middleware } from "openapi-fetch";
import type { components, paths } from "./schema.d.ts";
import { type LiveMessage, type WatchOptions, watch } from "./watch.ts";

export type { components, paths } from "./schema.d.ts";
export type { LiveMessage, WatchOptions } from "./watch.ts";

/** What the API says of a request it could not serve (RFC 9457). */
export type Problem = components["schemas"]["Problem"];

/** Answers are JSON; ask with an `Accept` of your own and `parseAs` for anything else. */
type Media = "application/json" | "application/problem+json";

export interface EnergyClientOptions {
	/** Where the system answers, e.g. `http://127.0.0.1:8000`. */
	baseUrl: string;
	/** Who asks: an access token or an API key … */
	token?: string;
	/** … or a user, who is signed in at the first request and again when the token has expired. */
	username?: string;
	password?: string;
	/** Language of problems, e.g. `ko`. Default: the system's. */
	language?: string;
	fetch?: (request: Request) => Promise<Response>;
}

/** A request that the API refused, for callers that prefer `throw` to `error`. */
export class EnergyApiError extends Error {
	readonly status: number;
	readonly problem: Problem;

	constructor(problem: Problem) {
		super(problem.detail);
		this.name = "EnergyApiError";
		this.status = problem.status;
		this.problem = problem;
	}
}

export interface EnergyClient extends Client<paths, Media> {
	/** The live feed, from a snapshot on; comes back by itself after a break and goes on where it was. */
	watch(options?: WatchOptions): AsyncGenerator<LiveMessage, void, undefined>;
}

/** The data of an answer. @throws EnergyApiError where the API refused */
export async function must<T>(answer: Promise<{ data?: T; error?: unknown }>): Promise<T> {
	const { data, error } = await answer;
	if (error !== undefined) throw new EnergyApiError(error as Problem);
	return data as T;
}

/**
 * A client of the whole API: paths, parameters and answers are those of `flows/openapi.yaml`.
 *
 *     const energy = createEnergyClient({ baseUrl: "http://127.0.0.1:8000", username: "admin", password });
 *     const { data, error } = await energy.GET("/api/v1/monitoring/realtime");
 *     for await (const message of energy.watch({ topics: ["alarm"] })) console.log(message);
 */
export function createEnergyClient(options: EnergyClientOptions): EnergyClient {
	const baseUrl = options.baseUrl.replace(/\/+$/, "");
	const signIn = signInOf(baseUrl, options);
	const client = createFetchClient<paths, Media>({
		baseUrl,
		...(options.fetch ? { fetch: options.fetch } : {}),
		querySerializer: { array: { style: "form", explode: false } },
	});
	const unread = new WeakMap<Request, Request>();
	const access: Middleware = {
		async onRequest({ request }) {
			if (options.language) request.headers.set("accept-language", options.language);
			const token = await signIn.token();
			if (token) request.headers.set("authorization", `Bearer ${token}`);
			if (signIn.renews) unread.set(request, request.clone());
			return request;
		},
		async onResponse({ request, response }) {
			const again = unread.get(request);
			if (response.status !== 401 || !again) return undefined;
			const token = await signIn.renew(request.headers.get("authorization")?.slice("Bearer ".length));
			again.headers.set("authorization", `Bearer ${token}`);
			return (options.fetch ?? fetch)(again);
		},
	};
	client.use(access);
	return Object.assign(client, { watch: (wish: WatchOptions = {}) => watch(baseUrl, signIn.token, wish) });
}

/** Holds the token of a user; requests that need one at the same time share one sign-in. */
function signInOf(baseUrl: string, { token, username, password, fetch: send = fetch }: EnergyClientOptions) {
	let current = token;
	let underWay: Promise<string> | undefined;
	const renews = token === undefined && username !== undefined;
	const ask = async (): Promise<string> => {
		const answer = await send(
			new Request(`${baseUrl}/api/v1/auth/login`, {
				method: "POST",
				headers: { "content-type": "application/json" },
				body: JSON.stringify({ username, password }),
			}),
		);
		if (!answer.ok) throw new EnergyApiError((await answer.json()) as Problem);
		current = ((await answer.json()) as components["schemas"]["SignedIn"]).accessToken;
		return current;
	};
	const renew = (expired: string | undefined): Promise<string> => {
		if (current !== undefined && current !== expired) return Promise.resolve(current);
		underWay ??= ask().finally(() => {
			underWay = undefined;
		});
		return underWay;
	};
	const wanting = (fresh: boolean): boolean => renews && (fresh || current === undefined);
	return { renews, renew, token: async (fresh = false) => (wanting(fresh) ? renew(current) : current) };
}
