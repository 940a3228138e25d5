import type { Job, PlacedOperation, ScheduleBoard } from "../../../../lib/operation/types.ts";
import type { ModeSpec } from "../../../../lib/scheduling/problem.ts";
import type { CardState } from "../../picture.ts";
import { nameOf as nameOfMachine } from "../i18n.ts";
import { type Buttons, useActing } from "../schedule/acting.ts";
import { type Draft, draftOf, emptyDraft, type Field, isPlain, type Misfit, orderOf } from "../schedule/form.ts";
import { button, sureness, trouble } from "../schedule/parts.ts";
import { at, fromTo, machineTitle, operationSigns, powerText, selected, shownOf } from "../schedule/shared.ts";
import { keyOf } from "../schedule/words.ts";
import { language, t, won } from "../shell.ts";
import { defineComponent, h, ref, type VNode, type VNodeChild } from "../vue.ts";
import { cardProps, empty, frame, type Icon, icon } from "./card.ts";

/** What is open on the card: the form of a new order or of one that is there, or the import. */
interface Open {
	what: "order" | "import";
	/** The order that is changed; null for a new one. */
	job: Job | null;
	draft: Draft;
	misfits: Partial<Record<Field, Misfit>>;
	csv: string;
}

const jobSigns: Record<Job["state"], [Icon, "calm" | "warn" | "alarm"]> = {
	open: ["off", "calm"],
	held: operationSigns.held as [Icon, "warn"],
	running: ["play", "calm"],
	done: ["ok", "calm"],
	failed: ["fault", "alarm"],
};

/** The orders: what is to be made, by when, and where the plan has it; added, changed and removed here. */
export const ScheduleOrders = defineComponent({
	name: "ScheduleOrders",
	props: cardProps,
	setup(props) {
		const buttons = useActing();
		const open = ref<Open | null>(null);
		const all = ref(false);
		const form: Form = {
			get open() {
				return open.value;
			},
			set(next) {
				open.value = next;
			},
			async submit() {
				const now = open.value;
				const board = props.state.schedule;
				if (!now || !board) return;
				if (now.what === "import") {
					if (await buttons.send("form", { type: "save-jobs", jobs: now.csv })) open.value = null;
					return;
				}
				const taken = new Set(board.jobs.map(({ id }) => id));
				const { order, misfits } = orderOf(now.draft, board.timeZone, now.job, taken);
				open.value = { ...now, misfits: misfits ?? {} };
				if (order && (await buttons.send("form", { type: "save-jobs", jobs: order }))) open.value = null;
			},
		};
		return () =>
			frame("schedule-orders", t("schedule.orders.title"), remark(props.state), [
				body(props.state, buttons, form, all.value),
				more(props.state, all.value, () => {
					all.value = !all.value;
				}),
			]);
	},
});

interface Form {
	readonly open: Open | null;
	set(next: Open | null): void;
	submit(): Promise<void>;
}

function remark({ schedule }: CardState): VNodeChild {
	return schedule ? h("span", { class: "se-remark" }, t("schedule.orders.count", { n: schedule.jobCount })) : null;
}

/** As many orders as are read at a glance; the others are a press away. */
const AT_FIRST = 8;

function more({ schedule }: CardState, all: boolean, toggle: () => void): VNodeChild {
	const count = schedule?.jobs.length ?? 0;
	if (count <= AT_FIRST) return null;
	return h("div", { class: "se-acts" }, [
		button(all ? t("schedule.orders.fewer") : t("schedule.orders.all", { n: count }), toggle, { expanded: all }),
	]);
}

