// The page of /api/docs: the contract of this server as a document that can be tried. It asks this server alone, runs
// under a policy without inline code, and signs in by the session cookie, which no script can read.
import {
	Contract,
	type Document,
	exampleOf,
	type Operation,
	type Parameter,
	type Schema,
	type Translation,
} from "./contract.ts";
import { h, prose } from "./dom.ts";
import {
	type Filled,
	filledByExample,
	preambleOf,
	type SampleLanguage,
	sampleLanguages,
	sampleOf,
	signInSample,
	streamSample,
	waitSample,
} from "./samples.ts";
import { fieldsOf } from "./schema.ts";
import { type Language, type Word, wordsOf } from "./words.ts";

interface SignedIn {
	user: string;
	role: string;
}

const base = location.origin + location.pathname.replace(/\/api\/docs\/?$/, "");
const asked = new URLSearchParams(location.search).get("lang");
const language: Language = (asked ?? navigator.language).startsWith("ko") ? "ko" : "en";
const say = wordsOf(language);
const SHOWN = 100_000;

let sampleLanguage: SampleLanguage = "curl";

document.documentElement.lang = language;
document.title = say("title");
void start();

async function start(): Promise<void> {
	const main = document.querySelector("main");
	if (!main) return;
	main.replaceChildren(h("p", {}, say("loading")));
	const contract = await load();
	document.querySelector("nav")?.append(...navigation(contract));
	main.replaceChildren(
		header(contract),
		signInBox(),
		h("details", { class: "intro", open: true }, h("summary", {}, say("contract")), prose(contract.introduction)),
		quickStart(contract),
		...contract.document.tags.flatMap(({ name, description }) => [
			h("h2", { id: `tag-${name}` }, contract.told(name)),
			h("p", { class: "lead" }, contract.told(description)),
			...contract.operations.filter(({ tags }) => tags[0] === name).map((each) => section(contract, each)),
		]),
	);
	// The parts of the page exist only now.
	openAt(location.hash);
	addEventListener("hashchange", () => openAt(location.hash));
}

async function load(): Promise<Contract> {
	const read = async (name: string): Promise<unknown> => (await fetch(`${base}/api/docs/${name}`)).json();
	const document = (await read("openapi.json")) as Document;
	return new Contract(document, language === "ko" ? ((await read("openapi.ko.json")) as Translation) : undefined);
}

function openAt(hash: string): void {
	const target = hash.length > 1 ? document.getElementById(decodeURIComponent(hash.slice(1))) : null;
	if (target instanceof HTMLDetailsElement) target.open = true;
	target?.scrollIntoView();
}

function header({ document: { info } }: Contract): HTMLElement {
	const other = language === "ko" ? "en" : "ko";
	return h(
		"header",
		{},
		h("h1", {}, say("title"), " ", h("small", {}, info.version)),
		h(
			"p",
			{ class: "links" },
			h("a", { href: `${base}/api/docs/openapi.yaml` }, "openapi.yaml"),
			h("a", { href: `${base}/api/docs/openapi.json` }, "openapi.json"),
			h("a", { href: `${base}/api/docs/asyncapi.yaml` }, "asyncapi.yaml"),
			h("a", { href: `${base}/api/docs/problems?lang=${language}` }, say("problems")),
			h("a", { href: `?lang=${other}`, lang: other }, say("other")),
		),
	);
}

function navigation(contract: Contract): HTMLElement[] {
	const {
		document: { tags },
		operations,
	} = contract;
	const links = operations.map((operation) => ({
		operation,
		link: h(
			"li",
			{},
			h("a", { href: `#${operation.operationId}` }, method(operation), ` ${shortPath(operation.path)}`),
		),
	}));
	const search = h("input", { type: "search", placeholder: say("search"), "aria-label": say("search") });
	search.addEventListener("input", () => {
		const text = search.value.toLowerCase();
		for (const { operation, link } of links) {
			const { method: verb, path, summary } = operation;
			link.hidden = !`${verb} ${path} ${summary} ${contract.told(summary)}`.toLowerCase().includes(text);
		}
	});
	const groups = tags.map(({ name }) => {
		const own = links.filter(({ operation }) => operation.tags[0] === name).map(({ link }) => link);
		return h("li", {}, h("a", { href: `#tag-${name}`, class: "tag" }, contract.told(name)), h("ul", {}, ...own));
	});
	return [search, h("ul", {}, h("li", {}, h("a", { href: "#quick", class: "tag" }, say("quick"))), ...groups)];
}

