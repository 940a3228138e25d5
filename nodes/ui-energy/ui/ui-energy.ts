import type { Reply } from "../../asked.ts";
import type { CardName } from "../config.ts";
import { type CardState, drawOn, emptyState, type Part, take } from "../picture.ts";
import { PageBar } from "./bar.ts";
import { AccessAudit } from "./cards/access-audit.ts";
import { AccessKeys } from "./cards/access-keys.ts";
import { AccessUsers } from "./cards/access-users.ts";
import { Account } from "./cards/account.ts";
import { Advice } from "./cards/advice.ts";
import { AlarmLoad } from "./cards/alarm-load.ts";
import { AlarmRecord } from "./cards/alarm-record.ts";
import { type Act, Alarms, actKey } from "./cards/alarms.ts";
import { BillMonth } from "./cards/bill-month.ts";
import { BillWaterfall } from "./cards/bill-waterfall.ts";
import { Carbon } from "./cards/carbon.ts";
import { Contracts } from "./cards/contracts.ts";
import { CostToday } from "./cards/cost-today.ts";
import { DataHealth } from "./cards/data-health.ts";
import { DemandGauge } from "./cards/demand-gauge.ts";
import { Efficiency } from "./cards/efficiency.ts";
import { EnergyToday } from "./cards/energy-today.ts";
import { Load24h } from "./cards/load-24h.ts";
import { LoadForecast } from "./cards/load-forecast.ts";
import { Machines } from "./cards/machines.ts";
import { PowerNow } from "./cards/power-now.ts";
import { PriceNow } from "./cards/price-now.ts";
import { ScheduleBill } from "./cards/schedule-bill.ts";
import { ScheduleGantt } from "./cards/schedule-gantt.ts";
import { ScheduleOrders } from "./cards/schedule-orders.ts";
import { SchedulePlan } from "./cards/schedule-plan.ts";
import { ScheduleVersions } from "./cards/schedule-versions.ts";
import { type Ask, askKey } from "./schedule/acting.ts";
import { attach, type DashboardStore, heardAt, language, t } from "./shell.ts";
import { style } from "./style/style.ts";
import { type Component, defineComponent, h, inject, type PropType, provide, shallowRef } from "./vue.ts";

/** Every card by its name; a new card is one entry here and one in `config.ts`. */
const cards: Record<CardName, Component> = {
	"power-now": PowerNow,
	machines: Machines,
	"load-24h": Load24h,
	"energy-today": EnergyToday,
	"data-health": DataHealth,
	"price-now": PriceNow,
	"demand-gauge": DemandGauge,
	"cost-today": CostToday,
	"bill-month": BillMonth,
	"bill-waterfall": BillWaterfall,
	advice: Advice,
	contracts: Contracts,
	carbon: Carbon,
	alarms: Alarms,
	"alarm-record": AlarmRecord,
	"alarm-load": AlarmLoad,
	efficiency: Efficiency,
	"schedule-plan": SchedulePlan,
	"schedule-bill": ScheduleBill,
	"schedule-gantt": ScheduleGantt,
	"schedule-orders": ScheduleOrders,
	"schedule-versions": ScheduleVersions,
	"load-forecast": LoadForecast,
	"access-users": AccessUsers,
	"access-keys": AccessKeys,
	"access-audit": AccessAudit,
	account: Account,
};

/** Dashboard's way to follow a widget: messages as they come, and what its store kept when the page opens. */
type DataTracker = (
	id: string,
	onInput: (msg: { payload: Part | null }) => void,
	onLoad: (msg: Partial<CardState> | undefined) => void,
) => void;

/** Dashboard's socket, as far as a card that acts needs it. */
interface PageSocket {
	timeout(ms: number): {
		emit(event: string, given: object, answer: (late: Error | null, reply?: Reply) => void): void;
	};
}

const ANSWER_MS = 5_000;
/** A file of orders is checked line by line before it is answered. */
const ORDERS_MS = 20_000;
/** As alarm-action.ts names it, which runs on the server alone. */
const actionEvent = (id: string): string => `smart-energy-act:${id}`;

interface CardConfig {
	card: CardName;
	group: string;
	locked: boolean;
	/** Of a card of access: the sites that the flows have. */
	sites?: readonly { id: string; name: string }[];
}

/** What Dashboard 2.0 puts on the page for a `ui-energy` node: the card that it names. */
const UIEnergy = defineComponent({
	name: "UIEnergy",
	props: {
		id: { type: String, required: true },
		props: { type: Object as PropType<CardConfig>, required: true },
		state: { type: Object, default: () => ({}) },
	},
	setup({ id, props: config }) {
		const state = shallowRef<CardState>(emptyState);
		const store = inject<DashboardStore & { state: { ui: { groups: Record<string, { page: string }> } } }>("store");
		const track = inject<DataTracker>("$dataTracker");
		track?.(
			id,
			({ payload }) => {
				// Something came that this card does not show.
				if (!payload) return;
				if (payload.kind === "delta") heardAt(payload.delta.time);
				if (payload.kind === "demand") heardAt(payload.demand.time);
				if (payload.kind === "schedule") heardAt(payload.schedule.time);
				state.value = drawOn(take(state.value, payload));
			},
			(kept) => {
				state.value = drawOn({ ...emptyState, ...kept });
			},
		);
		if (store) attach(store);
		const socket = inject<PageSocket>("$socket");
		const asking = (request: object, withinMs: number, unanswered: string): Promise<Reply> => {
			if (!socket) return Promise.resolve({ ok: false });
			return new Promise((resolve) => {
				socket
					.timeout(withinMs)
					.emit(actionEvent(id), { ...request, language: language.value }, (late, reply) =>
						resolve(late || !reply ? { ok: false, message: unanswered } : reply),
					);
			});
		};
		provide<Act>(actKey, (request) => asking(request, ANSWER_MS, t("alarms.unanswered")));
		provide<Ask>(askKey, (request) => asking(request, ORDERS_MS, t("schedule.unanswered")));
		// Only cards of access know these; on others they would become attributes.
		const about = { locked: config.locked, sites: config.sites };
		const editor = store?.state.setup.setup.RED.httpAdminRoot ?? "/";
		return () => [
			store
				? h(PageBar, {
						id,
						store,
						pageId: store.state.ui.groups[config.group]?.page ?? "",
						locked: config.locked,
					})
				: null,
			cards[config.card]
				? h(cards[config.card], { state: state.value, editor, ...(config.sites ? about : {}) })
				: h("p", { class: "se-empty" }, t("card.unknown")),
		];
	},
});

const element = document.createElement("style");
element.textContent = style;
document.head.append(element);

declare global {
	interface Window {
		"ui-energy": { UIEnergy: Component };
	}
}
window["ui-energy"] = { UIEnergy };
