import { type Contract, exampleOf, type Operation } from "./contract.ts";

export const sampleLanguages = ["curl", "Python", "JavaScript"] as const;
export type SampleLanguage = (typeof sampleLanguages)[number];

/** A request as somebody filled it in. */
export interface Filled {
	/** With its query. */
	path: string;
	headers: Record<string, string>;
	/** JSON, or the name of a file. */
	body?: { json: string } | { file: string; type: string };
}

/** What the contract's own examples fill in. */
export function filledByExample(contract: Contract, operation: Operation): Filled {
	let path = operation.path;
	const query: string[] = [];
	for (const parameter of operation.parameters) {
		const { name, in: where, required = false, example } = parameter;
		const shown = example === undefined ? undefined : String(example);
		if (where === "path") path = path.replace(`{${name}}`, encodeURIComponent(shown ?? name));
		const wanted = required || name === "machine";
		if (where === "query" && wanted && shown !== undefined) query.push(`${name}=${encodeURIComponent(shown)}`);
	}
	const [type, media] = Object.entries(operation.requestBody?.content ?? {})[0] ?? [];
	const example = exampleOf(media) ?? exampleOf({ example: contract.resolve(media?.schema ?? {}).example });
	const file = type !== undefined && type !== "application/json";
	const json = example === undefined ? "{}" : JSON.stringify(example, null, 2);
	return {
		path: query.length > 0 ? `${path}?${query.join("&")}` : path,
		headers: {},
		...(type === undefined ? {} : { body: file ? { file: "energy.csv", type } : { json } }),
	};
}

/** How the same request is sent from elsewhere. */
export function sampleOf(
	language: SampleLanguage,
	base: string,
	{ method, security }: Operation,
	filled: Filled,
): string {
	const open = Array.isArray(security) && security.length === 0;
	const { path, body } = filled;
	const headers: Record<string, string> = { ...filled.headers };
	if (body) headers["Content-Type"] = "json" in body ? "application/json" : body.type;
	if (language === "curl") return curl(base, method, open, path, headers, body);
	return language === "Python"
		? python(method, open, path, headers, body)
		: javascript(method, open, path, headers, body);
}

type Body = Filled["body"];

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

function curl(base: string, method: string, open: boolean, path: string, headers: Record<string, string>, body: Body) {
	const lines = [`curl ${method === "GET" ? "" : `-X ${method} `}"${base}${path}"`];
	if (!open) lines.push('-H "Authorization: Bearer $TOKEN"');
	for (const [name, value] of Object.entries(headers)) lines.push(`-H ${quoted(`${name}: ${value}`)}`);
	if (body) lines.push("json" in body ? `-d ${quoted(body.json)}` : `--data-binary @${body.file}`);
	return lines.join(" \\\n  ");
}

/** JSON as Python writes it. */
function literal(json: string): string {
	const words: Record<string, string> = { true: "True", false: "False", null: "None" };
	// Texts are left alone: a word in quotes is no constant.
	return json.replace(/"(?:[^"\\]|\\.)*"|\b(?:true|false|null)\b/g, (part) => words[part] ?? part);
}

function python(method: string, open: boolean, path: string, headers: Record<string, string>, body: Body): string {
	const { "Content-Type": type, ...more } = headers;
	const parts = [`"${method}"`, `"${path}"`];
	if (body) parts.push("json" in body ? literal(body.json) : `open("${body.file}", "rb").read(), type="${type}"`);
	if (!open) parts.push("token=token");
	if (Object.keys(more).length > 0) parts.push(`headers=${JSON.stringify(more)}`);
	return `answer = call(${parts.join(", ")})\nprint(answer)`;
}

