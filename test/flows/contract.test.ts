import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { parse } from "yaml";
import { keyListing, userListing } from "../../lib/access/answers.ts";
import { alarmListing } from "../../lib/alarms/wire.ts";
import { jobListing } from "../../lib/jobs/sources.ts";
import { orderListing } from "../../lib/operation/api.ts";
import { modelListing } from "../../models/desk.ts";

interface Operation {
	"x-answered-by"?: string;
	"x-role"?: string;
	summary?: string;
	operationId?: string;
	responses?: Record<string, unknown>;
	parameters?: { name?: string; schema?: { items?: { enum?: string[] } } }[];
}
interface FlowNode {
	id: string;
	type: string;
	method?: string;
	url?: string;
	wires?: string[][];
	links?: string[];
}

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const contract = parse(read("flows/openapi.yaml")) as {
	tags: { name: string; description: string }[];
	paths: Record<string, Record<string, Operation>>;
	components: { responses: Record<string, unknown> };
};
const operations = Object.entries(contract.paths).flatMap(([path, methods]) =>
	Object.entries(methods).map(([method, operation]) => ({ name: `${method} ${path}`, operation })),
);
const nodes = globSync("flows/tabs/*.json", { cwd: new URL("../../", import.meta.url).pathname }).flatMap(
	(path) => JSON.parse(read(path)) as FlowNode[],
);
// Express writes :id where OpenAPI writes {id}.
const nameOf = ({ method, url }: FlowNode): string => `${method} ${url?.replace(/:(\w+)/g, "{$1}")}`;

describe("the API's contract and its flow", () => {
	it("name the same paths", () => {
		const served = nodes.filter(({ type }) => type === "http in").map(nameOf);
		const promised = operations.filter(({ operation }) => operation["x-answered-by"] !== "router");
		assert.deepEqual(served.toSorted(), promised.map(({ name }) => name).toSorted());
	});

	it("lead every request to an answer", () => {
		const byId = new Map(nodes.map((node) => [node.id, node]));
		const leads = (id: string, seen = new Set<string>()): boolean => {
			const node = byId.get(id);
			// Another tab's node: its own test looks after it.
			if (!node || node.type === "http response" || node.type === "link out") return true;
			if (seen.has(id)) return false;
			seen.add(id);
			return (node.wires ?? []).flat().some((next) => leads(next, seen));
		};
		for (const node of nodes.filter(({ type }) => type === "http in")) assert(leads(node.id), nameOf(node));
	});

	it("link to tabs that link back", () => {
		const links = new Map(nodes.map((node) => [node.id, node.links ?? []]));
		for (const { id, type } of nodes.filter((node) => node.type.startsWith("link "))) {
			for (const other of links.get(id) ?? []) assert(links.get(other)?.includes(id), `${type} ${id} and ${other}`);
		}
	});

	it("keep what a dialog is confirmed with: no field for numbers holds the name of a variable", () => {
		for (const node of nodes) {
			const dialog = `dist/nodes/${node.type}/${node.type}.html`;
			const named = Object.entries(node).filter(([, value]) => typeof value === "string" && value.startsWith("${"));
			if (named.length === 0 || globSync(dialog).length === 0) continue;
			// A browser empties <input type="number"> that holds a text; "Done" would then store nothing.
			for (const [key] of named) assert.doesNotMatch(read(dialog), new RegExp(`-${key}"[^>]*type="number"`), node.id);
		}
	});

	it("describe each operation for a stranger", () => {
		for (const { name, operation } of operations) {
			assert(operation.summary, `${name} has no summary`);
			assert(operation.operationId, `${name} has no operationId`);
			assert(Object.keys(operation.responses ?? {}).includes("default"), `${name} does not say how it fails`);
		}
	});
});

