import assert from "node:assert/strict";
import type { EventEmitter } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Node, NodeAPI, NodeDef, NodeMessage } from "node-red";
import { plantContract } from "../lib/cost/contract.ts";
import { contract, SampleStore, site } from "../lib/report/sample.ts";
import { next, nodeSet, useNodeRed } from "./harness.ts";

const { markAccess } = createRequire(import.meta.url)("../../dist/lib/access/context.js");

interface Sent<T> extends NodeMessage {
	payload: T;
	filename: string;
	headers?: Record<string, string>;
}
interface Figures {
	kind: string;
	period: string;
	bill: { cost: { totalKrw: number } } | null;
}

/** An energy-site over the sample store. */
function sampleSite(RED: NodeAPI): void {
	RED.nodes.registerType(
		"energy-site",
		function (this: Node & { site?: object; store?: () => Promise<object>; contract?: () => object }, config: NodeDef) {
			RED.nodes.createNode(this, config);
			this.site = site;
			this.store = async () => new SampleStore();
			this.contract = () => plantContract({ contractKw: 800, billingDay: 10 });
		},
	);
}

describe("energy-report node", () => {
	const helper = useNodeRed();
	let folder: string;
	beforeEach(() => {
		folder = mkdtempSync(join(tmpdir(), "energy-report-"));
	});
	afterEach(() => rmSync(folder, { recursive: true, force: true }));

	const load = (config: object = {}) =>
		helper.load(
			[sampleSite, nodeSet("energy-report")] as never,
			[
				{ id: "f", type: "tab" },
				{ id: "s", type: "energy-site" },
				{
					...{ id: "n", z: "f", type: "energy-report", site: "s", kind: "month", format: "json", table: "days" },
					...{ language: "ko", ...contract, billingDay: "1", previousPeaks: "", grid: "KR", folder: "" },
					...{ wires: [["out"]], ...config },
				},
				{ id: "out", z: "f", type: "helper" },
			] as { id: string; type: string }[],
		);
	const send = (msg: object) => helper.getNode("n").receive(msg as NodeMessage);
	const failure = () =>
		new Promise<{ firstArg: Error }>((resolve) => {
			(helper.getNode("n") as EventEmitter).on("call:error", resolve);
		});
	const ask = async <T>(msg: object): Promise<Sent<T>> => {
		const answer = next<Sent<T>>("out");
		send(msg);
		return answer;
	};

	it("makes the report that a message asks for", async () => {
		await load();
		const { payload, filename } = await ask<Figures>({ payload: { month: "2026-08" } });
		assert.deepEqual([payload.kind, payload.period, filename], ["month", "2026-08", "gwangyang-2026-08.json"]);
		assert.ok((payload.bill?.cost.totalKrw ?? 0) > 0);
		const day = await ask<Figures>({ payload: "ignored", report: { date: "2026-08-03" }, mine: 1 });
		assert.deepEqual([day.payload.kind, day.payload.period], ["day", "2026-08-03"]);
		assert.equal((day as unknown as { mine: number }).mine, 1);
	});

	it("takes from a message what only the utility's bill knows", async () => {
		await load();
		type Lines = { bill: { cost: { lines: { id: string }[]; warnings: { code: string }[] } } };
		const report = { month: "2026-08", powerFactor: { laggingDay: 95 }, fuelAdjustmentKrwPerKwh: 5 };
		const { lines, warnings } = (await ask<Lines>({ payload: report })).payload.bill.cost;
		assert.ok(lines.some(({ id }) => id === "power-factor"));
		assert.ok(!warnings.some(({ code }) => code.includes("fuel")));
	});

	it("takes the contract of the site where it is told to", async () => {
		await load({ tariff: "site", contractKw: "" });
		type Bill = { from: string; bill: { contractKw: number; tariff: string; cost: { warnings: { code: string }[] } } };
		const { from, bill } = (await ask<Bill>({ payload: { month: "2026-08" } })).payload;
		assert.deepEqual([from, bill.contractKw], ["2026-08-10T00:00:00+09:00", 800]);
		assert.ok(!bill.cost.warnings.some(({ code }) => code === "tariff.unknown-fields"));
	});

	it("is set to last month when a message says nothing", async () => {
		await load({ tariff: "" });
		const { payload } = await ask<Figures>({ payload: Date.now() });
		assert.equal(payload.kind, "month");
		assert.match(payload.period, /^\d{4}-\d{2}$/);
		assert.equal(payload.bill, null);
	});

	it("writes a PDF to a folder, whole", async () => {
		await load({ format: "pdf", folder });
		const { payload, filename } = await ask<Buffer>({ payload: { month: "2026-08" } });
		assert.equal(filename, join(folder, "gwangyang-2026-08-ko.pdf"));
		assert.ok(readFileSync(filename).equals(payload));
		assert.ok(payload.subarray(0, 5).equals(Buffer.from("%PDF-")));
		assert.ok(!existsSync(`${filename}.new`));
	});

	it("answers a request in the reader's language, with what the browser needs", async () => {
		await load();
		const req = { query: { month: "2026-08", format: "csv", table: "bill" }, params: {}, headers: {} };
		markAccess(req as unknown as IncomingMessage, { user: "kim", role: "viewer", language: "ko", requestId: "1" });
		const { payload, headers } = await ask<string>({ payload: {}, req });
		assert.match(payload, /^\uFEFFid,line,lineKo/);
		assert.equal(headers?.["content-type"], "text/csv; charset=utf-8");
		assert.match(headers?.["content-disposition"] ?? "", /attachment; filename="gwangyang-2026-08-bill\.csv"/);
	});

	it("names what it does not know", async () => {
		await load();
		const failed = failure();
		send({ payload: { month: "2026-08", format: "docx" } });
		assert.match(String((await failed).firstArg), /report\.format.*docx.*json, csv, pdf/);
	});

	it("says what is wrong with its settings", async () => {
		await load({ contractKw: "" });
		const failed = failure();
		send({ payload: { month: "2026-08" } });
		assert.match(String((await failed).firstArg), /report\.config.*contractKw/);
	});

	it("survives a missing site", async () => {
		await load({ site: "none" });
		const failed = failure();
		send({ payload: {} });
		assert.match(String((await failed).firstArg), /nodes\.site-missing/);
	});
});
