import { type Language, text } from "../messages.ts";
import type { DemandEvent, DemandStatus, LoadCommand, PeakPrice } from "./types.ts";

const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const tenth = new Intl.NumberFormat("en-US", { maximumFractionDigits: 1 });

/** Won as people speak of them: thousands above ten thousand, never more exact than a prediction is. */
function spokenKrw(krw: number): string {
	return whole.format(krw >= 10_000 ? Math.round(krw / 1000) * 1000 : Math.round(krw));
}

/**
 * What a demand costs, in words: "+38 kW over the incumbent = ₩316,000 a month until 2027-08".
 *
 * @param kw the demand that was priced
 */
export function priceText(price: PeakPrice, kw: number, language: Language): string {
	if (price.krw <= 0) {
		const code = price.reason === "not-counted" ? "demand.price-not-counted" : "demand.price-covered";
		return text(code, { incumbentKw: tenth.format(price.incumbentKw) }, language);
	}
	const overKw = tenth.format(Math.max(0, kw - price.incumbentKw));
	const details = { overKw, krw: spokenKrw(price.krwPerMonth), until: price.until ?? "?" };
	return text("demand.price-raises", details, language);
}

const asAdvice: Readonly<Record<string, string>> = {
	"demand.shed": "demand.advise-shed",
	"demand.restored": "demand.advise-restore",
};

/** An event in words; the price comes with it where there is one. As advice, what was done is what should be done. */
export function eventText(event: DemandEvent, language: Language, advice = false): string {
	const { details } = event;
	const code = (advice && asAdvice[event.code]) || event.code;
	if (code === "demand.silent" || code === "demand.late") {
		return text(code, { ...details, policy: text(`demand.policy-${details.policy}`, {}, language) }, language);
	}
	if (code === "demand.closed") {
		const closed = details.over ? "demand.closed-over" : "demand.closed";
		return text(closed, { ...details, windowStart: String(details.windowStart) }, language);
	}
	const said = text(code, details, language);
	if (typeof details.krwPerMonth !== "number") return said;
	const price = { overKw: details.overKw, krw: spokenKrw(details.krwPerMonth), until: details.until ?? "?" };
	return `${said} ${text("demand.price-raises", price, language)}`;
}

/** Why a machine is told to stop, to limit itself or to go on. */
export function commandText(command: LoadCommand, language: Language): string {
	return text(command.reason, command.details, language);
}

/** The quarter-hour in one sentence: where it will end, against which limit, and what that costs. */
export function statusText(status: DemandStatus, language: Language): string {
	const { predictedKw, lowKw, highKw, limitKw, price } = status;
	if (predictedKw === null || lowKw === null || highKw === null) return text("demand.no-data", {}, language);
	const numbers = { predictedKw: tenth.format(predictedKw), lowKw: tenth.format(lowKw), highKw: tenth.format(highKw) };
	const end =
		limitKw === null
			? text("demand.now-unlimited", numbers, language)
			: text("demand.now", { ...numbers, limitKw: tenth.format(limitKw) }, language);
	return price ? `${end} ${priceText(price, predictedKw, language)}` : end;
}