function body(state: CardState, buttons: Buttons, form: Form, all: boolean): VNodeChild {
	const board = state.schedule;
	if (!board) return empty(t("schedule.waiting"));
	const { may } = buttons.acting.value;
	const places = placesOf(state);
	const cut = board.jobCount - board.jobs.length;
	const jobs = all ? board.jobs : board.jobs.slice(0, AT_FIRST);
	return [
		may && !form.open ? openers(form) : null,
		form.open && !form.open.job ? formOf(state, board, form, buttons) : null,
		board.jobs.length === 0
			? h("p", { class: "se-empty" }, t(may ? "schedule.orders.empty" : "schedule.orders.empty.viewer"))
			: h(
					"ul",
					{ class: "se-orders", tabindex: 0, "aria-label": t("schedule.orders.title") },
					jobs.map((job) =>
						form.open?.job?.id === job.id
							? h("li", { key: job.id, class: "se-order" }, [formOf(state, board, form, buttons)])
							: row(board, job, places.get(job.id) ?? [], buttons, form),
					),
				),
		cut > 0 ? h("p", { class: "se-note" }, t("schedule.orders.more", { n: cut })) : null,
		may === false ? h("p", { class: "se-note" }, t("schedule.viewer")) : null,
	];
}

/** Where the plan has each job. */
function placesOf(state: CardState): Map<string, PlacedOperation[]> {
	const places = new Map<string, PlacedOperation[]>();
	for (const operation of shownOf(state)?.plan.operations ?? []) {
		const list = places.get(operation.job);
		if (list) list.push(operation);
		else places.set(operation.job, [operation]);
	}
	return places;
}

function openers(form: Form): VNode {
	const fresh = { job: null, draft: { ...emptyDraft }, misfits: {}, csv: "" };
	return h("div", { class: "se-acts" }, [
		button(t("schedule.add"), () => form.set({ ...fresh, what: "order" }), { first: true }),
		button(t("schedule.import"), () => form.set({ ...fresh, what: "import" })),
	]);
}

function row(board: ScheduleBoard, job: Job, places: readonly PlacedOperation[], buttons: Buttons, form: Form): VNode {
	const { acting, confirm, send } = buttons;
	const { may, busy, sure } = acting.value;
	const name = nameOf(job);
	const removing = sure === `remove ${job.id}`;
	const late = places.some(({ end }) =>
		[job.due, job.deadline].some((time) => time !== undefined && Date.parse(end) > Date.parse(time)),
	);
	const disabled = busy !== null;
	return h("li", { key: job.id, class: "se-order" }, [
		h("div", { class: "se-order-what" }, [
			h("p", { class: "se-alarm-name" }, [
				icon(...jobSigns[job.state]),
				name,
				h("span", { class: "se-order-id" }, name === job.id ? "" : job.id),
			]),
			h("p", { class: "se-alarm-meta" }, made(board, job)),
			h("p", { class: "se-alarm-meta" }, [
				late ? h("span", { class: "se-late" }, [icon("warn", "warn"), `${t("schedule.late")} · `]) : null,
				[t(`schedule.job.${job.state}`), planned(board, job, places), ...dates(board, job)].filter(Boolean).join(" · "),
			]),
		]),
		removing
			? sureness(
					t("schedule.remove.sure", { job: name }),
					t("schedule.remove"),
					() => void send(`remove ${job.id}`, { type: "remove-job", id: job.id }),
					buttons,
				)
			: h("div", { class: "se-acts" }, [
					places[0]
						? button(t("schedule.show-it"), () => show(places[0]), { label: labelled("schedule.show-it", name) })
						: null,
					may && job.state !== "done" && job.state !== "running"
						? button(
								t("schedule.edit"),
								() => form.set({ what: "order", job, draft: draftOf(job, board.timeZone), misfits: {}, csv: "" }),
								{ disabled, label: labelled("schedule.edit", name) },
							)
						: null,
					may && job.state !== "running"
						? button(t("schedule.remove"), () => confirm(`remove ${job.id}`), {
								disabled,
								label: labelled("schedule.remove", name),
							})
						: null,
				]),
		trouble(acting.value, (of) => of === `remove ${job.id}`),
	]);
}