const shortPath = (path: string): string => path.replace("/api/v1", "");
const method = ({ method: name }: Operation): HTMLElement => h("b", { class: `method ${name.toLowerCase()}` }, name);

function signInBox(): HTMLElement {
	const user = h("input", { name: "username", autocomplete: "username", required: true, value: "admin" });
	const password = h("input", { name: "password", type: "password", autocomplete: "current-password", required: true });
	const told = h("output", { role: "status" });
	const form = h(
		"form",
		{ class: "sign-in" },
		h("label", {}, say("user"), user),
		h("label", {}, say("password"), password),
		h("button", { type: "submit" }, say("signIn")),
		told,
	);
	form.addEventListener("submit", async (event) => {
		event.preventDefault();
		const body = JSON.stringify({ username: user.value, password: password.value, session: true });
		const headers = { "content-type": "application/json", "accept-language": language };
		try {
			const answer = await fetch(`${base}/api/v1/auth/login`, { method: "POST", headers, body });
			const said = (await answer.json()) as SignedIn & { detail?: string };
			password.value = "";
			if (!answer.ok) {
				told.textContent = said.detail ?? String(answer.status);
				return;
			}
			told.textContent = say("signedInAs", { user: said.user, role: said.role });
		} catch (error) {
			told.textContent = say("failed", { reason: (error as Error).message });
		}
	});
	return form;
}

/** Code in three languages; choosing one chooses it for the whole page. */
function code(textOf: (language: SampleLanguage) => string): HTMLElement {
	const shown = h("pre", { class: "code", tabindex: "0" });
	const buttons = sampleLanguages.map((name) => {
		const choose = (): void => {
			sampleLanguage = name;
			document.dispatchEvent(new Event("sample"));
		};
		return h("button", { type: "button", click: choose }, name);
	});
	const show = (): void => {
		shown.textContent = textOf(sampleLanguage);
		for (const button of buttons) button.setAttribute("aria-pressed", String(button.textContent === sampleLanguage));
	};
	document.addEventListener("sample", show);
	show();
	const box = h("div", { class: "samples" }, h("div", { class: "tabs" }, ...buttons), shown);
	box.addEventListener("refresh", show);
	return box;
}

function quickStart(contract: Contract): HTMLElement {
	const steps: HTMLElement[] = [];
	const step = (word: Word, textOf: (language: SampleLanguage) => string, id?: string): void => {
		const title = id ? h("a", { href: `#${id}` }, say(word)) : say(word);
		steps.push(h("li", {}, h("h3", {}, title), code(textOf)));
	};
	step("step_login", signInSample, "login");
	const ids = ["postReadings", "getReadings", "trainModel", "wait", "predict", "optimizeSchedule"] as const;
	for (const id of ids) {
		if (id === "wait") {
			step("step_wait", waitSample, "getJob");
			continue;
		}
		const operation = contract.get(id);
		if (!operation) continue;
		const filled = filledByExample(contract, operation);
		step(`step_${id}`, (each) => sampleOf(each, each === "curl" ? "$BASE" : base, operation, filled), id);
	}
	step("step_stream", (each) => streamSample(each, base));
	return h(
		"section",
		{ id: "quick" },
		h("h2", {}, say("quick")),
		h("p", { class: "lead" }, say("quickText")),
		h("h3", {}, say("before")),
		code((each) => preambleOf(each, base)),
		h("ol", { class: "steps" }, ...steps),
		livePanel(),
	);
}

function livePanel(): HTMLElement {
	let socket: WebSocket | undefined;
	const shown = h("pre", { class: "live", tabindex: "0", hidden: true });
	const button = h("button", { type: "button" }, say("connect"));
	const closed = (): void => {
		socket = undefined;
		button.textContent = say("connect");
	};
	button.addEventListener("click", () => {
		if (socket) return socket.close();
		shown.hidden = false;
		shown.textContent = "";
		socket = new WebSocket(`${base.replace(/^http/, "ws")}/ws`);
		button.textContent = say("disconnect");
		socket.addEventListener("message", ({ data }) => {
			const line = String(data).slice(0, 400);
			shown.textContent = [line, ...(shown.textContent ?? "").split("\n").slice(0, 19)].join("\n");
		});
		socket.addEventListener("close", ({ code: reason }) => {
			if (reason === 1006) shown.textContent = say("notSignedIn");
			closed();
		});
	});
	return h("div", { class: "live-panel" }, h("p", {}, say("streamText")), button, shown);
}

