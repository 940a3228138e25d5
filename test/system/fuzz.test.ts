import assert from "node:assert/strict";
import fc from "fast-check";
import { password, type System, startSystem, until } from "../flows/system.ts";
import { type FuzzRequest, type Operation, operations, requestsOf } from "../support/contract-fuzz.ts";

const total = Number(process.env.FUZZ_REQUESTS ?? 20_000);
const seed = Number(process.env.FUZZ_SEED ?? 20_261_122);
/** Work of seconds for a plant's computer: a few of each show as much as hundreds. */
const heavy = /train|import|optimi|report|recommend|predict/i;
const heavyRuns = 60;
/** What ends or locks out the caller comes last. */
const isLast = ({ path }: Operation): boolean => path.includes("/auth/");

describe("the API under requests nobody meant", function () {
	this.timeout(900_000);
	let system: System;
	let token: string;
	let sent = 0;
	const known: Record<string, readonly string[]> = {
		machine: ["furnace-1", "compressor-1", "furnace-1,mill-1"],
		site: ["demo"],
		name: ["kim", "lee"],
	};

	before(async () => {
		const most = "1000000";
		const env = { SMARTFACTORY_LIMITS_API_PER_MINUTE: most, SMARTFACTORY_LIMITS_ADDRESS_PER_MINUTE: most };
		system = await startSystem({ env: { ...env, SMARTFACTORY_LIMITS_WORK_PER_MINUTE: most } });
		token = await system.token();
		for (const [path, name, field] of [
			["alarms", "id", "id"],
			["models", "model_id", "id"],
		] as const) {
			const answer = await ask({ path: `/api/v1/${path}`, headers: {}, body: undefined }, "GET");
			const { items = [] } = (await answer.json()) as { items?: Record<string, string>[] };
			known[name] = items.map((item) => String(item[field])).slice(0, 10);
		}
	});
	after(() => system?.stop("SIGKILL"));

	function ask({ path, headers, body }: FuzzRequest, method: string): Promise<Response> {
		sent++;
		return fetch(`${system.base}${path}`, {
			method,
			headers: { ...headers, authorization: `Bearer ${token}` },
			...(body === undefined ? {} : { body }),
			redirect: "manual",
			signal: AbortSignal.timeout(60_000),
		});
	}

	/** What of an answer is not as promised. */
	async function wrongIn(operation: Operation, request: FuzzRequest): Promise<string | undefined> {
		const answer = await ask(request, operation.method).catch((error: Error) => error);
		if (answer instanceof Error) return `no answer: ${answer.message}`;
		const text = await answer.text();
		const { status } = answer;
		if (process.env.FUZZ_SHOW) console.log(`@@ ${status} ${operation.method} ${operation.path}`);
		if (status >= 500) return `${status} ${text}`;
		if (!operation.statuses.has(String(status)) && !operation.statuses.has("default")) return `undocumented ${status}`;
		if (status < 400) return undefined;
		const type = answer.headers.get("content-type") ?? "";
		// A batch of readings that were all turned away says of each why.
		if (status === 422 && type.startsWith("application/json")) return undefined;
		if (!type.startsWith("application/problem+json")) return `${status} as ${type}: ${text.slice(0, 200)}`;
		const problem = JSON.parse(text) as Record<string, unknown>;
		const whole = problem.status === status && typeof problem.detail === "string" && problem.detail !== "";
		return whole ? undefined : `no whole problem: ${text}`;
	}

	const light = operations.filter(({ id, path }) => !heavy.test(`${id} ${path}`)).length;
	const runs = Math.ceil((total - (operations.length - light) * heavyRuns) / light);
	for (const operation of operations.toSorted((one, other) => Number(isLast(one)) - Number(isLast(other)))) {
		const times = heavy.test(`${operation.id} ${operation.path}`) ? heavyRuns : runs;
		it(`answers ${operation.method} ${operation.path} as promised, whatever comes`, async () => {
			if (isLast(operation)) token = await system.token().catch(() => token);
			const batch = fc.array(requestsOf(operation, known), { minLength: 8, maxLength: 8 });
			await fc.assert(
				fc.asyncProperty(batch, async (requests) => {
					const wrongs = await Promise.all(requests.map((request) => wrongIn(operation, request)));
					const at = wrongs.findIndex(Boolean);
					if (at >= 0) assert.fail(`${operation.method} ${JSON.stringify(requests[at])}\n→ ${wrongs[at]}`);
				}),
				{ numRuns: Math.ceil(times / 8), seed, endOnFailure: true },
			);
		});
	}

	it("is alive and well after all of it", async () => {
		assert(sent >= Math.min(total, 20_000), `${sent} requests`);
		const health = async (): Promise<number> => (await fetch(`${system.base}/health`)).status;
		await until(
			async () => (await health()) === 200,
			() => "the system is not well",
			90_000,
		);
		assert.doesNotMatch(system.output(), /uncaught|unhandled|TypeError|RangeError/i);
		assert(!system.output().includes(password));
	});
});

describe("the API's limits under requests nobody meant", function () {
	this.timeout(400_000);
	let system: System;
	before(async () => {
		system = await startSystem({ env: { SMARTFACTORY_LIMITS_API_PER_MINUTE: "200" } });
	});
	after(() => system?.stop("SIGKILL"));

	it("turns away what is too much, says until when, and breaks nothing", async () => {
		const headers = { authorization: `Bearer ${await system.token()}` };
		const requests = operations
			.filter((operation) => !isLast(operation))
			.flatMap((operation) =>
				fc.sample(requestsOf(operation, {}), { numRuns: 16, seed }).map((request) => ({ operation, request })),
			);
		const seen = new Map<number, number>();
		const began = performance.now();
		for (let at = 0; at < requests.length; at += 16) {
			const wave = requests.slice(at, at + 16).map(async ({ operation, request }) => {
				const answer = await fetch(`${system.base}${request.path}`, {
					method: operation.method,
					headers: { ...request.headers, ...headers },
					...(request.body === undefined ? {} : { body: request.body }),
					signal: AbortSignal.timeout(60_000),
				});
				assert(answer.status < 500, `${operation.method} ${request.path} → ${answer.status} ${await answer.text()}`);
				if (answer.status === 429) assert.match(answer.headers.get("retry-after") ?? "", /^[1-9]\d*$/);
				await answer.arrayBuffer().catch(() => undefined);
				seen.set(answer.status, (seen.get(answer.status) ?? 0) + 1);
			});
			await Promise.all(wave);
		}
		// The signing in counts, too; however long a loaded machine takes for it, a window lets no more through.
		const windows = 1 + Math.ceil((performance.now() - began) / 60_000);
		const refused = seen.get(429) ?? 0;
		assert(refused > 0 && requests.length - refused <= 200 * windows, `${windows} min: ${JSON.stringify([...seen])}`);
	});
});
