import assert from "node:assert/strict";
import { request } from "node:http";
import { connect } from "node:net";
import WebSocket from "ws";
import { type NodeRed, password, startNodeRed } from "./node-red.ts";
import { until } from "./system.ts";

/** Doors that somebody's flow opens: API, page, WebSocket, dashboard; and one of our nodes behind an http-in. */
const flow = [
	{ id: "tab", type: "tab", label: "Doors" },
	...http("read", "get", "/api/v1/data/sensors", '{"items": []}'),
	...http("write", "post", "/api/v1/data/sensors", '{"accepted": $count(payload), "rejected": []}'),
	...http("health", "get", "/health", '{"status": "ok", "parts": {}}'),
	...http("own", "get", "/own-page", '{"own": true}'),
	{ id: "ours-in", type: "http in", z: "tab", url: "/ours", method: "get", wires: [["ours"]] },
	{
		id: "ours",
		type: "energy-store",
		z: "tab",
		configVersion: 1,
		site: "none",
		operation: "stats",
		wires: [["ours-out"]],
	},
	{ id: "ours-out", type: "http response", z: "tab", wires: [] },
	{ id: "listener", type: "websocket-listener", path: "/feed", wholemsg: "false" },
	{ id: "feed", type: "websocket in", z: "tab", server: "listener", wires: [[]] },
	{
		id: "ui",
		type: "ui-base",
		name: "Dashboard",
		path: "/dashboard",
		includeClientData: true,
		acceptsClientConfig: [],
		showPathInSidebar: false,
	},
	{ id: "theme", type: "ui-theme", name: "Theme", colors: {}, sizes: {} },
	{ id: "page", type: "ui-page", name: "Now", ui: "ui", path: "/now", layout: "grid", theme: "theme", order: 1 },
	{ id: "group", type: "ui-group", name: "Power", page: "page", width: 6, height: 1, order: 1 },
	{
		id: "text",
		type: "ui-text",
		z: "tab",
		group: "group",
		order: 1,
		label: "Power",
		format: "{{msg.payload}}",
		wires: [],
	},
	{
		id: "press",
		type: "ui-button",
		z: "tab",
		group: "group",
		order: 2,
		label: "Press",
		payload: "1",
		wires: [["note"]],
	},
	{
		id: "note",
		type: "change",
		z: "tab",
		rules: [{ t: "set", p: "pressed", pt: "flow", to: '$flowContext("pressed") & "x"', tot: "jsonata" }],
		wires: [],
	},
	...http("pressed", "get", "/pressed", '{"pressed": $flowContext("pressed")}'),
];

function http(id: string, method: string, url: string, answer: string): object[] {
	const rules = [{ t: "set", p: "payload", pt: "msg", to: answer, tot: "jsonata" }];
	return [
		{ id: `${id}-in`, type: "http in", z: "tab", url, method, wires: [[`${id}-answer`]] },
		{ id: `${id}-answer`, type: "change", z: "tab", rules, wires: [[`${id}-out`]] },
		{ id: `${id}-out`, type: "http response", z: "tab", wires: [] },
	];
}

/** The settings of a person who also lets a viewer in. */
const withViewer = `...(() => {
	const own = access.createAccess({ home: __dirname, auditStore: "sqlite://" + __dirname + "/audit.db" });
	own.users.add("viewer-lee", "viewer", ${JSON.stringify(password)}).catch(console.error);
	return access.settingsFor(own);
})()`;

async function signIn(base: string, session = false, username = "admin"): Promise<Response> {
	return await fetch(`${base}/api/v1/auth/login`, {
		method: "POST",
		headers: { "content-type": "application/json" },
		body: JSON.stringify({ username, password, session }),
	});
}

const cookieOf = (answer: Response): string => (answer.headers.getSetCookie()[0] ?? "").split(";")[0] ?? "";

/** The path as it is: fetch would tidy it first. */
function ask(base: string, path: string): Promise<{ status: number; type: string }> {
	return new Promise((resolve, reject) => {
		const sent = request(base, { path }, (answer) => {
			answer.resume();
			resolve({ status: answer.statusCode ?? 0, type: answer.headers["content-type"] ?? "" });
		});
		sent.once("error", reject).end();
	});
}

/** What the dashboard's namespace says to a client: "0…" is in, "4…" is refused. */
async function joinDashboard(base: string, headers: Record<string, string>): Promise<string> {
	const url = `${base}/dashboard/socket.io/?EIO=4&transport=polling`;
	const { sid } = JSON.parse((await (await fetch(url, { headers })).text()).slice(1)) as { sid: string };
	await fetch(`${url}&sid=${sid}`, { method: "POST", body: "40", headers });
	return (await (await fetch(`${url}&sid=${sid}`, { headers })).text()).slice(1);
}