function section(contract: Contract, operation: Operation): HTMLElement {
	const { operationId, path, summary } = operation;
	const head = h(
		"summary",
		{},
		method(operation),
		h("code", { class: "path" }, path),
		h("span", {}, contract.told(summary)),
	);
	const box = h("details", { id: operationId, class: "operation" }, head);
	// A page of sixty forms is made as far as somebody looks.
	box.addEventListener("toggle", () => box.append(...inside(contract, operation)), { once: true });
	return box;
}

function inside(contract: Contract, operation: Operation): HTMLElement[] {
	const { description, parameters, requestBody, responses, security } = operation;
	const open = Array.isArray(security) && security.length === 0;
	const right = open ? say("open") : say("role", { role: operation["x-role"] ?? "viewer" });
	const parts = [description ? prose(contract.told(description)) : h("p", {}), h("p", { class: "right" }, right)];
	if (parameters.length > 0) {
		const rows = parameters.map((each) => parameterRow(contract, each));
		parts.push(h("h4", {}, say("parameters")), h("ul", { class: "fields" }, ...rows));
	}
	for (const [type, media] of Object.entries(requestBody?.content ?? {})) {
		parts.push(h("h4", {}, say("body"), " ", h("code", {}, type)));
		if (requestBody?.description) parts.push(prose(contract.told(requestBody.description)));
		if (media.schema) parts.push(fieldsOf(contract, media.schema));
	}
	parts.push(h("h4", {}, say("answers")), answersOf(contract, responses), trial(contract, operation));
	return parts;
}

const kindOf = ({ enum: values, type }: Schema): string => values?.join(" | ") ?? [type ?? "string"].flat().join(" | ");

function parameterRow(
	contract: Contract,
	{ name, in: where, required, description, schema = {} }: Parameter,
): HTMLElement {
	const known = contract.resolve(schema);
	// A list is written with commas.
	const kind = (known.type === "array" && contract.resolve(known.items ?? {}).enum?.join(", ")) || kindOf(known);
	const otherwise = known.default === undefined ? "" : ` = ${JSON.stringify(known.default)}`;
	return h(
		"li",
		{},
		h("code", { class: "name" }, name),
		required === true && h("span", { class: "required" }, ` ${say("required")}`),
		h("span", { class: "kind" }, ` ${where}, ${kind}${otherwise}`),
		description ? prose(contract.told(description)) : undefined,
	);
}

function answersOf(contract: Contract, responses: Operation["responses"]): HTMLElement {
	const rows = Object.entries(responses).map(([status, given]) => {
		const { description = "", content = {} } = contract.resolve(given);
		const details = h(
			"details",
			{},
			h("summary", {}, h("b", { class: `status s${status[0]}` }, status), ` ${contract.told(description)}`),
		);
		const fill = (): void => {
			for (const [type, media] of Object.entries(content)) {
				details.append(h("p", {}, h("code", {}, type)));
				if (media.schema) details.append(fieldsOf(contract, media.schema));
				const example = exampleOf(media);
				if (example !== undefined) details.append(h("pre", { class: "code" }, JSON.stringify(example, null, 2)));
			}
		};
		details.addEventListener("toggle", fill, { once: true });
		return h("li", {}, details);
	});
	return h("ul", { class: "answers" }, ...rows);
}

