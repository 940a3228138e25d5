import { environmentLayer, resolveConfig } from "../lib/config/config.ts";
import type { TrainingSettings } from "../models/training/settings.ts";

/** The variables of the two keys, with their section and without. */
const ours = /^SMARTFACTORY_(DATA_)?(TRAIN_RATIO|SCALING_METHOD)$/;

/**
 * What the configuration says of trainings; `cli/start.ts` hands it on through the environment.
 *
 * @throws EnergyError `config.invalid`
 */
export function trainingSettings(env: Readonly<Record<string, string | undefined>> = process.env): TrainingSettings {
	const given = Object.fromEntries(Object.entries(env).filter(([name]) => ours.test(name)));
	const { train_ratio: trainRatio, scaling_method: scaling } = resolveConfig([
		environmentLayer(given, "environment"),
	]).data;
	return { trainRatio, scaling };
}
