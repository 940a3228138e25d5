// `npm run pretrain`: a small forecast model of the simulated plant, so that a first start forecasts at once.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packageRoot } from "../lib/package-root.cjs";
import { generateHistory } from "../lib/plant/history.ts";
import { openStore } from "../lib/store/open.ts";
import type { Pretrained } from "../models/forecast/forecast-types.ts";
import { loadModelKind } from "../models/forecast/load-model.ts";
import { SiteForecast, TOTAL } from "../models/forecast/site-forecast.ts";
import { encodeModel } from "../models/model-file.ts";
import { trainerOf } from "../models/training/trainer.ts";

const days = 120;
const site = { id: "demo", name: "Demo", timeZone: "Asia/Seoul", unknownMachines: "reject" } as const;
const untilMs = Date.parse("2026-11-01T00:00:00+09:00");

async function pretrain(): Promise<void> {
	const folder = mkdtempSync(join(tmpdir(), "pretrain-"));
	try {
		const store = await openStore(`sqlite://${folder}/energy.db`);
		const made = await generateHistory(store, {
			days,
			rawDays: 0.5,
			untilMs,
			siteId: site.id,
			timeZone: site.timeZone,
		});
		const machines = [{ id: "main-meter", name: "Main meter", area: "", role: "main" as const }];
		const options = { historyDays: days, keepDays: 1, share: 0.9, driftFactor: 2 };
		const forecasts = new SiteForecast(
			{ ...site, machines },
			async () => store,
			trainerOf(folder),
			options,
			() => untilMs,
		);
		const { data, options: fitOptions } = await forecasts.trainings.data(TOTAL);
		const light = { ...fitOptions, light: true };
		const { model, metrics } = await loadModelKind.fit(data, light, { seed: 1, progress: () => {} });
		const file = `${site.id}-${TOTAL}.sfmodel`;
		const to = join(packageRoot, "models/pretrained");
		writeFileSync(join(to, file), encodeModel(loadModelKind.kind, loadModelKind.version, model.serialise()));
		const index: Pretrained = {
			madeWith: "npm run pretrain",
			source: `${days} days of the simulated plant (lib/plant, seed 1) until ${new Date(untilMs).toISOString()}`,
			models: [{ site: site.id, machine: TOTAL, meter: "main-meter", file, metrics }],
		};
		writeFileSync(join(to, "index.json"), `${JSON.stringify(index, null, "\t")}\n`);
		console.log(`${file}: ${made.intervals} quarter-hours`, metrics);
		await store.close();
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}

pretrain().then(
	() => process.exit(0),
	(error: unknown) => {
		console.error(error);
		process.exit(1);
	},
);
