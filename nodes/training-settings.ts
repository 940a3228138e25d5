import { environmentLayer, resolveConfig } from "../lib/config/config.ts";
import type { TrainingSettings } from "../models/training/settings.ts";

const names = ["SMARTFACTORY_DATA_TRAIN_RATIO", "SMARTFACTORY_DATA_SCALING_METHOD"];

/**
 * What the configuration says of trainings; `cli/start.ts` hands it on through the environment.
 *
 * @throws EnergyError `config.invalid`
 */
export function trainingSettings(env: Readonly<Record<string, string | undefined>> = process.env): TrainingSettings {
	const given = Object.fromEntries(names.map((name) => [name, env[name]]));
	const { train_ratio: trainRatio, scaling_method: scaling } = resolveConfig([
		environmentLayer(given, "environment"),
	]).data;
	return { trainRatio, scaling };
}