/** A form that sends the request, and shows how to send the same from elsewhere. */
function trial(contract: Contract, operation: Operation): HTMLElement {
	const example = filledByExample(contract, operation);
	const inputs = operation.parameters.map((parameter) => ({ parameter, input: inputFor(contract, parameter) }));
	const editor = h("textarea", { rows: "10", spellcheck: "false", "aria-label": say("body") });
	const file = h("input", { type: "file", "aria-label": say("file") });
	const { body } = example;
	if (body && "json" in body) editor.value = body.json;
	const filled = (): Filled => fill(operation, inputs, body && "json" in body ? { json: editor.value } : body);
	const samples = code((each) => sampleOf(each, each === "curl" ? "$BASE" : base, operation, filled()));
	const result = h("div", { class: "result", role: "status" });
	const form = h(
		"form",
		{ class: "trial" },
		h("h4", {}, say("tryIt")),
		...inputs.map(({ parameter, input }) =>
			h("label", {}, `${parameter.name}${parameter.required ? " *" : ""}`, input),
		),
		body && ("json" in body ? editor : file),
		h("button", { type: "submit" }, say("send")),
		result,
		h("h4", {}, say("elsewhere")),
		samples,
	);
	form.addEventListener("input", () => samples.dispatchEvent(new Event("refresh")));
	form.addEventListener("submit", (event) => {
		event.preventDefault();
		void send(operation, filled(), file.files?.[0], result);
	});
	return form;
}

type Input = HTMLInputElement | HTMLSelectElement;

function inputFor(contract: Contract, { name, schema = {}, example, required, in: where }: Parameter): Input {
	const { enum: values, type } = contract.resolve(schema);
	if (values || type === "boolean") {
		const options = ["", ...(values ?? [true, false])].map((value) =>
			h("option", { value: String(value) }, String(value)),
		);
		return h("select", { name }, ...options);
	}
	const shown = example === undefined ? "" : String(example);
	const value = where === "path" || required === true ? shown : "";
	return h("input", { name, value, placeholder: shown, required: required === true });
}

function fill(
	operation: Operation,
	inputs: readonly { parameter: Parameter; input: Input }[],
	body: Filled["body"],
): Filled {
	let { path } = operation;
	const query = new URLSearchParams();
	const headers: Record<string, string> = {};
	for (const { parameter, input } of inputs) {
		const value = input.value.trim();
		if (parameter.in === "path")
			path = path.replace(`{${parameter.name}}`, encodeURIComponent(value || parameter.name));
		else if (value !== "" && parameter.in === "query") query.set(parameter.name, value);
		else if (value !== "" && parameter.in === "header") headers[parameter.name] = value;
	}
	return { path: query.size > 0 ? `${path}?${query}` : path, headers, ...(body && { body }) };
}

async function send(operation: Operation, filled: Filled, file: File | undefined, result: HTMLElement): Promise<void> {
	const { path, headers, body } = filled;
	const sent: Record<string, string> = { ...headers, "accept-language": language };
	if (body) sent["content-type"] = "json" in body ? "application/json" : body.type;
	if (body && "json" in body) {
		try {
			JSON.parse(body.json);
		} catch (error) {
			return result.replaceChildren(h("p", { class: "wrong" }, say("wrong", { reason: (error as Error).message })));
		}
	}
	const startedMs = performance.now();
	try {
		const init = { method: operation.method, headers: sent };
		const data = body && ("json" in body ? body.json : (file ?? ""));
		const answer = await fetch(base + path, data === undefined ? init : { ...init, body: data });
		const bytes = await answer.blob();
		const ms = Math.round(performance.now() - startedMs);
		await show(answer, bytes, ms, result);
	} catch (error) {
		result.replaceChildren(h("p", { class: "wrong" }, say("failed", { reason: (error as Error).message })));
	}
}

async function show(answer: Response, bytes: Blob, ms: number, result: HTMLElement): Promise<void> {
	const type = answer.headers.get("content-type") ?? "";
	const told = ["content-type", "location", "etag", "link", "retry-after", "idempotency-replayed", "x-request-id"];
	const lines = told.flatMap((name) => (answer.headers.has(name) ? `${name}: ${answer.headers.get(name)}` : []));
	const head = h("p", {}, h("b", { class: `status s${String(answer.status)[0]}` }, String(answer.status)), ` ${ms} ms`);
	const parts: HTMLElement[] = [head, h("pre", { class: "headers" }, lines.join("\n"))];
	if (/json|text/.test(type)) {
		const text = await bytes.text();
		const pretty = type.includes("json") ? JSON.stringify(JSON.parse(text), null, 2) : text;
		const shown = pretty.length > SHOWN ? `${pretty.slice(0, SHOWN)}\n${say("truncated")}` : pretty;
		parts.push(h("pre", { class: "code", tabindex: "0" }, shown));
	} else if (bytes.size > 0) {
		parts.push(h("a", { href: URL.createObjectURL(bytes), download: "answer" }, say("download")));
	}
	result.replaceChildren(...parts);
}
