import type { PriceMessage } from "../../../../lib/tariff/messages-live.ts";
import type { CardState } from "../../picture.ts";
import { MISSING, rate } from "../format.ts";
import { nowMs, t } from "../shell.ts";
import { bandLevel, type Step, stepsOf } from "../steps.ts";
import { bandName, words } from "../tariff.ts";
import { defineComponent, h, type VNode, type VNodeChild } from "../vue.ts";
import { clock, moment } from "../zone.ts";
import { big, cardProps, empty, frame } from "./card.ts";

const HOUR_MS = 3_600_000;
/** The strip shows what was for a moment, and what comes until the same time tomorrow. */
const BEHIND_MS = 4 * HOUR_MS;
const AHEAD_MS = 20 * HOUR_MS;

/** What a kWh costs now, until when, and what comes then. */
export const PriceNow = defineComponent({
	name: "PriceNow",
	props: cardProps,
	setup: (props) => () => frame("price-now", t("price.title"), tariff(props.state), body(props)),
});

function tariff({ price }: CardState): VNodeChild {
	return price ? h("span", { class: "se-remark" }, words(price.tariffName)) : null;
}

function body({ state: { price, picture }, editor }: { state: CardState; editor: string }): VNodeChild {
	if (!price) return empty(t("price.empty"), editor);
	const zone = picture?.timeZone;
	const { now, bands } = price;
	const reason =
		now.priceKrwPerKwh === null ? t("price.missing") : t("price.marginal", { won: rate(now.marginalKrwPerKwh) });
	return [
		h("div", { class: "se-price" }, [
			big({ value: rate(now.priceKrwPerKwh), unit: "₩/kWh" }, { reason }),
			h("p", { class: "se-band" }, [bandSign(price, now.band), bandName(bands, now.band)]),
		]),
		zone ? h("p", { class: "se-trend" }, ahead(price, zone)) : null,
		zone ? strip(price, zone) : null,
	];
}

/** The grey of a band, as behind the charts; taller where dearer, so that shape tells what grey does. */
export function bandSign({ bands }: Pick<PriceMessage, "bands">, band: string): VNode {
	const level = bandLevel(bands, band);
	const height = 6 + level * 4;
	return h("svg", { class: "se-band-sign", viewBox: "0 0 14 16", "aria-hidden": "true" }, [
		h("rect", { class: `se-step-${level}`, x: 1, y: 15 - height, width: 12, height }),
	]);
}

function ahead({ now, bands, time }: PriceMessage, zone: string): string {
	if (!now.until) return t("price.constant");
	const until = moment(Date.parse(now.until), Date.parse(time), zone);
	if (!now.next) return t("price.until", { time: until });
	const next = { band: bandName(bands, now.next.band), won: rate(now.next.priceKrwPerKwh) };
	return t("price.next", { time: until, ...next });
}

const STRIP = { width: 480, height: 64 };

/** The bands around now as steps: as high as the price, as grey as the band. */
function strip(price: PriceMessage, zone: string): VNode | null {
	const fromMs = nowMs.value - BEHIND_MS;
	const toMs = nowMs.value + AHEAD_MS;
	const steps = stepsOf(price).filter((step) => step.toMs > fromMs && step.fromMs < toMs);
	const high = Math.max(...steps.map(({ krwPerKwh }) => krwPerKwh ?? 0));
	if (!(high > 0)) return null;
	const start = Math.max(fromMs, steps[0]?.fromMs ?? fromMs);
	const share = (ms: number): number => ((Math.min(toMs, Math.max(start, ms)) - start) / (toMs - start)) * 100;
	const said = steps.map((step) => describe(price, step, zone)).join("; ");
	return h("div", { class: "se-strip", role: "img", "aria-label": `${t("price.strip")}. ${said}` }, [
		h(
			"svg",
			{ class: "se-strip-plot", viewBox: `0 0 100 ${STRIP.height}`, preserveAspectRatio: "none" },
			steps.map((step) => {
				const height = ((step.krwPerKwh ?? high) / high) * (STRIP.height - 2);
				const x = share(step.fromMs);
				return h("g", { key: step.fromMs }, [
					h("title", describe(price, step, zone)),
					h("rect", {
						class: step.krwPerKwh === null ? "se-step-unknown" : `se-step-${step.level}`,
						x,
						width: share(step.toMs) - x,
						y: STRIP.height - height,
						height,
					}),
				]);
			}),
		),
		...steps.flatMap((step, i) => {
			const x = share(step.fromMs);
			const width = share(step.toMs) - x;
			return [
				h(
					"span",
					{ key: `b${step.fromMs}`, class: "se-strip-band", style: place(x, width) },
					h("span", bandName(price.bands, step.band)),
				),
				i > 0 && apart(steps, i, share)
					? h(
							"span",
							{ key: `t${step.fromMs}`, class: "se-strip-time", style: { left: `${x}%` } },
							clock(step.fromMs, zone),
						)
					: null,
			];
		}),
		h("span", { class: "se-strip-now", style: { left: `${share(nowMs.value)}%` } }, h("span", t("load.now"))),
	]);
}

const place = (left: number, width: number): Record<string, string> => ({ left: `${left}%`, width: `${width}%` });

/** Whether a change lies far enough from the one before it, from now and from both ends to be given its time. */
function apart(steps: readonly Step[], i: number, share: (ms: number) => number): boolean {
	const x = share(steps[i]?.fromMs ?? 0);
	const before = i > 1 ? share(steps[i - 1]?.fromMs ?? 0) : Number.NEGATIVE_INFINITY;
	const past = share(nowMs.value) - x;
	return x - before > 8 && (past > 8 || past < -14) && x > 4 && x < 96;
}

function describe({ bands }: PriceMessage, step: Step, zone: string): string {
	const span = `${clock(step.fromMs, zone)}–${clock(step.toMs, zone)}`;
	const won = step.krwPerKwh === null ? MISSING : rate(step.krwPerKwh);
	return t("price.step", { span, band: bandName(bands, step.band), won });
}
