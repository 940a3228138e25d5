import type { Job, Override, PlacedOperation } from "../../../../lib/operation/types.ts";
import type { CardState } from "../../picture.ts";
import { icon } from "../cards/card.ts";
import { bandSign } from "../cards/price-now.ts";
import { energy, text } from "../format.ts";
import { t, won } from "../shell.ts";
import { h, type VNode, type VNodeChild } from "../vue.ts";
import type { Buttons } from "./acting.ts";
import type { Drawn } from "./chart.ts";
import type { GanttBar } from "./layout.ts";
import { button, fact, trouble } from "./parts.ts";
import {
	at,
	bandTitle,
	fromTo,
	jobTitle,
	machineTitle,
	operationSigns,
	powerText,
	say,
	selected,
	stateName,
} from "./shared.ts";
import { energyOf } from "./words.ts";

/** One operation: why it lies where it does, what it costs by band, and what an operator may decide about it. */
export function detailsOf(state: CardState, drawn: Drawn, bar: GanttBar, buttons: Buttons): VNode {
	const { shown, changes } = drawn;
	const { board, plan } = shown;
	const { operation, key } = bar;
	const job = board.jobs.find(({ id }) => id === operation.job);
	const before = changes.moved.get(key);
	return h("section", { class: "se-details-op", "aria-label": jobTitle(board, operation), "aria-live": "polite" }, [
		h("header", { class: "se-head" }, [
			h("h3", { class: "se-details-title" }, [icon(...operationSigns[operation.state]), jobTitle(board, operation)]),
			h(
				"button",
				{
					type: "button",
					class: "se-chip",
					onClick: () => {
						selected.value = null;
					},
				},
				t("schedule.close"),
			),
		]),
		h("p", { class: "se-verdict" }, say(operation.reason.text)),
		h("div", { class: "se-details-cols" }, [
			h("dl", { class: "se-plan-facts" }, [
				fact(t("schedule.where-it-stands"), standing(operation)),
				fact(t("schedule.machine"), machineTitle(board, operation.machine)),
				fact(t("schedule.when"), fromTo(operation.start, operation.end, board)),
				operation.asRun ? fact(t("schedule.ran"), ran(operation, board)) : null,
				before
					? fact(
							t("schedule.before"),
							`${machineTitle(board, before.machine)}, ${fromTo(before.start, before.end, board)}`,
						)
					: null,
				fact(t("schedule.power"), powerText(operation.powerKw)),
				...dates(operation, job, board),
			]),
			costs(state, drawn, operation),
		]),
		acts(
			operation,
			job,
			plan.status === "proposed" || plan.status === "approved" || plan.status === "dispatched",
			buttons,
		),
		trouble(buttons.acting.value, (name) => name.endsWith(key)),
	]);
}

function standing({ state, pinned, asRun }: PlacedOperation): string {
	return [
		stateName(state),
		pinned ? t("schedule.pinned") : "",
		asRun && asRun.lateMinutes > 0 ? t("schedule.late.by", { n: Math.round(asRun.lateMinutes) }) : "",
		asRun && asRun.overrunMinutes > 0 ? t("schedule.overrun.by", { n: Math.round(asRun.overrunMinutes) }) : "",
	]
		.filter(Boolean)
		.join(", ");
}

function ran({ asRun }: PlacedOperation, board: { timeZone: string }): string {
	if (!asRun) return "";
	return asRun.end ? fromTo(asRun.start, asRun.end, board) : t("schedule.since", { time: at(asRun.start, board) });
}

function dates(operation: PlacedOperation, job: Job | undefined, board: { timeZone: string }): VNode[] {
	const all: [string, string | undefined][] = [
		[t("schedule.release"), job?.release],
		[t("schedule.due"), operation.due ?? job?.due],
		[t("schedule.deadline"), job?.deadline],
	];
	return all.flatMap(([name, time]) => {
		if (time === undefined) return [];
		const late = Date.parse(operation.end) > Date.parse(time) && name !== t("schedule.release");
		return [fact(name, h("span", [late ? icon("warn", "warn") : null, at(time, board)]))];
	});
}

/** Its energy by band, and whatever else is in its cost. */
function costs(state: CardState, { shown: { plan }, bands }: Drawn, operation: PlacedOperation): VNode {
	const rows = energyOf(operation, plan, bands);
	const rest = operation.costKrw - rows.reduce((sum, { krw }) => sum + krw, 0);
	const known = bands.map((band) => ({ band, name: { "en-US": band, ko: band } }));
	const line = (key: string, name: string | VNode[], quantity: string, krw: number): VNode =>
		h("tr", { key }, [
			h("th", { scope: "row" }, name),
			h("td", { class: "se-num" }, quantity),
			h("td", { class: "se-num" }, won(krw)),
		]);
	return h("table", { class: "se-lines se-details-cost" }, [
		h("caption", { class: "se-sr" }, t("schedule.cost")),
		h("tbody", [
			...rows.map(({ band, kwh, krw }) =>
				line(band, [bandSign({ bands: known }, band), h("span", bandTitle(state, band))], text(energy(kwh)), krw),
			),
			// Rounding of what travels is no line of its own.
			Math.abs(rest) >= 1 ? line("rest", t("schedule.cost.rest"), "", rest) : null,
		]),
		h("tfoot", [line("total", t("schedule.cost"), "", operation.costKrw)]),
	]);
}

const movable: readonly PlacedOperation["state"][] = ["planned", "frozen", "late", "held"];

function acts(operation: PlacedOperation, job: Job | undefined, open: boolean, { acting, send }: Buttons): VNodeChild {
	const { may, busy } = acting.value;
	if (!may || !open || !movable.includes(operation.state)) return null;
	const { job: id, operation: step, machine, start } = operation;
	const key = `${id}/${step}`;
	const disabled = busy !== null;
	const override = (name: string, what: Override): void =>
		void send(`${name} ${key}`, { type: "override", job: id, override: what });
	const held = operation.state === "held" || job?.state === "held";
	return h("div", { class: "se-acts" }, [
		operation.pinned || held
			? button(t("schedule.release-it"), () => override("free", { free: true }), { disabled, first: true })
			: null,
		operation.pinned
			? null
			: button(t("schedule.pin"), () => override("pin", { pin: { operation: step, machine, start } }), { disabled }),
		held ? null : button(t("schedule.hold"), () => override("hold", { hold: true }), { disabled }),
	]);
}
