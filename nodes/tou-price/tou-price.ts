import type { Node, NodeAPI, NodeDef, NodeMessage } from "node-red";
import { type AdviceAnswer, adviceAnswer } from "../../lib/cost/advice.ts";
import { adviseInThread } from "../../lib/cost/advise-thread.ts";
import { carbonAnswer, priceAnswer, pricesAhead, ratesAnswer } from "../../lib/cost/answers.ts";
import { MonthBills } from "../../lib/cost/month.ts";
import { loadPrices, pricePoints, savePrices } from "../../lib/cost/prices.ts";
import { PriceTagger } from "../../lib/cost/tagger.ts";
import { EnergyError } from "../../lib/errors.ts";
import { offerPart } from "../../lib/live/board.ts";
import { explain } from "../../lib/messages.ts";
import { checkSite, fail, given, type Parameters } from "../../lib/store/query.ts";
import { calculateCost } from "../../lib/tariff/calculate-cost.ts";
import type { PriceMessage } from "../../lib/tariff/messages-live.ts";
import type { Pricer } from "../../lib/tariff/pricer.ts";
import { shippedTariffs, type TariffRegistry } from "../../lib/tariff/registry.ts";
import { batchOf } from "../../lib/telemetry/batch.ts";
import type { EnergySiteNode } from "../energy-site/config.ts";
import { type EnergyMessage, logLanguage, onInput, statusText } from "../on-input.ts";
import { siteOf } from "../site-of.ts";
import { Announcer } from "./announcer.ts";
import { type Operation, operations, type TouPriceConfig } from "./config.ts";

interface PriceRequest extends EnergyMessage {
	topic?: string;
	operation?: unknown;
	query?: unknown;
	prices?: unknown;
}

/** Recommendations rest on finished months: the same question within minutes has the same answer. */
const ADVICE_KEPT_MS = 600_000;
const MOST_ADVICE = 16;

export default (RED: NodeAPI): void => {
	function TouPrice(this: Node, config: TouPriceConfig & NodeDef): void {
		RED.nodes.createNode(this, config);
		const show = statusOf(RED, this);
		const work = new Answers(() => siteOf(RED, config.site), config.grid || "KR");
		let announcer: Announcer | undefined;
		let tagger: PriceTagger | undefined;
		let closed = false;

		/** Readings flow on unpriced where there is no price: nothing downstream waits for ours. */
		const price = (msg: PriceRequest): PriceRequest => {
			const page = isPage(msg.payload) ? msg.payload : undefined;
			const { values, many, refused } = batchOf(page?.items ?? msg.payload);
			if (refused) throw new EnergyError("tariff.not-readings", { value: refused.value });
			const siteNode = siteOf(RED, config.site);
			let pricer: Pricer;
			try {
				pricer = siteNode.pricer();
			} catch (error) {
				show.problem(error);
				return msg;
			}
			tagger ??= new PriceTagger(siteNode.site.machines);
			const tagged = tagger.tagAll(values, pricer);
			msg.payload = page ? { ...page, items: tagged } : many ? tagged : tagged[0];
			if (!announcer) show.priced();
			return msg;
		};

		const takePrices = async (msg: PriceRequest): Promise<PriceRequest> => {
			const siteNode = siteOf(RED, config.site);
			const points = pricePoints(msg.prices ?? msg.payload);
			siteNode.takePrices(points);
			await savePrices(await siteNode.store(), siteNode.site.id, points);
			announcer?.anew();
			msg.payload = { prices: points.length };
			return msg;
		};

		const handle = async (msg: PriceRequest): Promise<PriceRequest> => {
			if (!msg.req && (msg.topic === "prices" || msg.prices !== undefined)) return takePrices(msg);
			const operation = operationOf(config, msg);
			if (operation === "readings") return price(msg);
			msg.payload = await work.answer(operation, msg);
			return msg;
		};

		onInput(RED, { node: this, site: config.site }, async (received) => {
			try {
				return await handle(received);
			} catch (error) {
				show.failed();
				throw error;
			}
		});
		const takeBack = work.offerPrice();
		this.on("close", () => {
			closed = true;
			takeBack?.();
			announcer?.close();
		});

		const begin = async (): Promise<void> => {
			const siteNode = siteOf(RED, config.site);
			await restorePrices(siteNode, this);
			if (closed || config.live === false) return;
			const aheadMin = Number(config.aheadMin ?? 15);
			announcer = new Announcer(siteNode, work.billsOf(siteNode), Number.isFinite(aheadMin) ? aheadMin : 15, {
				price: (message) => {
					this.send([null, null, { topic: "price", payload: message } as NodeMessage]);
					show.price(message);
				},
				bill: (message) => this.send([null, null, { topic: "bill", payload: message } as NodeMessage]),
				event: (message) => this.send([null, message]),
				problem: (error) => show.problem(error),
			});
			announcer.start();
		};
		// After the other nodes of the flow are there: messages that nobody hears are lost.
		setImmediate(() => begin().catch((error) => show.problem(error)));
	}
	RED.nodes.registerType("tou-price", TouPrice);
};

/** Prices of the last year, where the site's tariff lives of them. */
async function restorePrices(siteNode: EnergySiteNode, node: Node): Promise<void> {
	try {
		if (siteNode.contract().tariff.book.pricedBy !== "series") return;
		const points = await loadPrices(await siteNode.store(), siteNode.site.id, Date.now());
		if (points.length > 0) siteNode.takePrices(points);
	} catch (error) {
		// The contract's own errors are said where prices are asked for.
		if (error instanceof EnergyError && error.code.startsWith("store.")) node.warn(explain(error, logLanguage));
	}
}