const labelled = (key: "schedule.edit" | "schedule.remove" | "schedule.show-it", name: string): string =>
	`${t(key)}: ${name}`;
/** As on the chart: in Korean the name of its own, where it has one. */
const nameOf = ({ id, name, product }: Job): string =>
	(language.value === "ko" ? name : undefined) || product || name || id;

/** Leads from the order to its bar. */
function show(operation: PlacedOperation | undefined): void {
	if (!operation) return;
	selected.value = keyOf(operation);
	document.querySelector(".se-card-schedule-gantt")?.scrollIntoView({ behavior: "smooth", block: "start" });
}

/** What it takes: quantity, machines, time and power. */
function made(board: ScheduleBoard, job: Job): string {
	const quantity = job.quantity === undefined ? "" : `${job.quantity.toLocaleString("en-US")} ${job.unit ?? ""}`.trim();
	const machines = [...new Set(job.operations.flatMap(({ modes }) => modes.map(({ machine }) => machine)))];
	const mode = job.operations.length === 1 ? job.operations[0]?.modes[0] : undefined;
	return [
		quantity,
		machines.map((machine) => machineTitle(board, machine)).join(", "),
		job.operations.length === 1 ? "" : t("schedule.operations", { n: job.operations.length }),
		mode ? t("schedule.minutes", { n: minutesOf(mode) }) : "",
		mode ? powerText(mode.powerKw) : "",
	]
		.filter(Boolean)
		.join(" · ");
}

/** Without a length of its own a run takes as many quarter-hours as it has powers. */
const minutesOf = ({ minutes, powerKw }: ModeSpec): number =>
	minutes ?? (Array.isArray(powerKw) ? powerKw.length : 1) * 15;

function planned(board: ScheduleBoard, job: Job, places: readonly PlacedOperation[]): string {
	const starts = places.map(({ start }) => start).sort((a, b) => Date.parse(a) - Date.parse(b));
	const ends = places.map(({ end }) => end).sort((a, b) => Date.parse(a) - Date.parse(b));
	const [start] = starts;
	const end = ends.at(-1);
	if (!start || !end) return job.state === "open" ? t("schedule.unplanned") : "";
	const costKrw = places.reduce((sum, place) => sum + place.costKrw, 0);
	return `${fromTo(start, end, board)} · ${won(costKrw)}`;
}

function dates(board: ScheduleBoard, { due, deadline }: Job): string[] {
	return [
		due === undefined ? "" : `${t("schedule.due")} ${at(due, board)}`,
		deadline === undefined ? "" : `${t("schedule.deadline")} ${at(deadline, board)}`,
	];
}

function formOf(state: CardState, board: ScheduleBoard, form: Form, buttons: Buttons): VNode {
	const { open } = form;
	const { busy } = buttons.acting.value;
	const importing = open?.what === "import";
	return h(
		"form",
		{
			class: "se-form",
			novalidate: true,
			"aria-label": t(importing ? "schedule.import" : open?.job ? "schedule.edit" : "schedule.add"),
			onSubmit: (event: Event) => {
				event.preventDefault();
				void form.submit();
			},
		},
		[
			...(open ? (importing ? importFields(open, form) : orderFields(state, board, open, form)) : []),
			trouble(buttons.acting.value, (of) => of === "form"),
			h("div", { class: "se-acts" }, [
				h(
					"button",
					{
						type: "submit",
						class: "se-act se-act-first",
						disabled: busy !== null || (importing && open?.csv.trim() === ""),
					},
					t(importing ? "schedule.import.do" : "schedule.save"),
				),
				button(t("schedule.not-now"), () => form.set(null)),
			]),
		],
	);
}

const inputs: readonly [Field, "text" | "number" | "datetime-local"][] = [
	["id", "text"],
	["product", "text"],
	["quantity", "number"],
	["unit", "text"],
	["minutes", "number"],
	["powerKw", "number"],
	["release", "datetime-local"],
	["due", "datetime-local"],
	["deadline", "datetime-local"],
	["priority", "number"],
];