/** Opens a WebSocket; its status where it was refused. */
function knock(base: string, path: string, headers: Record<string, string> = {}): Promise<WebSocket | number> {
	return new Promise((resolve, reject) => {
		const socket = new WebSocket(base.replace("http", "ws") + path, { headers });
		socket.once("unexpected-response", (_req, res) => resolve(res.statusCode ?? 0));
		socket.once("open", () => resolve(socket));
		socket.once("error", (error) => ("code" in error && error.code === "ECONNRESET" ? resolve(0) : reject(error)));
	});
}

for (const line of ["node-red", "node-red-4"]) {
	describe(`the doors of ${line}`, function () {
		this.timeout(120_000);
		let red: NodeRed;
		let bearer: Record<string, string>;
		let cookie: string;
		before(async () => {
			red = await startNodeRed(line, withViewer, flow);
			const { accessToken } = (await (await signIn(red.base)).json()) as { accessToken: string };
			bearer = { authorization: `Bearer ${accessToken}` };
			cookie = cookieOf(await signIn(red.base, true));
		});
		after(() => red?.stop());

		for (const path of [
			"/",
			"/dashboard",
			"/dashboard/now",
			"/dashboard/_setup",
			"/dashboard/manifest.webmanifest",
			"/editor/",
			"/editor/red/red.min.js",
			"/editor/vendor/vendor.js",
			"/editor/flows",
			"/editor/settings",
			"/editor/auth/login",
			"/api/v1/data/sensors",
			"/API/v1/data/sensors",
			"/api/v1/unknown",
			"/own-page",
			"/ours",
			"/health/",
			"/login/../own-page",
			"//own-page",
			"/%6fwn-page",
			"/login/login.css/../../own-page",
		]) {
			it(`keeps a stranger out of ${path}`, async () => {
				const { status, type } = await ask(red.base, path);
				assert.equal(status, 401);
				assert.match(type, /problem\+json/);
			});
		}

		it("leads a person to the sign-in page and back", async () => {
			const headers = { accept: "text/html,application/xhtml+xml" };
			for (const path of ["/dashboard/now?tab=2", "/editor/"]) {
				const answer = await fetch(red.base + path, { headers, redirect: "manual" });
				assert.equal(answer.status, 303);
				assert.equal(answer.headers.get("location"), `/login?next=${encodeURIComponent(path)}`);
			}
		});

		it("shows strangers the sign-in page and the health alone", async () => {
			for (const path of ["/login", "/login/login.css", "/login/login.js", "/favicon.ico", "/health"]) {
				assert.equal((await fetch(red.base + path)).status, 200, path);
			}
		});

		it("lets a program in with its token, a person with the cookie", async () => {
			for (const headers of [bearer, { cookie }]) {
				for (const path of ["/dashboard", "/api/v1/data/sensors", "/own-page"]) {
					assert.equal((await fetch(red.base + path, { headers })).status, 200, path);
				}
			}
		});

		it("opens the editor, its flows and its live channel with the cookie of the sign-in page", async () => {
			for (const path of ["/editor/", "/editor/red/red.min.js", "/editor/flows", "/editor/settings"]) {
				assert.equal((await fetch(red.base + path, { headers: { cookie } })).status, 200, path);
			}
			const socket = await knock(red.base, "/editor/comms", { cookie });
			assert(socket instanceof WebSocket);
			socket.send('{"subscribe":"notification/#"}');
			await new Promise((resolve) => {
				socket.once("pong", resolve);
				socket.ping();
			});
			assert.equal(socket.readyState, WebSocket.OPEN);
			socket.close();
		});

		it("tells a stranger on the editor's live channel nothing and hangs up", async () => {
			const socket = await knock(red.base, "/editor/comms");
			assert(socket instanceof WebSocket);
			const said: string[] = [];
			socket.on("message", (data) => said.push(String(data)));
			socket.send('{"subscribe":"notification/#"}');
			await new Promise((resolve) => socket.once("close", resolve));
			assert.deepEqual(said, ['{"auth":"fail"}']);
			assert.equal(await knock(red.base, "/editor/comms", { cookie: `${cookie}x` }), 0);
		});

		it("lets only engineers and admins change flows", async () => {
			const post = (headers: Record<string, string>) =>
				fetch(`${red.base}/editor/flows`, {
					method: "POST",
					headers: { ...headers, "content-type": "application/json", "node-red-deployment-type": "reload" },
					body: "{}",
				});
			assert.equal((await post({})).status, 401);
			assert.equal((await post({ cookie, origin: "https://elsewhere.example" })).status, 403);
			const viewer = cookieOf(await signIn(red.base, true, "viewer-lee"));
			assert.equal((await fetch(`${red.base}/editor/flows`, { headers: { cookie: viewer } })).status, 200);
			assert.equal((await post({ cookie: viewer, origin: red.base })).status, 401);
			assert.equal((await post({ cookie, origin: red.base })).status, 204);
			while (!(await fetch(`${red.base}/own-page`, { headers: bearer })).ok) {}
		});

		it("refuses the dashboard's socket without a session and to pages of other sites", async () => {
			assert.match(await joinDashboard(red.base, {}), /^4.*access\.unauthenticated/);
			assert.match(
				await joinDashboard(red.base, { cookie, origin: "https://elsewhere.example" }),
				/^4.*access\.origin-foreign/,
			);
			assert.match(await joinDashboard(red.base, { cookie, origin: red.base }), /^0/);
			assert.match(await joinDashboard(red.base, { cookie }), /^0/);
		});

		for (const target of [
			"http://x/api/v1/data/sensors",
			"/api/v1/data/sensors#x",
			"/api\\v1\\data/sensors",
			"//x/../own-page#",
		]) {
			it(`knows a path by one spelling, which is not ${target}`, async () => {
				const answer = await new Promise<string>((resolve, reject) => {
					const { hostname, port } = new URL(red.base);
					const socket = connect(Number(port), hostname, () => {
						socket.end(
							`GET ${target} HTTP/1.1\r\nHost: ${hostname}\r\nAuthorization: ${bearer.authorization}\r\nConnection: close\r\n\r\n`,
						);
					});
					let text = "";
					socket.on("data", (chunk) => {
						text += chunk;
					});
					socket.on("close", () => resolve(text));
					socket.on("error", reject);
				});
				assert.match(answer, /^HTTP\/1\.1 400 /);
			});
		}

		it("lets an operator press a button of the dashboard, and no viewer", async () => {
			const pressed = async () =>
				((await (await fetch(`${red.base}/pressed`, { headers: bearer })).json()) as { pressed?: unknown }).pressed;
			const press = async (who: string, widget: unknown = "press") => {
				const headers = { cookie: who, origin: red.base };
				const url = `${red.base}/dashboard/socket.io/?EIO=4&transport=polling`;
				const { sid } = JSON.parse((await (await fetch(url, { headers })).text()).slice(1)) as { sid: string };
				await fetch(`${url}&sid=${sid}`, { method: "POST", body: "40", headers });
				await (await fetch(`${url}&sid=${sid}`, { headers })).text();
				const body = `42${JSON.stringify(["widget-action", widget, { payload: "pressed" }])}`;
				await fetch(`${url}&sid=${sid}`, { method: "POST", body, headers });
			};
			const viewer = cookieOf(await signIn(red.base, true, "viewer-lee"));
			await press(viewer);
			for (const odd of [5, null, {}, "x".repeat(10_000)]) await press(cookie, odd);
			await press(cookie);
			await until(
				async () => (await pressed()) !== undefined,
				() => "nobody could press",
			);
			assert.equal(await pressed(), "x");
			const kept = await fetch(`${red.base}/api/v1/audit?what=widget`, { headers: bearer });
			const { items } = (await kept.json()) as { items: { who: string; target: string }[] };
			assert.deepEqual(
				items.map(({ who, target }) => [who, target]),
				[["admin", "press"]],
			);
		});

		it("keeps in the audit who deployed what, from what to what", async () => {
			const editor = { cookie, origin: red.base, "content-type": "application/json" };
			const own = (await (await fetch(`${red.base}/editor/flows`, { headers: { cookie } })).json()) as { id: string }[];
			const flows = own.map((node) => (node.id === "text" ? { ...node, label: "Power now" } : node));
			const headers = { ...editor, "Node-RED-Deployment-Type": "nodes" };
			const deploy = { method: "POST", headers, body: JSON.stringify(flows) };
			assert.equal((await fetch(`${red.base}/editor/flows`, deploy)).status, 204);
			await until(
				async () => (await fetch(`${red.base}/own-page`, { headers: bearer })).ok,
				() => "flows did not start again",
			);
			const kept = await fetch(`${red.base}/api/v1/audit?target=ui-text:text`, { headers: bearer });
			const { items = [], ...problem } = (await kept.json()) as { items?: Record<string, unknown>[] };
			assert.deepEqual(problem, {});
			assert.deepEqual(
				items.map(({ who, what, before, after }) => ({ who, what, before, after })),
				[{ who: "admin", what: "flow.change", before: { label: "Power" }, after: { label: "Power now" } }],
			);
		});

		it("refuses WebSocket nodes without a session and to pages of other sites", async () => {
			assert.equal(await knock(red.base, "/feed"), 401);
			assert.equal(await knock(red.base, "/feed", { cookie, origin: "https://elsewhere.example" }), 401);
			for (const headers of [bearer, { cookie, origin: red.base }]) {
				const socket = await knock(red.base, "/feed", headers);
				assert(socket instanceof WebSocket);
				socket.close();
			}
		});

		it("gives flows the parsed body and answers what is wrong with a request before they see it", async () => {
			const send = (body: string, headers: Record<string, string> = {}) =>
				fetch(`${red.base}/api/v1/data/sensors`, {
					method: "POST",
					headers: { ...bearer, "content-type": "application/json", ...headers },
					body,
				});
			const taken = await send('[{"machine":"a"},{"machine":"b"}]');
			assert.deepEqual(await taken.json(), { accepted: 2, rejected: [] });
			const expected: [Promise<Response>, number, string][] = [
				[send("{"), 400, "access.body-malformed"],
				[send("[1]"), 400, "access.request-invalid"],
				[send("machine=a", { "content-type": "application/x-www-form-urlencoded" }), 415, "access.media-type"],
				[send(`[${" ".repeat(10_000_000)}]`), 413, "access.body-large"],
				[fetch(`${red.base}/api/v1/data/sensors?limit=many`, { headers: bearer }), 400, "access.request-invalid"],
				[fetch(`${red.base}/api/v1/unknown`, { headers: bearer }), 404, "access.path-unknown"],
				[fetch(`${red.base}/api/v1/data/sensors`, { method: "DELETE", headers: bearer }), 405, "access.method-unknown"],
			];
			for (const [answer, status, title] of expected) {
				const problem = (await (await answer).json()) as { title: string; status: number };
				assert.equal(problem.title, title);
				assert.equal(problem.status, status);
				assert.equal((await answer).status, status);
			}
		});

		it("names the rule that the request broke, not that it could have been something else", async () => {
			const headers = { ...bearer, "content-type": "application/json" };
			const answer = await fetch(`${red.base}/api/v1/data/sensors`, { method: "POST", headers, body: "[]" });
			assert.match(((await answer.json()) as { detail: string }).detail, /fewer than 1 items/);
		});

		it("speaks Korean to who asks for it", async () => {
			const answer = await fetch(`${red.base}/api/v1/data/sensors`, {
				headers: { "accept-language": "ko-KR,ko;q=0.9" },
			});
			assert.equal(answer.headers.get("content-language"), "ko");
			assert.match(((await answer.json()) as { detail: string }).detail, /로그인하지 않았습니다/);
		});

		it("ends the session everywhere at sign-out", async () => {
			const own = cookieOf(await signIn(red.base, true));
			const socket = await knock(red.base, "/feed", { cookie: own });
			assert(socket instanceof WebSocket);
			socket.close();
			const revoked = await fetch(`${red.base}/editor/auth/revoke`, { method: "POST", headers: { cookie: own } });
			assert.deepEqual(await revoked.json(), { redirect: "/login" });
			for (const path of ["/editor/flows", "/dashboard", "/api/v1/data/sensors"]) {
				assert.equal((await fetch(red.base + path, { headers: { cookie: own } })).status, 401, path);
			}
			assert.match(await joinDashboard(red.base, { cookie: own }), /^4/);
		});

		it("writes no password and no token to its log", () => {
			assert.doesNotMatch(red.output(), new RegExp(`${password}|eyJ`));
		});

		// Last: it closes the door for this address.
		it("makes who guesses passwords wait, and tells how long", async () => {
			const guess = () =>
				fetch(`${red.base}/api/v1/auth/login`, {
					method: "POST",
					headers: { "content-type": "application/json" },
					body: JSON.stringify({ username: "engineer-kim", password: "guess" }),
				});
			for (let attempt = 0; attempt < 5; attempt++) assert.equal((await guess()).status, 401);
			const locked = await guess();
			assert.equal(locked.status, 429);
			assert(Number(locked.headers.get("retry-after")) >= 1);
		});
	});
}

describe("our nodes in a Node-RED without the router", function () {
	this.timeout(120_000);
	it("refuse to serve and name the line that is missing", async () => {
		const red = await startNodeRed("node-red", "", flow);
		try {
			const answer = await fetch(`${red.base}/ours`);
			assert.equal(answer.status, 503);
			const { title, detail } = (await answer.json()) as { title: string; detail: string };
			assert.equal(title, "access.router-missing");
			assert.match(detail, /require\("@smartfactory\/node-red-energy\/access"\)\.secure\(__dirname\)/);
		} finally {
			await red.stop();
		}
	});
});
