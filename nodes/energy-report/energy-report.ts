import { mkdir, rename, writeFile } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import type { Node, NodeAPI, NodeDef } from "node-red";
import { accessOf } from "../../lib/access/context.ts";
import { EnergyError } from "../../lib/errors.ts";
import { type Language, languages } from "../../lib/messages.ts";
import { type CsvTable, csvTables, reportCsv } from "../../lib/report/csv.ts";
import { makeReport, type ReportContract, type ReportRequest } from "../../lib/report/make.ts";
import { renderPdf } from "../../lib/report/render.ts";
import type { Report, ReportKind } from "../../lib/report/report.ts";
import { shippedTariffs } from "../../lib/tariff/registry.ts";
import type { EnergySiteNode } from "../energy-site/config.ts";
import { type EnergyMessage, onInput } from "../on-input.ts";
import { siteOf } from "../site-of.ts";
import type { EnergyReportConfig } from "./config.ts";

interface ReportMessage extends EnergyMessage {
	/** What to report; a request's query and the payload may say so, too. */
	report?: unknown;
	filename?: string;
	headers?: Record<string, string>;
	statusCode?: number;
}

const kinds = ["day", "month"] as const;
const formats = ["json", "csv", "pdf"] as const;
type Format = (typeof formats)[number];

interface Wish {
	kind: ReportKind;
	period: string | undefined;
	format: Format;
	table: CsvTable;
	language: Language;
}

type Asked = Readonly<Record<string, unknown>>;

function oneOf<T extends string>(field: string, value: unknown, known: readonly T[]): T {
	const found = known.find((each) => each === value);
	if (found === undefined)
		throw new EnergyError("report.format", { field, value: String(value), known: known.join(", ") });
	return found;
}

const isObject = (value: unknown): value is Asked =>
	typeof value === "object" && value !== null && !Array.isArray(value) && !Buffer.isBuffer(value);

/** What a message asks for, over what the node is set to. */
function wishOf(config: EnergyReportConfig, msg: ReportMessage): Wish {
	const asked = [msg.req?.query, msg.report, msg.payload].find(isObject) ?? {};
	const language = asked.language ?? (msg.req ? accessOf(msg.req)?.language : undefined) ?? config.language;
	const period = asked.period ?? asked.month ?? asked.date;
	const named = asked.month !== undefined ? "month" : asked.date !== undefined ? "day" : undefined;
	const kind = oneOf("kind", asked.kind ?? named ?? config.kind, kinds);
	return {
		kind,
		period: period === undefined || period === "" ? undefined : String(period),
		format: oneOf("format", asked.format ?? config.format, formats),
		table: oneOf("table", asked.table ?? (config.table || (kind === "day" ? "intervals" : "days")), csvTables),
		language: oneOf("language", language === "en" ? "en-US" : language, languages),
	};
}

/** The settings that only the utility's bill knows may come with a message: power factor and fuel adjustment. */
function told(msg: ReportMessage): Partial<ReportContract> {
	const asked = [msg.report, msg.payload].find(isObject) ?? {};
	const { powerFactor, fuelAdjustmentKrwPerKwh } = msg.req ? {} : asked;
	return {
		...(isObject(powerFactor) ? { powerFactor } : {}),
		...(typeof fuelAdjustmentKrwPerKwh === "number" ? { fuelAdjustmentKrwPerKwh } : {}),
	};
}

type Priced = Pick<ReportRequest, "contract" | "tariffs" | "series">;

