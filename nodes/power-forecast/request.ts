import { accessOf } from "../../lib/access/context.ts";
import { EnergyError } from "../../lib/errors.ts";
import { pastOf, predictionOf } from "../../models/forecast/forecast-answers.ts";
import { TOTAL } from "../../models/forecast/site-forecast.ts";
import type { EnergyMessage } from "../on-input.ts";
import type { Issuer } from "./issuer.ts";

/** `GET …/forecasts` and `POST …/models/predict`: behind other nodes the path may have lost its beginning, never its end. */
export async function answerTo({ forecasts, node }: Issuer, { req }: EnergyMessage): Promise<unknown> {
	const path = (req?.url ?? "").split("?", 1)[0]?.replace(/\/+$/, "") ?? "";
	const reader = req ? (accessOf(req)?.language ?? null) : null;
	if (req?.method === "GET" && path.endsWith("/forecasts")) return pastOf(forecasts, node.site, req.query, reader);
	if (req?.method === "POST" && path.endsWith("/predict")) {
		return predictionOf(forecasts, node.site, (req.body ?? {}) as Record<string, unknown>, reader);
	}
	throw new EnergyError("models.bad-input", { field: "path", value: path, rule: "GET …/forecasts, POST …/predict" });
}

type Request =
	| { machine?: string; horizonMinutes?: number }
	| { train: string }
	| { past: Record<string, unknown> }
	| { predict: Record<string, unknown> }
	| { machine: string; accuracyDays: number };

/**
 * `{machine, horizonMinutes}` asks for a forecast, `{train: machine}` for a training, `{machine, from, to, leadMinutes}`
 * for what was forecast, `{machine, accuracyDays}` for what that was worth, `{predict: {…}}` for a forecast that is not
 * remembered; anything else asks for all machines.
 */
export function requestOf(payload: unknown): Request {
	if (typeof payload !== "object" || payload === null) return {};
	const given = payload as Record<string, unknown>;
	const name = (field: string): string => {
		const value = given[field] ?? TOTAL;
		if (typeof value !== "string") throw new EnergyError("models.name-invalid", { field, value });
		return value;
	};
	const number = (field: string, otherwise: number): number => {
		const value = given[field] === undefined ? otherwise : Number(given[field]);
		if (!Number.isFinite(value)) throw new EnergyError("models.horizon", { value: String(given[field]), rule: field });
		return value;
	};
	if (given.train !== undefined) return { train: name("train") };
	if (given.predict !== undefined) return { predict: given.predict as Record<string, unknown> };
	if (given.from !== undefined) return { past: given };
	if (given.accuracyDays !== undefined) return { machine: name("machine"), accuracyDays: number("accuracyDays", 7) };
	return {
		...(given.machine !== undefined && { machine: name("machine") }),
		...(given.horizonMinutes !== undefined && { horizonMinutes: number("horizonMinutes", 0) }),
	};
}
