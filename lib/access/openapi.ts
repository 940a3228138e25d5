import { middleware } from "express-openapi-validator";
import type { Contract, OpenApi } from "../api/contract.ts";
import { EnergyError } from "../errors.ts";
import { languageOf } from "../messages.ts";
import { ruleIn } from "../rules.ts";
import { accessOf } from "./context.ts";
import { type Handler, type HttpRequest, type Next, pathOf } from "./http.ts";

/** What the validator throws: an HTTP status, and for a request that does not fit one entry per misfit. */
interface Misfit {
	status?: number;
	message?: string;
	errors?: { path: string; message: string; errorCode?: string }[];
}

/**
 * Checks requests against the contract; answers are checked where they leave, in lib/api/answer.ts.
 *
 * The validator is written for Express 5 and runs as well under Node-RED's Express 4: it only asks the app for two
 * routing settings. For each request it tries every path that it knows, building each pattern anew, so each path has a
 * validator of its own, made when it is first asked for, with as much of the contract as it reads.
 */
export function contractCheck(contract: Contract, validateContract: boolean): Handler {
	const validators = new Map<string, Handler[]>();
	const stepsFor = (path: string): Handler[] => {
		const known = validators.get(path);
		if (known) return known;
		const steps = middleware({
			apiSpec: excerptOf(contract.document, path) as never,
			useRequestUrl: true,
			validateApiSpec: validateContract,
			validateRequests: { allowUnknownQueryParameters: false, allErrors: true },
			validateResponses: false,
			// Access was checked before, and bodies are JSON alone.
			validateSecurity: false,
			fileUploader: false,
		}) as unknown as Handler[];
		validators.set(path, steps);
		return steps;
	};
	return (req, res, next) => {
		const path = pathOf(req);
		const operation = contract.operationOf(req.method ?? "GET", path);
		if (!operation) return next(unknownAt(contract, req, path));
		const steps = stepsFor(operation.path);
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

function unknownAt(contract: Contract, req: HttpRequest, asked: string): EnergyError {
	const path = (req.originalUrl ?? req.url ?? "").split("?", 1)[0];
	const allowed = contract.methodsAt(asked);
	if (allowed.length === 0) return new EnergyError("access.path-unknown", { path });
	return new EnergyError("access.method-unknown", { path, method: req.method, allowed: allowed.join(", ") });
}

/** One path of a contract with what its requests refer to; a copy, because the validator writes into what it is given. */
function excerptOf(document: OpenApi, path: string): OpenApi {
	const operations = Object.entries(document.paths[path] ?? {}).map(([method, operation]) => {
		const { responses: _responses, ...request } = operation;
		return [method, { ...request, responses: { default: { description: "" } } }];
	});
	const excerpt: OpenApi = { ...document, paths: { [path]: Object.fromEntries(operations) }, components: {} };
	const wanted = refsIn(excerpt.paths);
	// A set grows while it is walked: what is taken over may refer to more.
	for (const ref of wanted) {
		const [, , kind = "", name = ""] = ref.split("/");
		const part = document.components?.[kind]?.[name];
		if (part === undefined) continue;
		excerpt.components = { ...excerpt.components, [kind]: { ...excerpt.components?.[kind], [name]: part } };
		for (const more of refsIn(part)) wanted.add(more);
	}
	const schemes = document.components?.securitySchemes;
	if (schemes) excerpt.components = { ...excerpt.components, securitySchemes: schemes };
	return structuredClone(excerpt);
}

function refsIn(value: unknown, found = new Set<string>()): Set<string> {
	if (typeof value !== "object" || value === null) return found;
	for (const [name, each] of Object.entries(value)) {
		if (name === "$ref" && typeof each === "string") found.add(each);
		else refsIn(each, found);
	}
	return found;
}

/** Where several alternatives fail, the deepest place is the one that its sender can correct. */
const depthOf = (field: string): number => field.split("/").length;

/** … and beside it what the fitting alternative asks says more than that the others are of another type. */
function rankOf(errorCode = ""): number {
	if (/^(oneOf|anyOf)\./.test(errorCode)) return 2;
	return errorCode.startsWith("type.") ? 1 : 0;
}

function energyErrorOf(error: unknown, req: HttpRequest): unknown {
	const { status, message, errors } = error as Misfit;
	const path = (req.originalUrl ?? req.url ?? "").split("?", 1)[0];
	switch (status) {
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
