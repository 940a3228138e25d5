import type { ForecastView, LookBack, Peak } from "../../../../models/forecast/forecast-view.ts";
import type { CardState } from "../../picture.ts";
import { TOTAL } from "../../picture.ts";
import { swatch, TimeChart } from "../chart/chart.ts";
import type { ChartBand, ChartLine, ChartModel } from "../chart/model.ts";
import { percent, power, text } from "../format.ts";
import { ago, nameOf, type TextKey } from "../i18n.ts";
import { language, nowMs, t, tone } from "../shell.ts";
import { places } from "../site.ts";
import { shadesOf } from "../steps.ts";
import { bandName } from "../tariff.ts";
import { machineStyle } from "../theme.ts";
import { computed, defineComponent, h, ref, type VNode, type VNodeChild } from "../vue.ts";
import { dayStart, moment } from "../zone.ts";
import { big, cardProps, empty, frame, icon } from "./card.ts";

const STEP_MS = 900_000;
const HOUR_MS = 3_600_000;
/** A forecast is issued every quarter-hour; after this long one is missing. */
const STALE_MS = 50 * 60_000;
/** The lead whose record stands for the forecast as a whole. */
const USUAL_LEAD = 60;
/** So much of what came is always beside what is to come. */
const LEAST_PAST_MS = 6 * HOUR_MS;
/** With fewer values a share says nothing. */
const ENOUGH = 12;
/** A contract far above the load would press its curve to the floor; then words tell it alone. */
const NEAR_CONTRACT = 0.5;
const MACHINE_KEY = "smart-energy.load-forecast";
const DASH = "6 4";

function readChosen(): string {
	try {
		return window.localStorage.getItem(MACHINE_KEY) ?? TOTAL;
	} catch {
		return TOTAL;
	}
}

function writeChosen(machine: string): void {
	try {
		window.localStorage.setItem(MACHINE_KEY, machine);
	} catch {
		// Storage is refused: the choice lasts as long as the tab.
	}
}

/** What the reader chose to see. */
interface Choice {
	machine: string;
	/** Minutes ahead that are looked back on; null looks ahead. */
	lead: number | null;
}

/** Load to come with its band beside what came, of the site or a machine; and what had been said of yesterday. */
export const LoadForecast = defineComponent({
	name: "LoadForecast",
	props: cardProps,
	setup(props) {
		const choice = ref<Choice>({ machine: readChosen(), lead: null });
		const view = computed(() => props.state.forecasts[choice.value.machine] ?? props.state.forecasts[TOTAL] ?? null);
		const choose = (next: Partial<Choice>): void => {
			choice.value = { ...choice.value, ...next };
			if (next.machine !== undefined) writeChosen(next.machine);
		};
		return () => {
			const title = t("fc.title");
			const zone = props.state.picture?.timeZone;
			if (!view.value || !zone) return frame("load-forecast", title, null, empty(t("fc.empty"), props.editor));
			const { lead } = choice.value;
			const back = lead === null ? undefined : view.value.back.find(({ leadMinutes }) => leadMinutes === lead);
			return frame("load-forecast", title, chooser(props.state, view.value.machine, choose), [
				h("div", { class: "se-fc-top" }, [
					h("div", { class: "se-fc-answer" }, peakOf(view.value, zone)),
					h("div", { class: "se-fc-words" }, wordsOf(view.value, back, zone)),
				]),
				switches(view.value, lead, choose),
				chart(props.state, view.value, back, zone, lead),
				legend(props.state, view.value),
			]);
		};
	},
});

function names({ picture }: CardState, machine: string): string {
	if (machine === TOTAL) return t("load.total");
	const known = picture?.machines.find((one) => one.machine === machine);
	return nameOf(known ?? { machine, name: "" }, language.value);
}

/** Site or machine: the site first, then in the order of the plant. */
function chooser(state: CardState, machine: string, choose: (next: Partial<Choice>) => void): VNode {
	const order = (state.picture?.machines ?? []).filter(({ role }) => role !== "main").map((one) => one.machine);
	const known = [TOTAL, ...order].filter((one) => state.forecasts[one]);
	return h(
		"select",
		{
			class: "se-select",
			"aria-label": t("fc.choose"),
			value: machine,
			onChange: (event: Event) => choose({ machine: (event.target as HTMLSelectElement).value }),
		},
		known.map((one) => h("option", { key: one, value: one }, names(state, one))),
	);
}

