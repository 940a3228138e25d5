import type { Machine } from "../site.ts";
import { rowsOf } from "./file.ts";
import { RowJudge, SizeFinder } from "./judge.ts";
import { type Plan, readValue } from "./plan.ts";

const HOUR_MS = 3_600_000;

/**
 * A judge for a file's rows. Of a machine without a rating the whole file is looked at first: its own rows tell which
 * of them cannot be.
 *
 * @param known the machine as the site knows it
 */
export async function judgeOf(
	file: string,
	delimiter: string,
	plan: Plan,
	{ id, known }: { id: string; known?: Pick<Machine, "ratedKw" | "rules"> | undefined },
	signal?: AbortSignal,
): Promise<{ judge: RowJudge; notes: Plan["notes"] }> {
	const nowMs = Date.now();
	if (known?.ratedKw !== undefined) {
		const notes = [{ code: "telemetry.import-judged-rated", details: { ratedKw: known.ratedKw } }];
		return { judge: new RowJudge({ machine: known, nowMs }), notes };
	}
	const notes: Plan["notes"] = [{ code: "telemetry.import-judged-unrated", details: { machine: id } }];
	if (plan.measure === "counterKwh") return { judge: new RowJudge({ machine: known, nowMs }), notes };
	const finder = new SizeFinder();
	let rows = 0;
	for await (const { row } of rowsOf(file, delimiter)) {
		if (rows++ % 1000 === 0) signal?.throwIfAborted();
		const value = readValue(plan, row);
		if (value !== undefined) finder.add(plan.measure === "powerKw" ? value : (value * HOUR_MS) / plan.stepMs);
	}
	const sizes = finder.sizes();
	if (sizes.mixed) notes.push({ code: "telemetry.import-mixed", details: { rows: sizes.rows } });
	return { judge: new RowJudge({ machine: known, sizes, nowMs }), notes };
}