function operationOf(config: TouPriceConfig, msg: PriceRequest): Operation {
	const wanted = config.operation === "from-message" ? msg.operation : (config.operation ?? "readings");
	const known = operations.find((operation) => operation === wanted);
	if (known === undefined) return fail("operation", wanted, `one of ${operations.join(", ")}`);
	const asks = msg.req !== undefined || msg.query !== undefined;
	return known === "readings" && asks && !isPriceable(msg.payload) ? "price" : known;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
	typeof value === "object" && value !== null && !Array.isArray(value) && !Buffer.isBuffer(value);

/** A page as energy-store answers it; its question still stands in the message then. */
const isPage = (payload: unknown): payload is { items: unknown[] } => isObject(payload) && Array.isArray(payload.items);

/** Whether a message with a question brings something to price already. */
function isPriceable(payload: unknown): boolean {
	if (Array.isArray(payload) || isPage(payload)) return true;
	return isObject(payload) && (payload.time ?? payload.start ?? payload.timeMs ?? payload.startMs) !== undefined;
}

/** A request speaks through its query string; other messages through `query`, or an object as payload. */
function parametersOf(msg: PriceRequest): Parameters {
	const asked = msg.req ? { ...msg.req.query, ...msg.req.params } : (msg.query ?? msg.payload ?? {});
	return isObject(asked) ? asked : {};
}

/** Everything that is answered when asked. */
class Answers {
	readonly #siteOf: () => EnergySiteNode;
	readonly #grid: string;
	#bills: MonthBills | undefined;
	readonly #advice = new Map<string, { atMs: number; answer: Promise<AdviceAnswer> }>();

	constructor(site: () => EnergySiteNode, grid: string) {
		this.#siteOf = site;
		this.#grid = grid;
	}

	/** The price now and ahead, for the whole picture of the site; undefined where there is no site. */
	offerPrice(): (() => void) | undefined {
		try {
			const siteNode = this.#siteOf();
			const { site } = siteNode;
			const pricer = (): Pricer => siteNode.pricer();
			return offerPart(site.id, "price", () => pricesAhead(siteNode.contract(), pricer, {}, Date.now()));
		} catch {
			// The first message says that the site is missing.
			return undefined;
		}
	}

	billsOf(siteNode: EnergySiteNode): MonthBills {
		this.#bills ??= new MonthBills(siteNode.site);
		return this.#bills;
	}

	async answer(operation: Exclude<Operation, "readings">, msg: PriceRequest): Promise<unknown> {
		// A cost is asked about a tariff of the request, whatever the site's own contract says.
		if (operation === "cost") return calculateCost(msg.req ? msg.req.body : msg.payload, this.#registry());
		const siteNode = this.#siteOf();
		const { site } = siteNode;
		const parameters = parametersOf(msg);
		const nowMs = Date.now();
		const pricer = (): Pricer => siteNode.pricer();
		switch (operation) {
			case "price":
				return priceAnswer(site, siteNode.contract(), pricer, parameters, nowMs);
			case "rates":
				return ratesAnswer(site, siteNode.contract(), pricer, parameters, nowMs);
			case "carbon": {
				const grid = given(parameters.grid) ? String(parameters.grid) : this.#grid;
				return carbonAnswer(await siteNode.store(), site, parameters, nowMs, grid);
			}
			case "bill": {
				checkSite(site, parameters);
				const month = given(parameters.month) ? String(parameters.month) : undefined;
				return this.billsOf(siteNode).bill(await siteNode.store(), siteNode.contract(), nowMs, month);
			}
			case "recommendations":
				return this.#recommendations(siteNode, parameters, nowMs);
		}
	}

	#registry(): TariffRegistry {
		try {
			return this.#siteOf().contract().registry;
		} catch {
			return shippedTariffs();
		}
	}

	#recommendations(siteNode: EnergySiteNode, parameters: Parameters, nowMs: number): Promise<AdviceAnswer> {
		const { months, shiftPercent, shaveIntervals, site } = parameters;
		const contract = siteNode.contract();
		const key = JSON.stringify([contract.data, months, shiftPercent, shaveIntervals, site]);
		const known = this.#advice.get(key);
		if (known && nowMs - known.atMs < ADVICE_KEPT_MS) return known.answer;
		const answer = siteNode
			.store()
			.then((store) => adviceAnswer(store, siteNode.site, contract, parameters, nowMs, adviseInThread));
		this.#advice.delete(key);
		const [oldest] = this.#advice.keys();
		if (this.#advice.size >= MOST_ADVICE && oldest !== undefined) this.#advice.delete(oldest);
		this.#advice.set(key, { atMs: nowMs, answer });
		answer.catch(() => this.#advice.delete(key));
		return answer;
	}
}

/** Price now and its band; a problem is said once, until it is another one or over. */
function statusOf(RED: NodeAPI, node: Node) {
	let shown = "";
	let problem = "";
	const set = (fill: "green" | "yellow" | "red", text: string): void => {
		if (shown !== text) node.status({ fill, shape: fill === "red" ? "ring" : "dot", text });
		shown = text;
	};
	return {
		price({ now }: PriceMessage): void {
			problem = "";
			if (now.priceKrwPerKwh === null) {
				set("yellow", "status.price-missing");
				return;
			}
			const band = RED._(`status.${now.band}`);
			const name = band === `status.${now.band}` ? now.band : band;
			set("green", `₩${now.priceKrwPerKwh} ${name}`.slice(0, 20));
		},
		priced(): void {
			problem = "";
			set("green", "status.priced");
		},
		/** The funnel shows the error; what follows has to be shown again. */
		failed(): void {
			shown = "";
		},
		problem(error: unknown): void {
			if (error === null) return;
			const text = explain(error, logLanguage);
			set("red", statusText(RED, error));
			if (text !== problem) node.error(text);
			problem = text;
		},
	};
}
