import { middleware } from "express-openapi-validator";
import type { OpenApi } from "../api/contract.ts";
import { EnergyError } from "../errors.ts";
import { languageOf } from "../messages.ts";
import { ruleIn } from "../rules.ts";
import { accessOf } from "./context.ts";
import type { Handler, HttpRequest, Next } from "./http.ts";

/** What the validator throws: an HTTP status, and for a request that does not fit one entry per misfit. */
interface Misfit {
	status?: number;
	message?: string;
	headers?: Record<string, string>;
	errors?: { path: string; message: string; errorCode?: string }[];
}

/**
 * Checks requests against the contract; answers are checked where they leave, in lib/api/answer.ts.
 *
 * The validator is written for Express 5 and runs as well under Node-RED's Express 4: it only asks the app for two
 * routing settings.
 */
export function contractCheck(document: OpenApi, validateContract: boolean): Handler {
	const steps = middleware({
		// It writes into what it is given.
		apiSpec: structuredClone(document) as never,
		useRequestUrl: true,
		validateApiSpec: validateContract,
		validateRequests: { allowUnknownQueryParameters: false, allErrors: true },
		validateResponses: false,
		// Access was checked before, and bodies are JSON alone.
		validateSecurity: false,
		fileUploader: false,
	}) as unknown as Handler[];
	return (req, res, next) => {
		const run = (at: number): Next => {
			return (error) => {
				if (error) return next(energyErrorOf(error, req));
				const step = steps[at];
				if (!step) return next();
				step(req, res, run(at + 1));
			};
		};
		run(0)();
	};
}

/** Where several alternatives fail, the deepest place is the one that its sender can correct. */
const depthOf = (field: string): number => field.split("/").length;

/** … and beside it what the fitting alternative asks says more than that the others are of another type. */
function rankOf(errorCode = ""): number {
	if (/^(oneOf|anyOf)\./.test(errorCode)) return 2;
	return errorCode.startsWith("type.") ? 1 : 0;
}

function energyErrorOf(error: unknown, req: HttpRequest): unknown {
	const { status, message, headers, errors } = error as Misfit;
	const path = (req.originalUrl ?? req.url ?? "").split("?", 1)[0];
	switch (status) {
		case 404:
			return new EnergyError("access.path-unknown", { path });
		case 405:
			return new EnergyError("access.method-unknown", { path, method: req.method, allowed: headers?.Allow ?? "" });
		case 406:
		case 415:
			return new EnergyError("access.media-type", {
				received: req.headers["content-type"] ?? "–",
				allowed: "application/json",
			});
		case 400: {
			const language = accessOf(req)?.language ?? languageOf(req.headers["accept-language"]);
			const misfits = (errors ?? [])
				.toSorted((a, b) => depthOf(b.path) - depthOf(a.path) || rankOf(a.errorCode) - rankOf(b.errorCode))
				.slice(0, 20)
				.map((misfit) => ({ field: misfit.path, rule: ruleIn(language, misfit.message) }));
			const [first] = misfits;
			return new EnergyError("access.request-invalid", {
				field: first?.field ?? path,
				rule: first?.rule ?? ruleIn(language, message ?? ""),
				misfits,
			});
		}
		default:
			return error;
	}
}