/** @throws EnergyError `report.config`, and those of the site's own contract */
function contractOf(config: EnergyReportConfig, siteNode: EnergySiteNode, more: Partial<ReportContract>): Priced {
	if (!config.tariff) return {};
	if (config.tariff === "site") {
		const { data, registry: tariffs, series } = siteNode.contract();
		const { tariff, contractKw, billingDay, previousPeaksKw, extraHolidays, deferrals, contractChanges = [] } = data;
		const terms = { tariff, contractKw, billingDay, previousPeaksKw, extraHolidays, deferrals, contractChanges };
		const contract = { ...terms, ...more };
		return { contract, tariffs, series };
	}
	const contractKw = Number(config.contractKw);
	const fail = (field: string, value: unknown, rule: string) =>
		new EnergyError("report.config", { field, value, rule });
	if (!(contractKw > 0)) throw fail("contractKw", config.contractKw, "> 0 kW");
	const billingDay = config.billingDay === "" || config.billingDay === undefined ? 1 : Number(config.billingDay);
	let peaks: unknown = {};
	try {
		if (config.previousPeaks?.trim()) peaks = JSON.parse(config.previousPeaks);
	} catch {
		peaks = undefined;
	}
	if (!isObject(peaks)) throw fail("previousPeaks", config.previousPeaks, '{"2026-01": 132}');
	// The figures themselves are checked with the bill's input.
	const previousPeaksKw = peaks as Record<string, number>;
	return { contract: { tariff: config.tariff, contractKw, billingDay, previousPeaksKw, ...more } };
}

const types: Readonly<Record<Format, string>> = {
	json: "application/json; charset=utf-8",
	csv: "text/csv; charset=utf-8",
	pdf: "application/pdf",
};

function fileName(report: Report, { format, table, language }: Wish): string {
	const kind = format === "csv" ? `-${table}` : format === "pdf" ? `-${language.slice(0, 2)}` : "";
	return `${report.site.id}-${report.period}${kind}.${format}`;
}

async function bodyOf(report: Report, { format, table, language }: Wish): Promise<Report | string | Buffer> {
	if (format === "csv") return reportCsv(report, table);
	return format === "pdf" ? renderPdf({ report, language }) : report;
}

/** Whole or not at all: written beside and then moved to its place. */
async function save(folder: string, name: string, body: Report | string | Buffer): Promise<string> {
	const path = join(folder, name);
	await mkdir(folder, { recursive: true });
	const content = typeof body === "string" || Buffer.isBuffer(body) ? body : `${JSON.stringify(body, null, "\t")}\n`;
	await writeFile(`${path}.new`, content, { flush: true });
	await rename(`${path}.new`, path);
	return path;
}

export default (RED: NodeAPI): void => {
	function EnergyReport(this: Node, config: EnergyReportConfig & NodeDef): void {
		RED.nodes.createNode(this, config);
		const grid = config.grid ?? "KR";
		onInput(RED, { node: this, site: config.site }, async (received) => {
			const msg: ReportMessage = received;
			const siteNode = siteOf(RED, config.site);
			const wish = wishOf(config, msg);
			const priced = contractOf(config, siteNode, told(msg));
			this.status({ fill: "blue", shape: "dot", text: "status.making" });
			const store = await siteNode.store();
			const { kind, period } = wish;
			const { site } = siteNode;
			const report = await makeReport(store, { ...{ kind, period, site, grid, nowMs: Date.now() }, ...priced });
			const body = await bodyOf(report, wish);
			msg.payload = body;
			msg.filename = fileName(report, wish);
			if (config.folder && !msg.req) msg.filename = await save(folderOf(config.folder), msg.filename, body);
			if (msg.req) msg.headers = headersOf(wish.format, msg.filename);
			this.status({ fill: "green", shape: "dot", text: report.period });
			return msg;
		});
	}

	const folderOf = (folder: string): string =>
		isAbsolute(folder) ? folder : join(RED.settings.userDir ?? process.cwd(), folder);

	RED.nodes.registerType("energy-report", EnergyReport);
	RED.httpAdmin.get("/smart-energy/energy-report/tariffs", RED.auth.needsPermission("flows.read"), (_req, res) => {
		res.json(["site", ...shippedTariffs().ids()]);
	});
};

/** A PDF opens in the browser, a table is saved. */
function headersOf(format: Format, filename: string): Record<string, string> {
	const how = format === "csv" ? "attachment" : "inline";
	return { "content-type": types[format], "content-disposition": `${how}; filename="${filename}"` };
}
