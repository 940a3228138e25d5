import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { type NodeRed, password, startNodeRed } from "./node-red.ts";

interface Case {
	name: string;
	expected: Record<string, unknown>;
	[field: string]: unknown;
}

const tab = (name: string): object[] => {
	const url = new URL(`../../flows/tabs/${name}.json`, import.meta.url);
	return existsSync(url) ? (JSON.parse(readFileSync(url, "utf8")) as object[]) : [];
};

// Answers are held against the contract too, so each 200 here is one that flows/openapi.yaml describes.
describe("the API of the shipped flows", function () {
	this.timeout(120_000);
	let red: NodeRed;
	let headers: Record<string, string>;
	before(async () => {
		const lock =
			"...access.settingsFor(access.createAccess({ home: __dirname, validateResponses: true, auditStore: 'sqlite://' + __dirname + '/audit.db' }))";
		red = await startNodeRed("node-red", lock, [
			...tab("site"),
			...tab("api"),
			...tab("live"),
			...tab("demand"),
			...tab("alarms"),
			...tab("cost"),
		]);
		const answer = await fetch(`${red.base}/api/v1/auth/login`, {
			method: "POST",
			headers: { "content-type": "application/json" },
			body: JSON.stringify({ username: "admin", password }),
		});
		const { accessToken } = (await answer.json()) as { accessToken: string };
		headers = { authorization: `Bearer ${accessToken}`, "content-type": "application/json" };
	});
	after(() => red?.stop());

	const post = async (path: string, body: unknown) => {
		const answer = await fetch(`${red.base}/api/v1/${path}`, { method: "POST", headers, body: JSON.stringify(body) });
		return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
	};
	const get = async (path: string) => {
		const answer = await fetch(red.base + path, { headers });
		return { status: answer.status, type: answer.headers.get("content-type") ?? "", text: await answer.text() };
	};
	const items = async (path: string) => {
		const { status, text } = await get(path);
		assert.equal(status, 200, text);
		return (JSON.parse(text) as { items: Record<string, unknown>[] }).items;
	};
	const quarterMs = 900_000;
	// The hour before this one: of one day and one month of the site, whenever this runs.
	const startMs = (Math.floor(Date.now() / (4 * quarterMs)) - 1) * 4 * quarterMs;
	const at = (minutes: number) => new Date(startMs + minutes * 60_000).toISOString();
	const range = `from=${at(0)}&to=${at(60)}&machine=cnc-1`;
	const readings = Array.from({ length: 31 }, (_, minute) => ({ machine: "cnc-1", time: at(minute), powerKw: 30 }));

	it("stores what is sent, once, however often it is sent", async () => {
		assert.deepEqual(await post("data/sensors", readings), {
			status: 200,
			body: { accepted: 31, inserted: 31, duplicates: 0, replaced: 0, rejected: [] },
		});
		const again = await post("data/sensors", readings);
		assert.equal(again.status, 200, JSON.stringify(again.body));
		assert.equal(again.body.inserted, 0);
	});

	it("takes the good ones of a batch and says what is wrong with the others, in the caller's language", async () => {
		const batch = [
			{ machine: "cnc-1", time: at(31), powerKw: 31 },
			{ machine: "cnc-1", time: at(32), powerKw: "much" },
		];
		const { status, body } = await post("data/sensors", batch);
		assert.equal(status, 207, JSON.stringify(body));
		assert.equal(body.accepted, 1);
		const [rejected] = body.rejected as { index: number; field: string; reason: string }[];
		assert.deepEqual([rejected?.index, rejected?.field, rejected?.reason], [1, "powerKw", "Bad_Malformed"]);
		const none = await post("data/sensors", { machine: "cnc-1", time: "yesterday", powerKw: 1 });
		assert.equal(none.status, 422);
		// The caller knows already; what is kept for others may come a moment later.
		let kept = await items("/api/v1/data/quarantine?machine=cnc-1");
		while (kept.length < 2) kept = await items("/api/v1/data/quarantine?machine=cnc-1");
		assert.equal(kept.length, 2);
		assert.match(String(kept[0]?.source), /POST \/api\/v1\/data\/sensors/);
	});

	it("reads back readings, quarter-hours, a chart, and CSV", async () => {
		const raw = await items(`/api/v1/data/sensors?resolution=raw&${range}&limit=2&order=desc`);
		assert.deepEqual(
			raw.map(({ time, powerKw }) => [time, powerKw]),
			[
				[at(31), 31],
				[at(30), 30],
			],
		);
		const [quarter] = await items(`/api/v1/data/sensors?${range}`);
		assert.equal(quarter?.start, at(0));
		assert.equal(quarter?.meanKw, 30);
		const [line] = await items(`/api/v1/data/sensors?${range}&maxPoints=10`);
		assert.equal(line?.machine, "cnc-1");
		assert(line);
		assert((line.times as string[]).length <= 10);
		const csv = await get(`/api/v1/data/sensors?resolution=raw&${range}&format=csv`);
		assert.match(csv.type, /^text\/csv/);
		assert.match(csv.text, /^site,machine,.*time\r\n/);
	});

	it("pages through a long list without losing or repeating one", async () => {
		const seen: unknown[] = [];
		let cursor = "";
		do {
			const { text } = await get(`/api/v1/data/sensors?resolution=raw&${range}&limit=7${cursor}`);
			const page = JSON.parse(text) as { items: { time: string }[]; nextCursor?: string };
			seen.push(...page.items.map(({ time }) => time));
			cursor = page.nextCursor ? `&cursor=${encodeURIComponent(page.nextCursor)}` : "";
		} while (cursor);
		assert.deepEqual(
			seen,
			Array.from({ length: 32 }, (_, minute) => at(minute)),
		);
	});

	it("judges without storing", async () => {
		const { status, body } = await post("data/validate", [
			{ machine: "mill-1", time: at(0), powerKw: 100 },
			{ machine: "mill-1", time: at(1), powerKw: 1e9 },
		]);
		assert.equal(status, 200, JSON.stringify(body));
		assert.deepEqual([body.received, body.accepted, body.rejected], [2, 1, 1]);
		assert.deepEqual(await items(`/api/v1/data/sensors?resolution=raw&machine=mill-1&from=${at(0)}&to=${at(60)}`), []);
	});

	it("names what is wrong with a question", async () => {
		for (const query of ["from=yesterday-at-noon", "site=elsewhere", `from=${at(60)}&to=${at(0)}`]) {
			const { status, text } = await get(`/api/v1/data/sensors?${query}`);
			assert.equal(status, 422, text);
			assert.match(text, /store\.bad-query/);
		}
	});

	it("shows the plant as it is now", async function () {
		if (tab("live").length === 0) this.skip();
		const { status, text } = await get("/api/v1/monitoring/realtime");
		assert.equal(status, 200, text);
		assert.equal((JSON.parse(text) as { type: string }).type, "snapshot");
	});

	describe("of cost", () => {
		const cases = JSON.parse(readFileSync(new URL("../lib/tariff/bills.json", import.meta.url), "utf8")) as Case[];
		const cost = async ({ expected, ...input }: Case) => ({
			expected,
			answer: await post("tou/calculate-cost", input),
		});

		it("answers the worked cases to the won", async () => {
			const general = { tariff: "kepco/general-b/high-a/I", version: "2026-06-01", contractKw: 500 };
			const load = { uniformKw: 400 };
			const july = await post("tou/calculate-cost", { ...general, month: "2023-07", load });
			assert.equal(july.status, 200, JSON.stringify(july.body));
			assert.deepEqual(july.body.energyKwh, { offPeak: 152_000, midPeak: 95_200, onPeak: 50_400 });
			assert.deepEqual([july.body.energyKrw, july.body.demandKrw], [39_457_360, 2_888_000]);
			const december = await post("tou/calculate-cost", { ...general, month: "2023-12", load });
			assert.deepEqual(december.body.energyKwh, { offPeak: 157_600, midPeak: 92_000, onPeak: 48_000 });
			assert.equal(december.body.energyKrw, 38_914_480);
			const peaks = [112, 300, 102, 120, 132, 113, 87, 68, 80, 90, 113, 118];
			const months = peaks.map((_, i) => `${i < 4 ? 2025 : 2026}-${String(((i + 8) % 12) + 1).padStart(2, "0")}`);
			const previousPeaksKw = Object.fromEntries(months.map((month, i) => [month, peaks[i]]));
			const industrial = { tariff: "kepco/industrial-b/high-a/II", contractKw: 300, previousPeaksKw };
			for (const [month, billed] of [
				["2025-10", 300],
				["2025-11", 112],
				["2026-08", 132],
			] as const) {
				const own = { uniformKw: previousPeaksKw[month] };
				assert.equal(
					(await post("tou/calculate-cost", { ...industrial, month, load: own })).body.billingDemandKw,
					billed,
				);
			}
		});

		it("answers every case of the regression suite to the won", async () => {
			for (const each of cases) {
				const { expected, answer } = await cost(each);
				if (expected.error) {
					assert.equal(answer.body.title, expected.error, each.name);
					continue;
				}
				assert.equal(answer.status, 200, `${each.name}: ${JSON.stringify(answer.body)}`);
				for (const [field, value] of Object.entries(expected).filter(([name]) => name.endsWith("Krw"))) {
					assert.equal(answer.body[field], value, `${each.name}: ${field}`);
				}
			}
		});

		it("names everything that is wrong with a load at once, and knows which tariffs look alike", async () => {
			const wrong = await post("tou/calculate-cost", { tariff: "kepco/x", month: "soon", contractKw: -1, load: {} });
			assert.equal(wrong.status, 422);
			assert.equal(wrong.body.title, "tariff.input");
			const { problems } = wrong.body.details as { problems: { path: string }[] };
			assert.deepEqual(problems.map(({ path }) => path).toSorted(), ["contractKw", "load", "month"]);
			const fine = { month: "2026-10", contractKw: 500, load: { uniformKw: 1 } };
			const unknown = await post("tou/calculate-cost", { ...fine, tariff: "kepco/industrial-b/high-a/IV" });
			assert.equal(unknown.status, 404);
			assert.match(String(unknown.body.detail), /kepco\/industrial-b\/high-a\/I/);
		});

		it("shows the site's tariff, the price now and the day ahead, and other tariffs", async () => {
			const { status, text } = await get("/api/v1/tou/rates");
			assert.equal(status, 200, text);
			const rates = JSON.parse(text) as {
				tariff: { id: string };
				horizon: { from: string; to: string }[];
				tariffs: { id: string }[];
			};
			assert.equal(rates.tariff.id, "kepco/industrial-b/high-a/II");
			for (const [i, { from }] of rates.horizon.entries()) if (i > 0) assert.equal(from, rates.horizon[i - 1]?.to);
			assert(rates.tariffs.length >= 10);
			assert.equal((await get("/api/v1/tou/rates?tariff=kepco/none")).status, 404);
			assert.equal((await get("/api/v1/tou/rates?from=yesterday")).status, 422);
		});

		it("bills the month of what is stored, and names what it begins with", async () => {
			const main = Array.from({ length: 31 }, (_, minute) => ({
				machine: "main-meter",
				time: at(minute),
				powerKw: 600,
			}));
			assert.equal((await post("data/sensors", main)).status, 200);
			const month = new Date(startMs + 9 * 3_600_000).toISOString().slice(0, 7);
			const { status, text } = await get(`/api/v1/reports/bill?month=${month}`);
			assert.equal(status, 200, text);
			const bill = JSON.parse(text) as { month: string; contractKw: number; energyKwh: number; totalKrw: number };
			assert.deepEqual([bill.month, bill.contractKw], [month, 1200]);
			assert(Math.abs(bill.energyKwh - 300) < 15, `${bill.energyKwh} kWh`);
			assert(bill.totalKrw > 0);
			assert.equal((await get("/api/v1/reports/bill?month=2019-01")).status, 404);
			assert.equal((await get("/api/v1/reports/bill?month=2199-01")).status, 422);
		});

		it("tells emissions, and that recommendations need a finished month", async () => {
			const { status, text } = await get(`/api/v1/carbon?from=${at(0)}&to=${at(60)}&resolution=15min`);
			assert.equal(status, 200, text);
			const carbon = JSON.parse(text) as { energyKwh: number; kgCo2e: number; factors: { kgCo2ePerKwh: number }[] };
			assert(Math.abs(carbon.kgCo2e - carbon.energyKwh * (carbon.factors[0]?.kgCo2ePerKwh ?? 0)) < 1e-6);
			const advice = await get("/api/v1/tou/optimization-recommendations");
			assert.equal(advice.status, 404, advice.text);
			assert.match(advice.text, /tariff\.too-little-data/);
		});
	});

	it("tells strangers whether it works, and the reasons to those who are signed in", async () => {
		const stranger = (await (await fetch(`${red.base}/health`)).json()) as { parts: Record<string, object> };
		assert.deepEqual(Object.keys(stranger), ["status", "parts"]);
		assert.deepEqual(stranger.parts.store, { status: "ok" });
		assert.deepEqual(stranger.parts.ingest, { status: "degraded" });
		const known = JSON.parse((await get("/health")).text) as { uptimeS: number; parts: { ingest: { detail: string } } };
		assert(known.uptimeS >= 0);
		assert.match(known.parts.ingest.detail, /^last reading \d+ s ago$/);
		for (const path of ["/health/live", "/health/ready"])
			assert.equal((await fetch(red.base + path)).status, 200, path);
		assert.equal((await fetch(`${red.base}/health/store`)).status, 401);
		const part = JSON.parse((await get("/health/store")).text) as { status: string };
		assert.equal(part.status, "ok");
		assert.equal((await get("/health/moon")).status, 400);
	});

	it("shows everything at a glance, and names what it does not know", async () => {
		const { status, text } = await get("/api/v1/monitoring/dashboard");
		assert.equal(status, 200, text);
		const all = JSON.parse(text) as Record<string, unknown> & { missing: string[]; problems: object };
		assert.deepEqual([all.missing, all.problems], [["forecast", "schedule", "models"], {}]);
		assert.equal((all.realtime as { type: string }).type, "snapshot");
		assert.equal(typeof (all.price as { now: { priceKrwPerKwh: number } }).now.priceKrwPerKwh, "number");
		const some = JSON.parse((await get("/api/v1/monitoring/dashboard?fields=time,alarms")).text) as object;
		assert.deepEqual(Object.keys(some), ["time", "alarms"]);
	});

	it("counts what it does, for people and for Prometheus", async () => {
		const { status, text } = await get("/api/v1/system/statistics");
		assert.equal(status, 200, text);
		const figures = JSON.parse(text) as {
			ingest: { stored: number };
			api: { routes: { operation: string; count: number; p99Ms: number }[] };
		};
		assert(figures.ingest.stored >= readings.length);
		const route = figures.api.routes.find(({ operation }) => operation === "postReadings");
		assert(route && route.count > 0 && route.p99Ms > 0, text);
		const metrics = await get("/metrics");
		assert.match(metrics.type, /^text\/plain;.*version=0\.0\.4/);
		const sample =
			/^smartfactory_http_requests_total\{method="POST",path="\/api\/v1\/data\/sensors",status="200"\} [1-9]/m;
		assert.match(metrics.text, sample);
		// Every line is a comment or a sample of a metric that was declared before.
		for (const line of metrics.text.trimEnd().split("\n")) {
			assert.match(
				line,
				/^(# (HELP|TYPE) [a-z_0-9]+ .+|[a-z_0-9]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? -?[\d.e+-]+)$/,
			);
		}
		assert.equal((await fetch(`${red.base}/metrics`)).status, 401);
	});

	describe("of files", () => {
		const rows = Array.from(
			{ length: 96 },
			(_, i) => `${new Date(Date.UTC(2024, 0, 5) + i * quarterMs).toISOString()},25`,
		);
		const file = ["time,kWh", ...rows, "yesterday,25"].join("\n");
		const send = async (query: string, body = file, type = "text/csv") => {
			const sent = { ...headers, "content-type": type };
			const answer = await fetch(`${red.base}/api/v1/data/import?${query}`, { method: "POST", headers: sent, body });
			return { answer, body: (await answer.json()) as Record<string, unknown> };
		};
		const ended = async (path: string) => {
			for (;;) {
				const job = JSON.parse((await get(path)).text) as { state: string; result: Record<string, unknown> };
				if (job.state !== "queued" && job.state !== "running") return job;
			}
		};

		it("imports one as a job, once however often it is sent", async () => {
			const dry = await send("machine=cnc-1&dryRun=true");
			assert.equal(dry.answer.status, 202, JSON.stringify(dry.body));
			const seen = await ended(dry.answer.headers.get("location") ?? "");
			assert.deepEqual([seen.state, seen.result.intervals, seen.result.written], ["done", 96, null]);
			for (const written of [
				{ inserted: 96, duplicates: 0, replaced: 0 },
				{ inserted: 0, duplicates: 96, replaced: 0 },
			]) {
				const { answer } = await send("machine=cnc-1");
				const job = await ended(answer.headers.get("location") ?? "");
				assert.deepEqual([job.state, job.result.written, job.result.rejectedRows], ["done", written, 1]);
			}
			const day = "machine=cnc-1&resolution=day&from=2024-01-04T15:00:00Z&to=2024-01-06T15:00:00Z";
			const days = await items(`/api/v1/data/sensors?${day}`);
			assert.equal(
				days.reduce((sum, { energyKwh }) => sum + Number(energyKwh), 0),
				2400,
			);
			const rejected = await items("/api/v1/data/quarantine?machine=cnc-1&reason=Bad_Malformed");
			assert.equal(rejected.filter(({ source }) => String(source).startsWith("upload ")).length, 1);
			const list = await items("/api/v1/jobs?type=import&state=done&limit=2");
			assert.equal(list.length, 2);
			const oldest = await get("/api/v1/jobs?sort=type,queuedAt&limit=1");
			const { items: first, nextCursor = "" } = JSON.parse(oldest.text) as {
				items: { id: string }[];
				nextCursor?: string;
			};
			assert.equal(first[0]?.id, dry.body.id);
			const other = await get(`/api/v1/jobs?sort=-queuedAt&limit=1&cursor=${encodeURIComponent(nextCursor)}`);
			assert.deepEqual([other.status, (JSON.parse(other.text) as { title: string }).title], [400, "api.cursor-unfit"]);
			assert.equal((await get("/api/v1/jobs?sort=price")).status, 400);
			const days15 = await items(
				"/api/v1/data/sensors?machine=cnc-1&from=2024-01-05T00:00:00Z&to=2024-01-05T01:00:00Z&sort=-time",
			);
			assert.deepEqual(
				days15.map(({ start }) => String(start).slice(14, 16)),
				["45", "30", "15", "00"],
			);
			const job = String(list[0]?.id);
			// A job is read as done a moment before that is in the audit.
			let kept = await items(`/api/v1/audit?target=${job}&order=asc`);
			while (kept.length < 2) kept = await items(`/api/v1/audit?target=${job}&order=asc`);
			const [begun, over] = kept as {
				who: string;
				before: object | null;
				after: { machine?: string; state: string };
			}[];
			assert.deepEqual([begun?.who, begun?.before, begun?.after.machine], ["admin", null, "cnc-1"]);
			assert.deepEqual([over?.who, over?.after.state], ["admin", "done"]);
		});

		it("says at once what is wrong with one, and takes no path of this machine", async () => {
			for (const [query, body, type, status, code] of [
				["machine=cnc-1", "a,b\nx,y\n", "text/csv", 422, /^telemetry\.import-/],
				["machine=cnc-1&map=energyKwh=none", file, "text/csv", 422, /^telemetry\.import-column/],
				["machine=cnc-1", "{}", "application/json", 415, /^(access\.media-type|telemetry\.import-no-file)$/],
				["machine=..%2F..%2Fetc", file, "text/csv", 400, /^access\.request-invalid/],
				["machine=cnc-1&file=/etc/passwd", file, "text/csv", 400, /^access\.request-invalid/],
			] as const) {
				const { answer, body: problem } = await send(query, body, type);
				assert.equal(answer.status, status, `${query}: ${JSON.stringify(problem)}`);
				assert.match(String(problem.title), code);
			}
			assert.equal((await get("/api/v1/jobs/import.demo.none")).status, 404);
			assert.equal((await get("/api/v1/jobs?cursor=none")).status, 400);
		});
	});

	it("tells the running quarter-hour, and what it costs", async () => {
		const { status, text } = await get("/api/v1/demand");
		assert.equal(status, 200, text);
		const demand = JSON.parse(text) as { site: string; advice: boolean; windowStart: string; text: { ko: string } };
		assert.deepEqual([demand.site, demand.advice, Date.parse(demand.windowStart) % quarterMs], ["demo", true, 0]);
		assert.ok(demand.text.ko.length > 0);
	});

	it("reports a day as figures and as a table, and says where nothing is stored", async () => {
		// Readings of the main meter, so that the site has energy on its day.
		const main = readings.map((reading) => ({ ...reading, machine: "main-meter", powerKw: 400 }));
		assert.equal((await post("data/sensors", main)).status, 200);
		const date = new Date(startMs + 9 * 3_600_000).toISOString().slice(0, 10);
		const figures = await get(`/api/v1/reports/energy?date=${date}`);
		assert.equal(figures.status, 200, figures.text);
		const report = JSON.parse(figures.text) as { kind: string; energy: { totalKwh: number } };
		assert.equal(report.kind, "day");
		assert.ok(report.energy.totalKwh > 50);
		const table = await get(`/api/v1/reports/energy?date=${date}&format=csv&table=machines`);
		assert.match(table.type, /^text\/csv/);
		assert.match(table.text, /cnc-1/);
		assert.equal((await get("/api/v1/reports/energy?date=2020-01-01")).status, 404);
		assert.equal((await get("/api/v1/reports/energy?date=yesterday")).status, 400);
	});

	it("lists alarms, their key figures and efficiencies, and names what is wrong with a command", async () => {
		const listed = await get("/api/v1/alarms?state=all&priority=high,low&limit=5");
		assert.deepEqual([listed.status, JSON.parse(listed.text)], [200, { items: [] }], listed.text);
		const kpi = await get("/api/v1/alarms/kpi");
		assert.equal(kpi.status, 200, kpi.text);
		assert.equal((JSON.parse(kpi.text) as { alarms: number }).alarms, 0);
		const efficiency = await get("/api/v1/efficiency");
		assert.equal(efficiency.status, 200, efficiency.text);
		assert.equal((await get("/api/v1/alarms?state=angry")).status, 422);
		assert.equal((await get("/api/v1/alarms/nobody/journal")).status, 404);
		for (const [act, body, status] of [
			["ack", {}, 404],
			["shelve", { minutes: 30, reason: "valve ordered" }, 404],
			["shelve", { minutes: -1 }, 400],
			["comment", {}, 400],
			["assign", { assignee: null }, 404],
			["suppress", { reason: "dryer under repair" }, 404],
			["unsuppress", {}, 404],
			["unshelve", { by: "somebody else" }, 400],
		] as const) {
			const answer = await post(`alarms/nobody/${act}`, body);
			assert.equal(answer.status, status, `${act}: ${JSON.stringify(answer.body)}`);
		}
	});

	// Last: from here on data flows, and the system is no longer degraded.
	it("shows live what was posted, as if a meter had sent it: demand control and the alarms hear of it, too", async () => {
		const time = new Date().toISOString();
		const { status } = await post("data/sensors", { machine: "cnc-1", time, powerKw: 12.34, state: "fault" });
		assert.equal(status, 200);
		// The answer comes from the store; the feed may be a moment behind it.
		let shown = "";
		while (!shown.includes("12.34")) shown = (await get("/api/v1/monitoring/realtime")).text;
		const nodes = tab("api") as { id: string; links?: string[] }[];
		const posted = nodes.find(({ id }) => id === "link-posted");
		assert.deepEqual(posted?.links, ["live-in", "demand-in", "alarms-in", "analyse-in"]);
	});
});