/** The highest quarter-hour that is still to come, in one number. */
function peakOf({ peaks, contractKw }: ForecastView, zone: string): VNodeChild[] {
	const ahead = [peaks.today, peaks.tomorrow].filter((one): one is Peak => one !== null);
	const peak = ahead.reduce<Peak | null>((highest, one) => (highest && highest.kw >= one.kw ? highest : one), null);
	if (!peak) return [big({ value: "–", unit: "kW" }, { reason: t("fc.no-peak") })];
	const atMs = Date.parse(peak.start);
	const isToday = dayStart(atMs, zone) === dayStart(nowMs.value, zone);
	const values = { time: moment(atMs, atMs, zone), low: text(power(peak.lowKw)), high: text(power(peak.highKw)) };
	return [
		big(power(peak.kw)),
		h("p", { class: "se-trend" }, t(isToday ? "fc.peak.today" : "fc.peak.tomorrow", values)),
		contractKw === null ? null : againstContract(peak, contractKw),
	];
}

function againstContract({ kw, highKw }: Peak, contractKw: number): VNode {
	const values = { percent: percent(kw / contractKw), contract: text(power(contractKw)) };
	const [key, sign] =
		kw > contractKw
			? (["fc.contract.over", icon("stop", "alarm")] as const)
			: highKw > contractKw
				? (["fc.contract.near", icon("warn", "warn")] as const)
				: (["fc.contract.below", null] as const);
	return h("p", { class: "se-trend" }, [sign, t(key, values)]);
}

const methodKeys: Record<ForecastView["method"], TextKey> = {
	ensemble: "fc.method.ensemble",
	"brought-model": "fc.method.brought-model",
	"single-learner": "fc.method.single-learner",
	"seasonal-naive": "fc.method.seasonal-naive",
	"last-value": "fc.method.last-value",
};

/** Who says so, since when, and what it was worth so far. */
function wordsOf(view: ForecastView, back: LookBack | undefined, zone: string): VNodeChild[] {
	const issuedMs = Date.parse(view.issued);
	const late = nowMs.value - issuedMs > STALE_MS;
	const by = [t("fc.issued", { time: moment(issuedMs, nowMs.value, zone) }), t(methodKeys[view.method])];
	if (view.fallback) by.push(t(`fc.fallback.${view.fallback}`));
	if (view.memberId) by.push(t("fc.member"));
	const problem = view.problem?.detail;
	const why = typeof problem === "object" ? problem[language.value] : problem;
	return [
		h("p", { class: "se-note" }, by.join(" ")),
		why ? h("p", { class: "se-note" }, [icon("warn", "warn"), why]) : null,
		late
			? h("p", { class: "se-note" }, [
					icon("warn", "warn"),
					t("fc.stale", { ago: ago(language.value, nowMs.value - issuedMs) }),
				])
			: null,
		h("p", { class: "se-note se-fc-worth" }, worth(back ?? usual(view))),
	];
}

/** An hour ahead, or the nearest distance of which anything is known yet. */
function usual({ back }: ForecastView): LookBack | undefined {
	const known = back.filter(({ accuracy }) => accuracy !== null);
	return known.find(({ leadMinutes }) => leadMinutes === USUAL_LEAD) ?? known.at(-1);
}

function worth(back: LookBack | undefined): string {
	if (!back?.accuracy) return t("fc.worth.none");
	const { values, coverage, promised, maeKw, wape } = back.accuracy;
	if (values < ENOUGH) return t("fc.worth.few", { n: values });
	return t("fc.worth", {
		lead: leadName(back.leadMinutes),
		n: values,
		coverage: percent(coverage),
		promised: percent(promised),
		mae: text(power(maeKw)),
		wape: percent(wape),
	});
}

function leadName(minutes: number): string {
	if (minutes < 60) return t("fc.lead.min", { n: minutes });
	return minutes < 1_440 ? t("fc.lead.h", { n: minutes / 60 }) : t("fc.lead.day");
}

/** Ahead, or back at one of the leads. */
function switches({ back }: ForecastView, lead: number | null, choose: (next: Partial<Choice>) => void): VNode {
	const chip = (label: string, wanted: number | null): VNode =>
		h(
			"button",
			{
				key: String(wanted),
				type: "button",
				class: "se-chip",
				"aria-pressed": lead === wanted,
				onClick: () => choose({ lead: wanted }),
			},
			label,
		);
	return h("div", { class: "se-legend se-views", role: "group", "aria-label": t("fc.views") }, [
		chip(t("fc.ahead"), null),
		h("span", { class: "se-note", "aria-hidden": "true" }, t("fc.said")),
		...back.map(({ leadMinutes }) => chip(t("fc.back", { lead: leadName(leadMinutes) }), leadMinutes)),
	]);
}

