import type { Node, NodeAPI, NodeDef } from "node-red";
import { accessOf } from "../../lib/access/context.ts";
import { readData } from "../../lib/data.ts";
import { EnergyError } from "../../lib/errors.ts";
import { cancelJob, type JobsQuery, jobOf, listJobs } from "../../lib/jobs/sources.ts";
import { boardOf } from "../../lib/live/board.ts";
import type { Language } from "../../lib/messages.ts";
import { healthOf, healthParts, withoutDetails } from "../../lib/metrics/health.ts";
import { watchProcess } from "../../lib/metrics/process.ts";
import { prometheusText, prometheusType } from "../../lib/metrics/prometheus.ts";
import { statisticsOf } from "../../lib/metrics/statistics.ts";
import { problemOf } from "../../lib/problem.ts";
import { homeOf } from "../home-of.ts";
import { type EnergyMessage, logLanguage, onInput } from "../on-input.ts";
import { siteOf } from "../site-of.ts";
import { type EnergySystemConfig, operations } from "./config.ts";

interface SystemMessage extends EnergyMessage {
	operation?: unknown;
	statusCode?: number;
	headers?: Record<string, string>;
}

type Asked = "statistics" | "dashboard" | "health" | "live" | "ready" | "part" | "metrics" | "jobs" | "job" | "cancel";

/** Ends of paths, and what each asks by its method. */
const paths: readonly { pattern: RegExp; method: string; asked: Asked }[] = [
	{ pattern: /\/system\/statistics$/, method: "GET", asked: "statistics" },
	{ pattern: /\/monitoring\/dashboard$/, method: "GET", asked: "dashboard" },
	{ pattern: /\/metrics$/, method: "GET", asked: "metrics" },
	{ pattern: /\/health$/, method: "GET", asked: "health" },
	{ pattern: /\/health\/live$/, method: "GET", asked: "live" },
	{ pattern: /\/health\/ready$/, method: "GET", asked: "ready" },
	{ pattern: /\/health\/[^/]+$/, method: "GET", asked: "part" },
	{ pattern: /\/jobs$/, method: "GET", asked: "jobs" },
	{ pattern: /\/jobs\/[^/]+$/, method: "GET", asked: "job" },
	{ pattern: /\/jobs\/[^/]+$/, method: "DELETE", asked: "cancel" },
];

/** What the whole picture is made of: see lib/live/board.ts. */
const dashboardParts = ["realtime", "demand", "price", "alarms", "efficiency", "forecast", "schedule", "models"];

const { version } = readData<{ version: string }>("package.json");

export default (RED: NodeAPI): void => {
	watchProcess();

	function EnergySystem(this: Node, config: EnergySystemConfig & NodeDef): void {
		RED.nodes.createNode(this, config);
		const home = homeOf(RED);

		onInput(RED, { node: this, site: config.site }, async (msg: SystemMessage) => {
			const language = (msg.req && accessOf(msg.req)?.language) ?? logLanguage;
			Object.assign(msg, await answer(askedOf(config, msg), msg, language));
			this.status({ fill: "green", shape: "dot", text: "status.answered" });
			return msg;
		});

		type Answer = Pick<SystemMessage, "payload" | "statusCode" | "headers">;

		async function answer(asked: Asked, msg: SystemMessage, language: Language): Promise<Answer> {
			if (asked === "live") return { payload: { status: "ok", parts: {} } };
			if (asked === "health" || asked === "ready" || asked === "part") return health(asked, msg, language);
			const { site, store } = siteOf(RED, config.site);
			switch (asked) {
				case "dashboard":
					return { payload: await dashboard(site.id, site.timeZone, language) };
				case "jobs":
					return { payload: await listJobs(site.id, jobsQuery(msg), language) };
				case "job":
					return { payload: await jobOf(site.id, jobId(msg), language) };
				case "cancel":
					return { payload: await cancelJob(site.id, jobId(msg), language) };
			}
			const figures = await statisticsOf({ site, store: await store(), home, version, language });
			if (asked === "statistics") return { payload: figures };
			return { payload: prometheusText(figures), headers: { "content-type": prometheusType } };
		}

		/** Strangers learn the state; words and numbers are for those who are signed in. */
		async function health(asked: "health" | "ready" | "part", msg: SystemMessage, language: Language): Promise<Answer> {
			const whole = await healthOf(async () => siteOf(RED, config.site).store(), home, language);
			const known = !msg.req || accessOf(msg.req)?.user !== null;
			const shown = known ? { ...whole, version, uptimeS: Math.round(process.uptime()) } : withoutDetails(whole);
			if (asked === "part") {
				const wanted = msg.req?.params.part;
				const part = healthParts.find((name) => name === wanted);
				if (!part) throw new EnergyError("metrics.part-unknown", { part: wanted, known: healthParts.join(", ") });
				const { status } = whole.parts[part];
				return answerOf(status === "failed", { status, parts: { [part]: shown.parts[part] } });
			}
			return answerOf(whole.status === "failed", shown);
		}

		function answerOf(failed: boolean, payload: object): Answer {
			return { statusCode: failed ? 503 : 200, payload };
		}
	}
	RED.nodes.registerType("energy-system", EnergySystem);
};

function askedOf(config: EnergySystemConfig, msg: SystemMessage): Asked {
	if (msg.req) {
		// Behind other nodes the path may have lost its beginning, never its end.
		const path = (msg.req.url ?? "").split("?", 1)[0]?.replace(/\/+$/, "") ?? "";
		// A HEAD comes as what answers GET.
		const method = msg.req.method === "HEAD" ? "GET" : msg.req.method;
		const found = paths.find((each) => each.method === method && each.pattern.test(path));
		if (found) return found.asked;
		throw new EnergyError("metrics.operation-unknown", { field: "path", value: path, rule: operations.join(", ") });
	}
	const wanted = config.operation === "from-message" ? msg.operation : config.operation;
	const operation = operations.find((one) => one === wanted);
	if (operation) return operation;
	throw new EnergyError("metrics.operation-unknown", {
		field: "operation",
		value: wanted ?? "–",
		rule: operations.join(", "),
	});
}

async function dashboard(site: string, timeZone: string, language: Language): Promise<object> {
	const { parts, errors } = await boardOf(site, dashboardParts, language);
	const problems = Object.entries(errors).map(([part, error]) => [part, problemOf(error, language)]);
	return {
		...{ site, time: new Date().toISOString(), timeZone, ...parts },
		missing: dashboardParts.filter((name) => parts[name] === null),
		problems: Object.fromEntries(problems),
	};
}

function jobsQuery(msg: SystemMessage): JobsQuery {
	const given = (msg.req?.query ?? {}) as Partial<JobsQuery>;
	const { type, state, sort, limit = 100, cursor } = given;
	return {
		...{ sort, limit: Number(limit) },
		...(type !== undefined && { type }),
		...(state !== undefined && { state }),
		...(cursor !== undefined && { cursor }),
	};
}

const jobId = (msg: SystemMessage): string => msg.req?.params.id ?? "";
