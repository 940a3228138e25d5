import type { CardState } from "../../picture.ts";
import { energy, MISSING, percent, text } from "../format.ts";
import { byHour, type Hour, soFar, untilNow } from "../hours.ts";
import { nowMs, t } from "../shell.ts";
import { isStale } from "../site.ts";
import { defineComponent, h, type VNode, type VNodeChild } from "../vue.ts";
import { clock, dayStart } from "../zone.ts";
import { big, cardProps, empty, frame, icon } from "./card.ts";

/** A change of less than this share of yesterday is none. */
const SAME = 0.005;

/** What the site has drawn since its midnight, beside what it had drawn yesterday by this time. */
export const EnergyToday = defineComponent({
	name: "EnergyToday",
	props: cardProps,
	setup: (props) => () => frame("energy-today", t("energy.title"), since(props.state), body(props.state)),
});

function since({ picture }: CardState): VNodeChild {
	if (!picture?.timeZone) return null;
	const midnight = dayStart(nowMs.value, picture.timeZone);
	return h("span", { class: "se-remark" }, t("energy.since", { time: clock(midnight, picture.timeZone) }));
}

function body({ picture, energy: measured }: CardState): VNodeChild {
	if (!picture) return empty(t("card.waiting"));
	const zone = picture.timeZone;
	const hours = measured && zone ? byHour(measured, nowMs.value, zone) : [];
	const todayKwh = soFar(hours, picture.energyTodayKwh);
	const before = hours.length > 0 ? untilNow(hours, nowMs.value) : null;
	const missing = todayKwh === null;
	return [
		big(energy(todayKwh), { stale: isStale(picture, nowMs.value), reason: missing ? t("energy.missing") : "" }),
		missing ? h("p", { class: "se-note" }, t("energy.missing")) : null,
		!missing && before ? trend(todayKwh / before - 1) : null,
		zone ? bars(hours, zone) : null,
	];
}

function trend(share: number): VNode {
	const sign = share > 0 ? "+" : "−";
	const change = Math.abs(share) < SAME ? percent(0) : `${sign}${percent(Math.abs(share))}`;
	return h("p", { class: "se-trend" }, [
		icon(Math.abs(share) < SAME ? "steady" : share > 0 ? "up" : "down"),
		t("energy.yesterday", { change }),
	]);
}

const BARS = { width: 480, height: 56 };

/** Today's hours as bars, yesterday's as steps across them; hatched where an hour was partly estimated. */
function bars(hours: readonly Hour[], zone: string): VNode | null {
	const high = Math.max(...hours.flatMap(({ todayKwh, yesterdayKwh }) => [todayKwh ?? 0, yesterdayKwh ?? 0]));
	if (!(high > 0)) return null;
	const width = BARS.width / hours.length;
	const y = (kwh: number): number => BARS.height - 1 - (kwh / high) * (BARS.height - 3);
	const told = hours.flatMap((hour) => (hour.todayKwh === null ? [] : describe(hour, zone)));
	return h(
		"svg",
		{
			class: "se-hours",
			viewBox: `0 0 ${BARS.width} ${BARS.height}`,
			preserveAspectRatio: "none",
			role: "img",
			"aria-label": `${t("energy.hours")}. ${told.join("; ")}`,
		},
		hours.map((hour, i) =>
			h("g", { key: hour.startMs }, [
				h("title", describe(hour, zone)),
				h("rect", { class: "se-hour-hit", x: i * width, y: 0, width, height: BARS.height }),
				hour.todayKwh === null
					? null
					: h("rect", {
							class: hour.estimated ? "se-hour se-hour-estimated" : "se-hour",
							x: i * width + 2,
							width: width - 4,
							y: y(hour.todayKwh),
							height: BARS.height - 1 - y(hour.todayKwh),
						}),
				hour.yesterdayKwh === null
					? null
					: h("path", { class: "se-hour-before", d: `M${i * width} ${y(hour.yesterdayKwh)}h${width}` }),
			]),
		),
	);
}

function describe({ startMs, todayKwh, yesterdayKwh }: Hour, zone: string): string {
	const say = (kwh: number | null): string => (kwh === null ? MISSING : text(energy(kwh)));
	return t("energy.hour", { time: clock(startMs, zone), today: say(todayKwh), yesterday: say(yesterdayKwh) });
}