interface Style {
	colour: string;
	/** The same hue, lighter. */
	lighter: string;
	dash: string;
}

function styleOf({ picture }: CardState, machine: string): Style {
	const place = places(picture).get(machine);
	const style = place === undefined ? { colour: "var(--se-ink)", dash: "" } : machineStyle(place, tone.value);
	return { ...style, lighter: `color-mix(in srgb, ${style.colour} 70%, var(--se-card))` };
}

const timesFrom = (startMs: number, count: number): number[] =>
	Array.from({ length: count }, (_, i) => startMs + i * STEP_MS);

function chart(
	state: CardState,
	view: ForecastView,
	back: LookBack | undefined,
	zone: string,
	lead: number | null,
): VNode {
	const model = modelOf(state, view, back, zone, lead !== null);
	const said = back ? back.kw.some((value) => value !== null) : lead === null;
	return said
		? h(TimeChart, {
				model,
				show: (value: number | null) => text(power(value)),
				unit: "kW",
				nowLabel: t("load.now"),
				label: `${t("fc.title")}, ${names(state, view.machine)}. ${t("load.cursor")}`,
			})
		: empty(t("fc.back.none", { lead: leadName(lead ?? 0) }));
}

function modelOf(
	state: CardState,
	view: ForecastView,
	back: LookBack | undefined,
	zone: string,
	looksBack: boolean,
): ChartModel {
	const { colour, lighter, dash } = styleOf(state, view.machine);
	const firstMs = Date.parse(view.from);
	const todayMs = dayStart(Date.parse(view.issued), zone);
	const past = timesFrom(firstMs, view.actualKw.length);
	const aheadMs = Date.parse(view.ahead.start);
	const future = timesFrom(aheadMs, view.ahead.kw.length);
	const path = looksBack && back ? { times: past, ...back } : { times: future, ...view.ahead };
	// Soon after midnight today has nothing to show yet: the evening before it stands in.
	const fromMs = looksBack ? firstMs : Math.min(todayMs, aheadMs - LEAST_PAST_MS);
	const toMs = looksBack ? aheadMs : (future.at(-1) ?? aheadMs) + STEP_MS;
	const skip = Math.max(0, Math.round((fromMs - firstMs) / STEP_MS));
	const actual: ChartLine = {
		...{ id: "actual", label: t("fc.actual"), colour, dash, weight: 2 },
		...{ times: past.slice(skip), values: view.actualKw.slice(skip) },
	};
	const forecast: ChartLine = {
		...{ id: "forecast", label: t("fc.forecast"), colour: lighter, dash: DASH, weight: 2 },
		...{ times: path.times, values: path.kw },
	};
	const band: ChartBand = { id: "band", colour, times: path.times, low: path.lowKw, high: path.highKw };
	const highest = Math.max(...view.actualKw.map((kw) => kw ?? 0), ...path.highKw.map((kw) => kw ?? 0));
	const { contractKw } = view;
	const { price } = state;
	return {
		...{ fromMs, toMs, zone, nowMs: nowMs.value, lines: [actual, forecast], bands: [band], legend: true },
		futureFromMs: looksBack ? toMs : nowMs.value,
		limits:
			contractKw !== null && highest > NEAR_CONTRACT * contractKw
				? [{ value: contractKw, label: `${t("demand.level.contract")} ${text(power(contractKw))}` }]
				: [],
		shades: price ? shadesOf(price, fromMs, toMs, (one) => bandName(price.bands, one)) : [],
	};
}

/** Line, dashes and band by name, for where the lines themselves have no room for theirs. */
function legend(state: CardState, view: ForecastView): VNode {
	const { colour, lighter, dash } = styleOf(state, view.machine);
	return h("div", { class: "se-legend" }, [
		h("span", { class: "se-chip se-chip-fixed" }, [swatch(colour, dash), t("fc.actual")]),
		h("span", { class: "se-chip se-chip-fixed" }, [swatch(lighter, DASH), t("fc.forecast")]),
		h("span", { class: "se-chip se-chip-fixed" }, [
			h("span", { class: "se-fc-band", style: { background: colour }, "aria-hidden": "true" }),
			t("fc.band", { percent: percent(view.share) }),
		]),
	]);
}
