// `npm run import`: a CSV file into the store, as quarter-hours.
import { basename } from "node:path";
import { parseArgs } from "node:util";
import { clockOf } from "../lib/calendar/zone-clock.ts";
import { EnergyError } from "../lib/errors.ts";
import { languageOfTerminal } from "../lib/messages.ts";
import { openStore } from "../lib/store/open.ts";
import { asOption, fileOptions, planOf, rowsOf } from "../lib/telemetry/csv/file.ts";
import { CsvImporter, type ReadRow } from "../lib/telemetry/csv/importer.ts";
import type { RowJudge } from "../lib/telemetry/csv/judge.ts";
import { judgeOf } from "../lib/telemetry/csv/judging.ts";
import type { Plan } from "../lib/telemetry/csv/plan.ts";
import { writeImport } from "../lib/telemetry/csv/write.ts";
import type { Interval } from "../lib/telemetry/interval.ts";
import type { Machine } from "../lib/telemetry/site.ts";
import { loadApp } from "./app.ts";
import { machineInFlows, zoneInFlows } from "./flows.ts";
import { progressBar } from "./progress.ts";
import { line, reasonOf, say } from "./say.ts";

const PREVIEW_ROWS = 6;
const SHOWN_PROBLEMS = 10;

void main().catch((error: unknown) => {
	console.error(reasonOf(error));
	process.exitCode = 1;
});

function commandLine() {
	return parseArgs({
		allowPositionals: true,
		options: {
			...fileOptions,
			site: { type: "string", default: "demo" },
			machine: { type: "string" },
			rated: { type: "string" },
			db: { type: "string" },
			"dry-run": { type: "boolean" },
			yes: { type: "boolean" },
			help: { type: "boolean", short: "h" },
		},
	});
}

async function main(): Promise<void> {
	const { values, positionals } = commandLine();
	const [file] = positionals;
	if (values.help || file === undefined) {
		say("telemetry.import-usage");
		process.exitCode = values.help ? 0 : 2;
		return;
	}
	const machine = idOf("--machine", values.machine ?? "");
	const site = idOf("--site", values.site);
	const { plan, delimiter } = await planOf(file, values, asOption);
	const known = machineOf(site, machine, values.rated);
	const { judge, notes } = await judgeOf(file, delimiter, plan, { id: machine, known });
	const importer = new CsvImporter(plan, {
		...{ site, machine, timeZone: values.zone, file: basename(file), judge },
		language: languageOfTerminal(process.env),
	});
	showPlan({ ...plan, notes: [...plan.notes, ...notes] }, values.zone);
	const preview = await readAll(importer, file, delimiter);
	showPreview(preview, values.zone);
	const intervals = [...importer.resampler.intervals(site, machine)];
	showResult(importer, intervals, values.zone);
	showJudgement(importer, judge);
	if (values["dry-run"]) return say("telemetry.import-dry");
	if (plan.timesBroken && !values.yes) {
		say("telemetry.import-propose", { options: gridOptions(plan) });
		process.exitCode = 2;
		return;
	}
	const store = await openStore(values.db ?? loadApp().dbUrl);
	try {
		// The zone of the file's times is not that of the plant's days.
		await store.defineSite({ id: site, timeZone: zoneInFlows(loadApp().home, site) ?? values.zone });
		const bar = progressBar();
		const written = await writeImport(store, intervals, importer.rejected, (share) => bar.show(0.5 + share / 2));
		bar.clear();
		say("telemetry.import-written", { ...written });
	} finally {
		await store.close();
	}
}

/** The machine with its rating and rules: as it is told, else as a site of the application's flows has it. */
function machineOf(
	site: string,
	machine: string,
	rated: string | undefined,
): Pick<Machine, "ratedKw" | "rules"> | undefined {
	const known = machineInFlows(loadApp().home, site, machine);
	if (rated === undefined) return known;
	const ratedKw = Number(rated);
	if (ratedKw > 0) return { ...known, ratedKw };
	throw new EnergyError("telemetry.import-option", { option: "--rated", value: rated, rule: "> 0 kW" });
}

function idOf(option: string, value: string): string {
	if (/^[A-Za-z0-9_-]{1,64}$/.test(value)) return value;
	throw new EnergyError("telemetry.import-option", { option, value: value || "–", rule: "[A-Za-z0-9_-]{1,64}" });
}

/** Reads the whole file into the importer; answers its first rows, and the first that were turned away. */
async function readAll(importer: CsvImporter, file: string, delimiter: string): Promise<ReadRow[]> {
	const shown: ReadRow[] = [];
	let problems = 0;
	const bar = progressBar();
	for await (const { row, line: number, share } of rowsOf(file, delimiter)) {
		const read = importer.add(row, number);
		if (shown.length < PREVIEW_ROWS) shown.push(read);
		else if (read.problem !== undefined && problems++ < SHOWN_PROBLEMS) shown.push(read);
		if (importer.rows % 1000 === 0) bar.show(share / 2);
	}
	bar.clear();
	return shown;
}

function showPlan(plan: Plan, zone: string): void {
	for (const { code, details } of plan.notes) say(code, details);
	say("telemetry.import-found-zone", { zone });
	if (plan.grid) {
		const start = localText(plan.grid.startLocalMs);
		say("telemetry.import-found-gridline", { minutes: plan.stepMs / 60_000, start });
	}
}

const localText = (localMs: number): string => new Date(localMs).toISOString().slice(0, 16);

function gridOptions(plan: Plan): string {
	return `--grid ${plan.stepMs / 60_000}min --start ${localText(plan.grid?.startLocalMs ?? 0)}`;
}

function showPreview(rows: readonly ReadRow[], zone: string): void {
	const table = [
		line("telemetry.import-columns").split("\t"),
		...rows
			.filter(({ problem }) => problem === undefined)
			.map(({ line: number, time, value, span }) => [
				String(number),
				time,
				value,
				span ? clockOf(zone).isoAt(span.startMs) : "–",
				span ? String(Math.round(span.energyKwh * 1000) / 1000) : "–",
			]),
	];
	const widths = table[0]?.map((_, column) => Math.max(...table.map((cells) => cells[column]?.length ?? 0))) ?? [];
	for (const cells of table) console.log(`  ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join("  ")}`);
	for (const { line: number, problem } of rows)
		if (problem !== undefined) say("telemetry.import-rejected", { line: number, problem });
}

function showJudgement({ uncertain }: CsvImporter, { reasons }: RowJudge): void {
	const found = Object.entries(reasons).filter(([reason]) => !reason.startsWith("Good"));
	if (found.length === 0) return;
	const all = found.reduce((sum, [, count]) => sum + count, 0);
	const list = found.map(([reason, count]) => `${reason} ${count}`).join(", ");
	say("telemetry.import-judged", { uncertain, implausible: all - uncertain, reasons: list });
}

function showResult(importer: CsvImporter, intervals: readonly Interval[], zone: string): void {
	const [first] = intervals;
	const last = intervals.at(-1);
	const kwh = (value: number): string => (Math.round(value * 100) / 100).toString();
	say("telemetry.import-result", {
		rows: importer.rows,
		intervals: intervals.length,
		kwh: kwh(importer.totalKwh),
		from: first ? clockOf(zone).isoAt(first.startMs) : "–",
		to: last ? clockOf(zone).isoAt(last.startMs + last.durationMs) : "–",
		repeated: importer.repeated,
		rejected: importer.rejected.length,
	});
	const estimated = intervals.reduce((sum, interval) => sum + interval.estimatedKwh, 0);
	if (estimated > 0) say("telemetry.import-estimated", { kwh: kwh(estimated) });
}
