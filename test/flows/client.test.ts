import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { createEnergyClient, EnergyApiError, type EnergyClient, must } from "../../dist/client/index.mjs";
import { password, type System, startSystem } from "./system.ts";

const has = (program: string): boolean => spawnSync(program, ["--version"]).status === 0;

describe("the TypeScript client of the package", function () {
	this.timeout(240_000);
	let system: System;
	let energy: EnergyClient;

	before(async () => {
		system = await startSystem();
		energy = createEnergyClient({ baseUrl: system.base, username: "admin", password });
	});
	after(() => system?.stop("SIGKILL"));

	it("signs in by itself and knows every path, its parameters and its answer", async () => {
		const now = await must(energy.GET("/api/v1/monitoring/realtime"));
		assert(now.machines.length > 0);
		const { items } = await must(
			energy.GET("/api/v1/data/sensors", {
				params: { query: { machine: "cnc-1", from: new Date(Date.now() - 3_600_000).toISOString() } },
			}),
		);
		assert(items.length > 0);
	});

	it("tells what the API refused, in the language that was asked for", async () => {
		const korean = createEnergyClient({ baseUrl: system.base, username: "admin", password, language: "ko" });
		const { error } = await korean.GET("/api/v1/data/sensors", { params: { query: { limit: -1 } } });
		assert.match(error?.detail ?? "", /[가-힣]/);
		await assert.rejects(
			must(energy.GET("/api/v1/data/sensors", { params: { query: { limit: -1 } } })),
			EnergyApiError,
		);
		const stranger = createEnergyClient({ baseUrl: system.base, username: "admin", password: "not this one" });
		await assert.rejects(must(stranger.GET("/api/v1/monitoring/realtime")), { status: 401 });
	});

	it("signs in again when its token is no longer good", async () => {
		const tokens: (string | null)[] = [];
		let spoilt = true;
		const client = createEnergyClient({
			...{ baseUrl: system.base, username: "admin", password },
			fetch: (request) => {
				if (!request.url.endsWith("/login")) {
					if (spoilt) request.headers.set("authorization", "Bearer expired");
					spoilt = false;
					tokens.push(request.headers.get("authorization"));
				}
				return fetch(request);
			},
		});
		await must(
			client.POST("/api/v1/data/sensors", { body: [{ machine: "cnc-1", time: new Date().toISOString(), powerKw: 1 }] }),
		);
		assert.equal(tokens.length, 2);
	});

	// What docs/api.md leads a stranger through, from nothing to a plan; both at once share their training.
	it("is not needed: the stories of the documentation lead as far with curl and with Python", async function () {
		const stories = [
			["story.py", "python3"],
			["story.sh", "bash", "curl", "jq"],
		].filter(([story, ...needs]) => {
			const missing = needs.filter((program) => !has(program));
			if (missing.length > 0) console.log(`      ${story} is left out: ${missing.join(", ")} is not installed`);
			return missing.length === 0;
		});
		if (stories.length === 0) this.skip();
		await Promise.all(stories.map(([story = "", program = ""]) => follow(program, story)));
	});

	async function follow(program: string, story: string): Promise<void> {
		const child = spawn(program, [`docs/api/${story}`, system.base], {
			env: { ...process.env, PASSWORD: password, PAUSE: "0.5", PATIENCE: "30" },
			timeout: 220_000,
		});
		let said = "";
		for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (said += text));
		const code = await new Promise((resolve) => child.once("close", resolve));
		assert.equal(code, 0, said);
		for (const heading of ["Sign in", "Send readings", "Train", "Predict", "plan", "Take the order back", "Follow"]) {
			assert.match(said, new RegExp(`^— .*${heading}.*\\n.+`, "m"), said);
		}
		assert.match(said, /plan-\d+/);
	}

	it("follows the live feed, and ends when asked", async () => {
		const ending = new AbortController();
		const kinds: string[] = [];
		for await (const message of energy.watch({ topics: ["readings"], machines: ["cnc-1"], signal: ending.signal })) {
			kinds.push(message.type);
			if (message.type === "delta") ending.abort();
		}
		assert.equal(kinds[0], "snapshot");
		assert.equal(kinds.at(-1), "delta");
	});
});
