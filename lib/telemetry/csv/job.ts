import { clockOf } from "../../calendar/zone-clock.ts";
import { EnergyError } from "../../errors.ts";
import { type Language, text } from "../../messages.ts";
import type { Store } from "../../store/store.ts";
import type { QualityReason } from "../reading.ts";
import type { Machine } from "../site.ts";
import { asParameter, type FileValues, planOf, rowsOf } from "./file.ts";
import { CsvImporter } from "./importer.ts";
import { judgeOf } from "./judging.ts";
import { writeImport } from "./write.ts";

export interface ImportRequest extends FileValues {
	machine: string;
	/** Looks at everything and writes nothing. */
	dryRun: boolean;
	/** Takes the grid that is proposed where the times of a file cannot be right. */
	acceptGrid: boolean;
}

export interface ImportTarget {
	site: string;
	/** Of the site; what the file's times are in unless it says otherwise. */
	timeZone: string;
	/** As the site knows them: their ratings and rules judge the rows. */
	machines?: readonly Machine[];
	store: () => Promise<Store>;
	language: Language;
}

/** What came of a file, as the job's result. */
export interface ImportResult {
	machine: string;
	rows: number;
	intervals: number;
	energyKwh: number;
	estimatedKwh: number;
	from: string | null;
	to: string | null;
	repeatedRows: number;
	rejectedRows: number;
	/** Taken, but doubtful. */
	uncertainRows: number;
	/** What judged implausible or doubtful, by reason. */
	reasons: Partial<Record<QualityReason, number>>;
	/** The first rows that were turned away, and why. */
	problems: { line: number; problem: string }[];
	/** What was found in the file, for a person. */
	notes: string[];
	dryRun: boolean;
	written: { inserted: number; duplicates: number; replaced: number } | null;
}

const SHOWN_PROBLEMS = 20;

/**
 * Looks at the head of a file, so that what cannot be imported is said at once; what it resolves to does the rest.
 *
 * @param file on this machine, under a name that nobody outside chose
 * @param name under which its rejected rows are filed
 * @throws EnergyError `telemetry.import-…`
 */
export async function prepareImport(file: string, name: string, asked: ImportRequest, target: ImportTarget) {
	const { machine, dryRun, acceptGrid, ...values } = asked;
	const { plan, delimiter } = await planOf(file, values, asParameter);
	const timeZone = values.zone ?? target.timeZone;
	const { language, site } = target;
	if (plan.timesBroken && !dryRun && !acceptGrid) {
		const start = new Date(plan.grid?.startLocalMs ?? 0).toISOString().slice(0, 16);
		const minutes = plan.stepMs / 60_000;
		throw new EnergyError("telemetry.import-times", { field: "acceptGrid", rule: "true", minutes, start });
	}
	const notes = plan.notes.map(({ code, details }) => text(code, details, language));
	return async (tell: (share: number) => void, signal: AbortSignal): Promise<ImportResult> => {
		const known = target.machines?.find(({ id }) => id === machine);
		const { judge, notes: judged } = await judgeOf(file, delimiter, plan, { id: machine, known }, signal);
		notes.push(...judged.map(({ code, details }) => text(code, details, language)));
		const importer = new CsvImporter(plan, { site, machine, timeZone, file: name, language, judge });
		const problems: ImportResult["problems"] = [];
		for await (const { row, line, share } of rowsOf(file, delimiter)) {
			const { problem } = importer.add(row, line);
			if (problem !== undefined && problems.length < SHOWN_PROBLEMS) problems.push({ line, problem });
			if (importer.rows % 1_000 === 0) {
				signal.throwIfAborted();
				tell(share / 2);
			}
		}
		const intervals = [...importer.resampler.intervals(site, machine)];
		const [first, last] = [intervals[0], intervals.at(-1)];
		const clock = clockOf(timeZone);
		let written: ImportResult["written"] = null;
		if (!dryRun) {
			const store = await target.store();
			const outcome = await writeImport(store, intervals, importer.rejected, (share) => tell(0.5 + share / 2), signal);
			const { inserted, duplicates, replaced } = outcome;
			written = { inserted, duplicates, replaced };
		}
		const rounded = (kwh: number): number => Math.round(kwh * 1_000) / 1_000;
		return {
			...{ machine, rows: importer.rows, intervals: intervals.length, energyKwh: rounded(importer.totalKwh) },
			estimatedKwh: rounded(intervals.reduce((sum, interval) => sum + interval.estimatedKwh, 0)),
			from: first ? clock.isoAt(first.startMs) : null,
			to: last ? clock.isoAt(last.startMs + last.durationMs) : null,
			...{ repeatedRows: importer.repeated, rejectedRows: importer.rejected.length },
			...{ uncertainRows: importer.uncertain, reasons: judge.reasons, problems, notes, dryRun, written },
		};
	};
}