describe("flows that people import", () => {
	it("show no red triangle: what an inject node sends as JSON reads as JSON", () => {
		for (const path of globSync(["examples/*.json", "flows/tabs/*.json"])) {
			for (const node of JSON.parse(read(path)) as (FlowNode & { payload?: string; payloadType?: string })[]) {
				if (node.type !== "inject" || node.payloadType !== "json") continue;
				assert.doesNotThrow(() => JSON.parse(node.payload ?? ""), `${path}: ${node.id}`);
			}
		}
	});
});

describe("nodes that work for a site", () => {
	it("tell the funnel which, so that it refuses who has no right there", () => {
		const root = new URL("../../", import.meta.url).pathname;
		const deaf = globSync("nodes/*/config.ts", { cwd: root })
			.filter((config) => /^\tsite: string;$/m.test(read(config)))
			.map((config) => config.replace(/\/config\.ts$/, ""))
			.filter((folder) => read(`${folder}/${folder.split("/").at(-1)}.ts`).includes("onInput(RED, this"));
		assert.deepEqual(deaf, []);
	});
});

describe("the contract in Korean", () => {
	it("has every summary, tag and answer, in its place, and no sentence of another day", () => {
		const { info, texts } = parse(read("flows/openapi.ko.yaml")) as { info: string; texts: Record<string, string> };
		const { tags, components } = contract;
		const answers = [...operations.map(({ operation }) => operation.responses ?? {}), components.responses];
		const told = [
			...tags.flatMap(({ name, description }) => [name, description]),
			...operations.map(({ operation }) => operation.summary),
			...answers.flatMap((each) =>
				Object.values(each).map((answer) => (answer as { description?: string }).description),
			),
		];
		const wanted = new Set(told.flatMap((text) => text?.trim() ?? []));
		assert.deepEqual(
			[...wanted].filter((text) => !Object.hasOwn(texts, text)),
			[],
			"flows/openapi.ko.yaml lacks these",
		);
		const all = read("flows/openapi.yaml").replace(/\s+/g, " ");
		assert.deepEqual(
			Object.keys(texts).filter((text) => !all.includes(text.replace(/\s+/g, " "))),
			[],
		);
		for (const korean of [info, ...Object.values(texts)]) assert.match(korean, /[가-힣]/);
	});
});

describe("lists", () => {
	it("can be sorted by what the contract says, and by nothing else", () => {
		const listings: Readonly<Record<string, { fields: object }>> = {
			listUsers: userListing,
			listApiKeys: keyListing,
			getAlarms: alarmListing,
			listProductionJobs: orderListing,
			listModels: modelListing,
			listJobs: jobListing,
		};
		const described = operations.flatMap(({ operation: { operationId = "", parameters = [] } }) => {
			const names = parameters.find(({ name }) => name === "sort")?.schema?.items?.enum;
			return names ? [[operationId, names.filter((name) => !name.startsWith("-"))] as const] : [];
		});
		const known = described.filter(([id]) => id in listings);
		assert.equal(known.length, Object.keys(listings).length);
		for (const [id, names] of known) assert.deepEqual(names, Object.keys(listings[id]?.fields ?? {}), id);
		// The others are read along an index of time, one way or the other.
		for (const [id, names] of described.filter(([id]) => !(id in listings))) assert.equal(names.length, 1, id);
	});
});

describe("messages of access and of the API", () => {
	it("cover every error that the code throws, and no other", () => {
		const root = new URL("../../", import.meta.url).pathname;
		const sources = globSync(["lib/access/*.ts", "lib/api/*.ts", "lib/listing.ts", "nodes/*.ts"], { cwd: root })
			.map(read)
			.join("\n");
		for (const subject of ["access", "api"]) {
			const thrown = new Set(sources.match(new RegExp(`(?<=")${subject}\\.[a-z-]+(?=")`, "g")));
			for (const other of ["api.requests"]) thrown.delete(other);
			const known = Object.keys(JSON.parse(read(`lib/${subject}/messages.json`)) as object);
			assert.deepEqual([...thrown].toSorted(), known.toSorted());
		}
	});
});