function orderFields(state: CardState, board: ScheduleBoard, open: Open, form: Form): VNode[] {
	const plain = !open.job || isPlain(open.job);
	const change = (part: Partial<Draft>): void => form.set({ ...open, draft: { ...open.draft, ...part } });
	const shown = inputs.filter(([field]) => plain || (field !== "minutes" && field !== "powerKw"));
	return [
		h(
			"div",
			{ class: "se-fields" },
			shown.map(([field, type]) => {
				const id = `se-order-${field}`;
				const misfit = open.misfits[field];
				return h("div", { key: field, class: "se-field" }, [
					h("label", { for: id }, t(`schedule.field.${field as Exclude<Field, "machines">}`)),
					h("input", {
						...{ id, type, value: open.draft[field], disabled: field === "id" && open.job !== null },
						...(type === "number" ? { min: 0, step: "any", inputmode: "decimal" } : {}),
						"aria-invalid": misfit !== undefined,
						"aria-describedby": misfit ? `${id}-wrong` : undefined,
						onInput: (event: Event) => change({ [field]: (event.target as HTMLInputElement).value }),
					}),
					misfit ? wrong(`${id}-wrong`, misfit) : null,
				]);
			}),
		),
		plain
			? h("div", { class: "se-field", role: "group", "aria-label": t("schedule.field.machines") }, [
					h("span", { class: "se-label" }, t("schedule.field.machines")),
					h(
						"div",
						{ class: "se-legend" },
						machinesOf(state, board).map(({ id, name }) => {
							const on = open.draft.machines.includes(id);
							const machines = on ? open.draft.machines.filter((one) => one !== id) : [...open.draft.machines, id];
							return h(
								"button",
								{
									key: id,
									type: "button",
									class: "se-chip se-choice",
									"aria-pressed": on,
									onClick: () => change({ machines }),
								},
								[icon(on ? "ok" : "off"), name],
							);
						}),
					),
					open.misfits.machines ? wrong("se-order-machines-wrong", open.misfits.machines) : null,
				])
			: h("p", { class: "se-note" }, t("schedule.form.more", { n: open.job?.operations.length ?? 0 })),
	];
}

/** Machines that an order may be for: those of the site, which is more than have one by now. */
function machinesOf({ picture }: CardState, board: ScheduleBoard): { id: string; name: string }[] {
	const ids = new Map(board.machines.map(({ id }) => [id, machineTitle(board, id)]));
	for (const machine of picture?.machines ?? []) {
		if (machine.role === "sub") ids.set(machine.machine, nameOfMachine(machine, language.value));
	}
	return [...ids].map(([id, name]) => ({ id, name }));
}

const wrong = (id: string, misfit: Misfit): VNode =>
	h("p", { id, class: "se-wrong", role: "alert" }, [icon("warn", "alarm"), t(`schedule.wrong.${misfit}`)]);

function importFields(open: Open, form: Form): VNode[] {
	const read = async (event: Event): Promise<void> => {
		const file = (event.target as HTMLInputElement).files?.[0];
		if (file) form.set({ ...open, csv: await file.text() });
	};
	return [
		h("div", { class: "se-field" }, [
			h("label", { for: "se-import-file" }, t("schedule.import.file")),
			h("input", {
				id: "se-import-file",
				type: "file",
				accept: ".csv,text/csv",
				onChange: (event: Event) => void read(event),
			}),
		]),
		h("div", { class: "se-field" }, [
			h("label", { for: "se-import-text" }, t("schedule.import.paste")),
			h("textarea", {
				...{ id: "se-import-text", rows: 6, spellcheck: false, value: open.csv },
				placeholder: "id,product,quantity,machine,minutes,powerKw,due",
				onInput: (event: Event) => form.set({ ...open, csv: (event.target as HTMLTextAreaElement).value }),
			}),
		]),
	];
}
