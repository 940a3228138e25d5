/** Every card the widget can be; the name of its file in `ui/cards/`. */
export const cardNames = [
	"power-now",
	"machines",
	"load-24h",
	"energy-today",
	"data-health",
	"price-now",
	"demand-gauge",
	"cost-today",
	"bill-month",
	"bill-waterfall",
	"advice",
	"contracts",
	"carbon",
	"alarms",
	"alarm-record",
	"alarm-load",
	"efficiency",
	"schedule-plan",
	"schedule-bill",
	"schedule-gantt",
	"schedule-orders",
	"schedule-versions",
	"load-forecast",
	"access-users",
	"access-keys",
	"access-audit",
	"account",
] as const;
export type CardName = (typeof cardNames)[number];

/** Cards with buttons: what a person asks for leaves them as a command. */
export const actingCards: readonly CardName[] = ["alarms", "schedule-plan", "schedule-gantt", "schedule-orders"];

/** Cards that show what administrators of the whole alone may see: nobody else is told of them. */
export const adminCards: readonly CardName[] = ["access-users", "access-keys", "access-audit"];

/** Cards of access, which belong to no site and take nothing from a wire: they ask the API by the page's session. */
export const accessCards: readonly CardName[] = [...adminCards, "account"];

/** What the editor saves and the runtime reads: one type for both halves. */
export interface UiEnergyConfig {
	configVersion: 1;
	name: string;
	/** The `ui-group` of Dashboard 2.0 that shows the card. */
	group: string;
	order: number;
	width: number | string;
	height: number | string;
	card: CardName;
	/** The energy-site whose data it shows: who has no role there sees nothing of it. Empty takes a role everywhere. */
	site?: string;
	/** 1 for a card that acts (alarms, schedule): its commands leave there. */
	outputs?: number;
}
