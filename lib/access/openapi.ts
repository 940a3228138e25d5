import { middleware } from "express-openapi-validator";
import { EnergyError } from "../errors.ts";
import { languageOf } from "../messages.ts";
import { ruleIn } from "../rules.ts";
import { accessOf } from "./context.ts";
import type { Handler, HttpRequest, HttpResponse, Next } from "./http.ts";

/** What the validator throws: an HTTP status, and for a request that does not fit one entry per misfit. */
interface Misfit {
	status?: number;
	message?: string;
	headers?: Record<string, string>;
	errors?: { path: string; message: string; errorCode?: string }[];
}

/**
 * Checks requests, and outside production answers too, against the contract.
 *
 * The validator is written for Express 5 and runs as well under Node-RED's Express 4: it only asks the app for two
 * routing settings. Its response check hangs on `res.json`, which Node-RED's http response node never calls (it calls
 * `jsonp`), so `jsonp` is led there; that also does away with callbacks named in a query.
 */
export function contractCheck(openapiPath: string, validateResponses: boolean): Handler {
	const steps = middleware({
		apiSpec: openapiPath,
		useRequestUrl: true,
		validateApiSpec: validateResponses,
		validateRequests: { allowUnknownQueryParameters: false },
		validateResponses,
		// Access was checked before, and bodies are JSON alone.
		validateSecurity: false,
		fileUploader: false,
	}) as unknown as Handler[];
	return (req, res, next) => {
		leadJsonp(res);
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

function leadJsonp(res: HttpResponse): void {
	res.jsonp = (body) => res.json?.(body);
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
		case 500:
			return new EnergyError("access.response-invalid", { path, reason: message }, { cause: error });
		default:
			return error;
	}
}
