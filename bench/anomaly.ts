// `npm run bench -- anomaly [--data DIR] [--skab DIR] [--nab DIR] [--plant [SEEDS]] [--seconds [DAYS]] [--no-speed] [--json]`: detectors on
// labelled outlier sets, SKAB, NAB and the simulated plant, and their speed, beside their peers in the same run.
import { existsSync } from "node:fs";
import { nabSection } from "./anomaly/nab.ts";
import { outlierSection } from "./anomaly/outliers.ts";
import { plantSection } from "./anomaly/plant.ts";
import { secondsSection } from "./anomaly/seconds.ts";
import { skabSection } from "./anomaly/skab.ts";
import { speedSection } from "./anomaly/speed.ts";
import type { Figures } from "./run.ts";

export default async function bench(args: readonly string[]): Promise<Figures> {
	const folder = (name: string): string | undefined => {
		const at = args.indexOf(name);
		if (at < 0) return undefined;
		const path = args[at + 1];
		if (path === undefined || path.startsWith("--")) throw new Error(`${name} needs a folder`);
		return path;
	};
	// One section that fails leaves the others standing.
	const section = (name: string, folderName: string, work: (path: string) => Figures | undefined): Figures => {
		const path = folder(folderName);
		if (path === undefined) return {};
		if (!existsSync(path)) return { [name]: { error: `there is no folder ${path}` } };
		try {
			return { [name]: work(path) ?? { error: `no files of this kind in ${path}` } };
		} catch (error) {
			return { [name]: { error: error instanceof Error ? error.message : String(error) } };
		}
	};
	const plantAt = args.indexOf("--plant");
	const seeds = Number(args[plantAt + 1]) || 1;
	const secondsAt = args.indexOf("--seconds");
	const days = Number(args[secondsAt + 1]) || 2;
	return {
		...section("outlier sets", "--data", outlierSection),
		...section("SKAB", "--skab", skabSection),
		...section("NAB", "--nab", nabSection),
		...(plantAt >= 0 && { "simulated plant": plantSection(Array.from({ length: seeds }, (_, i) => i + 1)) }),
		...(secondsAt >= 0 && { "read each second": secondsSection(days) }),
		...(!args.includes("--no-speed") && { speed: speedSection() }),
	};
}
