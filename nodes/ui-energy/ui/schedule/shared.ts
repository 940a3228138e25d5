import type {
	OperationState,
	PlacedOperation,
	PlanStatus,
	PlanSummary,
	ScheduleBoard,
	StoredPlan,
	Words,
} from "../../../../lib/operation/types.ts";
import type { CardState } from "../../picture.ts";
import type { Icon } from "../cards/card.ts";
import { power, text, three } from "../format.ts";
import { lookup } from "../i18n.ts";
import { language, nowMs, t } from "../shell.ts";
import { computed, ref } from "../vue.ts";
import { clock, dayStart, moment } from "../zone.ts";
import { bandsOf } from "./words.ts";

/** What the cards of the page share: which of two plans they show, and which operation is looked at. */
export const which = ref<"proposed" | "current">("proposed");
export const selected = ref<string | null>(null);

/** Now by the minute: what goes by it is not drawn anew with each tick of the clock. */
export const minuteMs = computed(() => Math.floor(nowMs.value / 60_000) * 60_000);

export interface Shown {
	board: ScheduleBoard;
	plan: StoredPlan;
	/** What a proposed plan is compared with: the one in force, or the one that was until it broke. */
	before: StoredPlan | null;
	/** There are two to choose from. */
	both: boolean;
}

/** The plan that the page is about: the one that waits for approval, where there is one and nobody chose the other. */
export function shownOf({ schedule: board, former }: CardState): Shown | null {
	if (!board) return null;
	const { current, proposed } = board;
	const both = current !== null && proposed !== null;
	const plan = both ? (which.value === "proposed" ? proposed : current) : (proposed ?? current);
	return plan && { board, plan, before: plan === proposed ? (current ?? former) : null, both };
}

/** Bands of a plan, cheapest first: in the tariff's order where it is known. */
export function bandsIn({ price }: CardState, plan: StoredPlan): string[] {
	const known = price?.bands.map(({ band }) => band) ?? [];
	const own = bandsOf(plan);
	return own.every((band) => known.includes(band)) ? known.filter((band) => own.includes(band)) : own;
}

export function bandTitle({ price }: CardState, band: string): string {
	const named = price?.bands.find((each) => each.band === band)?.name;
	return named ? named[language.value] : (lookup(language.value, `band.${band}`) ?? band);
}

export const say = (words: Words): string => words[language.value];

/** What an operation makes: what the plant calls it in Korean where it has such a name, else what the order says. */
export function jobTitle({ jobs }: Pick<ScheduleBoard, "jobs">, { job, label }: PlacedOperation): string {
	return (language.value === "ko" ? jobs.find(({ id }) => id === job)?.name : undefined) || label;
}

export function machineTitle({ machines }: Pick<ScheduleBoard, "machines">, id: string): string {
	const known = machines.find((machine) => machine.id === id);
	return known?.names?.[language.value] || known?.name || id;
}

/** The site's clock, with the date when it is not today's. */
export const at = (time: string, { timeZone }: Pick<ScheduleBoard, "timeZone">): string =>
	moment(Date.parse(time), minuteMs.value, timeZone);

/** A span, its date said once where both ends have the same. */
export function fromTo(start: string, end: string, { timeZone }: Pick<ScheduleBoard, "timeZone">): string {
	const [startMs, endMs] = [Date.parse(start), Date.parse(end)];
	const sameDay = dayStart(startMs, timeZone) === dayStart(endMs, timeZone);
	const to = sameDay ? clock(endMs, timeZone) : moment(endMs, minuteMs.value, timeZone);
	return `${moment(startMs, minuteMs.value, timeZone)}–${to}`;
}

/** Shape first, colour second. */
export const operationSigns: Record<OperationState, [Icon, "calm" | "warn" | "alarm" | "good"]> = {
	planned: ["off", "calm"],
	frozen: ["lock", "calm"],
	running: ["play", "calm"],
	late: ["warn", "warn"],
	done: ["ok", "calm"],
	failed: ["fault", "alarm"],
	held: ["hold", "warn"],
	withdrawn: ["stop", "calm"],
};

export const planSigns: Record<PlanStatus, [Icon, "calm" | "warn" | "alarm" | "good"]> = {
	proposed: ["idle", "warn"],
	approved: ["ok", "calm"],
	dispatched: ["play", "good"],
	superseded: ["off", "calm"],
	withdrawn: ["stop", "calm"],
	failed: ["fault", "alarm"],
};

/** A power, or the range of a profile. */
export function powerText(powerKw: number | readonly number[]): string {
	if (typeof powerKw === "number") return text(power(powerKw));
	const [low, high] = [Math.min(...powerKw), Math.max(...powerKw)];
	return low === high ? text(power(low)) : `${three(low)}–${text(power(high))}`;
}

/** Who asked for a plan; programs of ours by their word. */
export const who = (by: string): string => lookup(language.value, `schedule.by.${by}`) ?? by;

export const stateName = (state: OperationState): string => t(`schedule.state.${state}`);
/** A plan that failed was one until a rule broke, or it never came to be. */
export const isBroken = ({ status, solution }: PlanSummary): boolean =>
	status === "failed" && (solution === "optimal" || solution === "feasible");
export const statusName = (plan: PlanSummary): string =>
	t(isBroken(plan) ? "schedule.status.broken" : `schedule.status.${plan.status}`);