function javascript(method: string, open: boolean, path: string, headers: Record<string, string>, body: Body): string {
	const lines = [];
	if (method !== "GET") lines.push(`  method: "${method}",`);
	const sent = Object.entries(headers).map(([name, value]) => `"${name}": ${JSON.stringify(value)}`);
	if (!open) sent.unshift(`Authorization: \`Bearer \${token}\``);
	if (sent.length > 0) lines.push(`  headers: { ${sent.join(", ")} },`);
	if (body) lines.push(`  body: ${"json" in body ? `JSON.stringify(${body.json.replaceAll("\n", "\n  ")})` : "file"},`);
	const options = lines.length > 0 ? `, {\n${lines.join("\n")}\n}` : "";
	return `const answer = await fetch(base + "${path}"${options});\nconsole.log(answer.status, await answer.json());`;
}

/** What the samples of a language take for granted. */
export function preambleOf(language: SampleLanguage, base: string): string {
	if (language === "curl") return `BASE=${base}\n# TOKEN=…   # from the first step`;
	if (language === "JavaScript") return `const base = "${base}";\n// let token;   // from the first step`;
	return `import json, urllib.request

BASE = "${base}"

def call(method, path, body=None, token=None, type="application/json", headers={}):
    data = json.dumps(body).encode() if isinstance(body, (dict, list)) else body
    request = urllib.request.Request(BASE + path, data, headers, method=method)
    if data is not None:
        request.add_header("Content-Type", type)
    if token:
        request.add_header("Authorization", "Bearer " + token)
    try:
        with urllib.request.urlopen(request) as answer:
            text = answer.read().decode()
            return json.loads(text) if "json" in answer.headers["Content-Type"] else text
    except urllib.error.HTTPError as problem:  # RFC 9457: what is wrong, in words
        raise SystemExit(problem.read().decode())`;
}

export function signInSample(language: SampleLanguage): string {
	if (language === "curl") {
		return `TOKEN=$(curl -s -X POST "$BASE/api/v1/auth/login" -H 'Content-Type: application/json' \\
  -d '{"username": "admin", "password": "…"}' | sed 's/.*"accessToken":"\\([^"]*\\)".*/\\1/')`;
	}
	if (language === "Python") {
		return `token = call("POST", "/api/v1/auth/login", {"username": "admin", "password": "…"})["accessToken"]`;
	}
	return `const signedIn = await fetch(base + "/api/v1/auth/login", {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({ username: "admin", password: "…" }),
});
const { accessToken: token } = await signedIn.json();`;
}

export function waitSample(language: SampleLanguage): string {
	if (language === "curl") {
		return `JOB=…   # "id" of the answer above
until curl -s "$BASE/api/v1/jobs/$JOB" -H "Authorization: Bearer $TOKEN" | grep -E '"state":"(done|failed|cancelled)"'
do sleep 1; done`;
	}
	if (language === "Python") {
		return `import time
job = answer
while job["state"] in ("queued", "running"):
    time.sleep(1)
    job = call("GET", "/api/v1/jobs/" + job["id"], token=token)
print(job["state"], job["result"], job["problem"])`;
	}
	return `let job = await answer.json();
while (job.state === "queued" || job.state === "running") {
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const asked = await fetch(base + "/api/v1/jobs/" + job.id, { headers: { Authorization: \`Bearer \${token}\` } });
  job = await asked.json();
}
console.log(job.state, job.result, job.problem);`;
}

export function streamSample(language: SampleLanguage, base: string): string {
	const ws = base.replace(/^http/, "ws");
	if (language === "curl") {
		return `# curl 8.11 or newer
curl --no-buffer "${ws}/ws" -H "Authorization: Bearer $TOKEN"`;
	}
	if (language === "Python") {
		return `# pip install websockets
import asyncio, websockets

async def follow():
    headers = {"Authorization": "Bearer " + token}
    async with websockets.connect("${ws}/ws", additional_headers=headers) as socket:
        async for message in socket:
            print(json.loads(message)["type"])

asyncio.run(follow())`;
	}
	return `// A page of this server: the session cookie goes along (sign in with session: true).
const socket = new WebSocket("${ws}/ws");
socket.onmessage = ({ data }) => console.log(JSON.parse(data));
// Node.js (npm install ws): new WebSocket("${ws}/ws", { headers: { Authorization: \`Bearer \${token}\` } })`;
}
