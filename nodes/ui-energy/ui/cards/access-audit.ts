import { type AuditEntry, call, changes, type Verdict } from "../access/api.ts";
import { diffOf, linesOf, type Moved } from "../access/diff.ts";
import { type Doing, useDoing } from "../access/doing.ts";
import { choice, field } from "../access/parts.ts";
import { actionName, at, fieldName, personName, stamp, valueText, zone } from "../access/words.ts";
import { button, trouble } from "../schedule/parts.ts";
import { nowMs, t } from "../shell.ts";
import { defineComponent, h, onMounted, ref, shallowRef, type VNode, watch } from "../vue.ts";
import { clock, instantOf } from "../zone.ts";
import { accessProps, empty, frame, icon } from "./card.ts";

/** What is looked for; empty: everything. Days are whole ones. */
interface Filter {
	who: string;
	what: string;
	from: string;
	to: string;
}

interface Page {
	items: AuditEntry[];
	nextCursor?: string;
}

/** As many as fill a screen. */
const AT_ONCE = 20;
/** As many as the API gives in one answer. */
const EXPORTED_AT_ONCE = 10_000;
const DAY_MS = 86_400_000;

/** What is looked for most: kinds of deeds by the beginning of their names, then single ones. */
const wanted = [
	"signIn",
	"flow.*",
	"config.change",
	"card.*",
	"addUser",
	"changeUser",
	"removeUser",
	"addApiKey",
	"removeApiKey",
	"saveProductionJobs",
	"approveSchedule",
	"dispatchSchedule",
	"withdrawSchedule",
	"acknowledgeAlarm",
	"shelveAlarm",
	"trainModel",
	"promoteModel",
	"rollBackModel",
	"importFile",
	"changePassword",
] as const;

/** Who did what, newest first, with what stood before and after; and whether the chain of it all is whole. */
export const AccessAudit = defineComponent({
	name: "AccessAudit",
	props: accessProps,
	setup(props) {
		const doing = useDoing();
		const filter = ref<Filter>({ who: "", what: "", from: "", to: "" });
		const page = shallowRef<Page | null>(null);
		/** Cursors of the pages before, the first one's empty: the way back. */
		const way = ref<string[]>([""]);
		const open = ref<number | null>(null);
		const verdict = shallowRef<(Verdict & { atMs: number }) | null>(null);
		const checking = ref(false);
		let asked = 0;

		const load = async (path: string[]): Promise<void> => {
			const query = queryOf(filter.value, AT_ONCE, path.at(-1) ?? "");
			// Whoever looks for something else meanwhile wants that alone.
			const mine = ++asked;
			const done = await call<Page>("GET", `/audit?${query}`);
			if (mine !== asked) return;
			if (!done.body) return doing.fail("list", done.message);
			page.value = done.body;
			way.value = path;
			open.value = null;
		};
		const check = async (): Promise<void> => {
			checking.value = true;
			const done = await call<Verdict>("GET", "/audit/verification");
			checking.value = false;
			if (done.body) verdict.value = { ...done.body, atMs: nowMs.value };
			else doing.fail("check", done.message);
		};
		const seek = (part: Partial<Filter>): void => {
			filter.value = { ...filter.value, ...part };
			void load([""]);
		};
		onMounted(async () => {
			if (!props.locked) return;
			await load([""]);
			await check();
		});
		// What is done on this page belongs to it at once, where its newest entries are shown.
		watch(changes, () => {
			if (way.value.length === 1 && open.value === null) void load([""]);
		});
		return () =>
			frame(
				"access-audit",
				t("audit.title"),
				h("span", { class: "se-remark" }, t("audit.zone", { zone })),
				props.locked
					? [
							verdictOf(verdict.value, checking.value, check),
							trouble(doing.acting.value, (of) => of === "check"),
							filters(filter.value, seek, doing),
							trouble(doing.acting.value, (of) => of === "list" || of === "export"),
							page.value ? entries(page.value.items, open) : null,
							pages(page.value, way.value, load),
						]
					: empty(t("access.not-installed")),
			);
	},
});

function queryOf({ who, what, from, to }: Filter, limit: number, cursor = ""): URLSearchParams {
	const query = new URLSearchParams({ limit: String(limit) });
	const begin = from === "" ? null : instantOf(`${from}T00:00`, zone);
	const last = to === "" ? null : instantOf(`${to}T00:00`, zone);
	if (who.trim() !== "") query.set("who", who.trim());
	if (what !== "") query.set("what", what);
	if (begin !== null) query.set("from", new Date(begin).toISOString());
	if (last !== null) query.set("to", new Date(last + DAY_MS).toISOString());
	if (cursor !== "") query.set("cursor", cursor);
	return query;
}

function verdictOf(verdict: (Verdict & { atMs: number }) | null, checking: boolean, check: () => Promise<void>): VNode {
	const again = button(t("audit.check"), () => void check(), { disabled: checking });
	const say = (): string | (VNode | string)[] => {
		if (checking) return t("audit.checking");
		if (!verdict) return "";
		const { whole, entries: n, broken, atMs } = verdict;
		const time = clock(atMs, zone);
		if (whole) return [icon("ok", "good"), t("audit.whole", { n: n.toLocaleString("en-US"), time })];
		return [icon("stop", "alarm"), t(`audit.broken.${broken?.reason ?? "changed"}`, { n: broken?.sequence ?? n + 1 })];
	};
	return h("div", { class: "se-verdict-line" }, [h("p", { class: "se-verdict", role: "status" }, say()), again]);
}

function filters(filter: Filter, seek: (part: Partial<Filter>) => void, doing: Doing): VNode {
	const input = (of: "who" | "from" | "to", more: object): VNode =>
		h("input", {
			...{ id: `se-audit-${of}`, value: filter[of] },
			onChange: (event: Event) => seek({ [of]: (event.target as HTMLInputElement).value }),
			...more,
		});
	const deeds = wanted.map((what) => [what, actionName(what)] as const);
	const any = [filter.who, filter.what, filter.from, filter.to].some((each) => each !== "");
	return h("form", { class: "se-audit-filters", role: "search", onSubmit: (event: Event) => event.preventDefault() }, [
		field(
			{ id: "se-audit-who", label: t("audit.who") },
			input("who", { placeholder: t("audit.anybody"), type: "search" }),
		),
		field(
			{ id: "se-audit-what", label: t("audit.what") },
			choice("se-audit-what", filter.what, [["", t("audit.anything")], ...deeds], (what) => seek({ what })),
		),
		field(
			{ id: "se-audit-from", label: t("audit.from") },
			input("from", { type: "date", max: filter.to || undefined }),
		),
		field({ id: "se-audit-to", label: t("audit.to") }, input("to", { type: "date", min: filter.from || undefined })),
		h("div", { class: "se-acts" }, [
			any ? button(t("audit.all"), () => seek({ who: "", what: "", from: "", to: "" })) : null,
			button(t("audit.export"), () => void exportAll(filter, doing), { disabled: doing.acting.value.busy !== null }),
		]),
	]);
}

/** Everything that was looked for, as the API writes it, in one file. */
async function exportAll(filter: Filter, doing: Doing): Promise<void> {
	const parts: string[] = [];
	let cursor = "";
	do {
		const query = queryOf(filter, EXPORTED_AT_ONCE, cursor);
		const done = await doing.send<string>("export", "GET", `/audit?${query}`, undefined, "text/csv");
		if (!done?.ok) return;
		const text = done.body ?? "";
		// Each page begins with the same names of columns.
		parts.push(parts.length === 0 ? text : text.slice(text.indexOf("\n") + 1));
		const next = /<([^>]+)>; rel="next"/.exec(done.headers?.get("link") ?? "")?.[1];
		cursor = next ? (new URL(next, window.location.href).searchParams.get("cursor") ?? "") : "";
	} while (cursor !== "");
	const link = document.createElement("a");
	// Excel takes a file without this mark for the local code page, and Korean for gibberish.
	link.href = URL.createObjectURL(new Blob(["\ufeff", ...parts], { type: "text/csv" }));
	link.download = `audit-${stamp(new Date(nowMs.value).toISOString()).replace(/[ :]/g, "-")}.csv`;
	link.click();
	URL.revokeObjectURL(link.href);
}

function entries(items: readonly AuditEntry[], open: { value: number | null }): VNode {
	if (items.length === 0) return h("p", { class: "se-empty" }, t("audit.none"));
	return h(
		"ul",
		{ class: "se-rows", "aria-label": t("audit.title") },
		items.map((entry) => {
			const { sequence } = entry;
			const expanded = open.value === sequence;
			const detail = detailOf(entry);
			const refused = (entry.status ?? 200) >= 400;
			return h("li", { key: sequence, class: "se-audit-entry" }, [
				h(
					"button",
					{
						...{ type: "button", class: "se-audit-row", "aria-expanded": expanded },
						onClick: () => {
							open.value = expanded ? null : sequence;
						},
					},
					[
						h("span", { class: "se-audit-time se-num" }, at(entry.time)),
						h("span", { class: "se-audit-who" }, personName(entry.who)),
						h("span", { class: "se-audit-what" }, [
							refused ? icon("warn", "warn") : null,
							actionName(entry.what),
							entry.target ? h("span", { class: "se-audit-target" }, entry.target) : null,
						]),
						h(
							"span",
							{ class: "se-audit-gist" },
							refused ? t("audit.refused", { status: entry.status ?? 0 }) : gistOf(detail),
						),
					],
				),
				expanded ? details(entry, detail) : null,
			]);
		}),
	);
}

interface Detail {
	moved: Moved[];
	asked: [path: string, text: string][];
}

const detailOf = ({ before, after, request }: AuditEntry): Detail => ({
	moved: diffOf(before, after),
	asked: before === null && after === null ? linesOf(request) : [],
});

/** What the line says anyway, or nobody asks at a glance. */
const beside = new Set(["id", "name", "changedAt", "createdAt", "createdBy", "lastUsedAt"]);

/** The change in a line: what it says at a glance. */
function gistOf({ moved }: Detail): string {
	const [first, ...more] = moved.filter(({ path }) => !beside.has(path));
	if (!first) return "";
	const { path, before, after } = first;
	const change = [before, after]
		.filter((each) => each !== undefined)
		.map((each) => valueText(path, each))
		.join(" → ");
	const text = `${path === "" ? "" : `${fieldName(path)}: `}${change}`;
	const short = text.length > 60 ? `${text.slice(0, 59)}…` : text;
	return more.length > 0 ? `${short} ${t("audit.more", { n: more.length })}` : short;
}

function details(entry: AuditEntry, { moved, asked }: Detail): VNode {
	const facts: [string, string][] = [
		[t("audit.number"), String(entry.sequence)],
		[t("audit.when"), stamp(entry.time)],
		[t("audit.name"), entry.what],
		...(entry.site ? ([[t("audit.site"), entry.site]] as [string, string][]) : []),
		...(entry.from ? ([[t("audit.address"), entry.from]] as [string, string][]) : []),
		...(entry.status ? ([[t("audit.status"), String(entry.status)]] as [string, string][]) : []),
		...(entry.note ? ([[t("audit.note"), entry.note]] as [string, string][]) : []),
		...(entry.count ? ([[t("audit.count"), String(entry.count)]] as [string, string][]) : []),
	];
	return h("div", { class: "se-audit-open" }, [
		h(
			"dl",
			{ class: "se-audit-facts" },
			facts.map(([name, value]) => h("div", [h("dt", name), h("dd", value)])),
		),
		moved.length > 0 ? diffTable(moved) : null,
		asked.length > 0 ? askedTable(asked) : null,
	]);
}

function diffTable(moved: readonly Moved[]): VNode {
	const cell = (path: string, value: string | undefined, sign: "−" | "+", kind: string): VNode =>
		h(
			"td",
			{ class: value === undefined ? "se-diff-none" : kind },
			value === undefined
				? "–"
				: [h("span", { class: "se-diff-sign", "aria-hidden": "true" }, sign), valueText(path, value)],
		);
	return h("div", { class: "se-diff-box", tabindex: 0, role: "region", "aria-label": t("audit.diff") }, [
		h("table", { class: "se-diff" }, [
			h(
				"thead",
				h("tr", [
					h("th", { scope: "col" }, t("audit.field")),
					h("th", { scope: "col" }, t("audit.before")),
					h("th", { scope: "col" }, t("audit.after")),
				]),
			),
			h(
				"tbody",
				moved.map(({ path, before, after }) =>
					h("tr", { key: path }, [
						h("th", { scope: "row" }, path === "" ? t("audit.value") : fieldName(path)),
						cell(path, before, "−", "se-diff-before"),
						cell(path, after, "+", "se-diff-after"),
					]),
				),
			),
		]),
	]);
}

function askedTable(asked: readonly [string, string][]): VNode {
	return h("div", { class: "se-diff-box", tabindex: 0, role: "region", "aria-label": t("audit.asked") }, [
		h("table", { class: "se-diff" }, [
			h("thead", h("tr", [h("th", { scope: "col" }, t("audit.field")), h("th", { scope: "col" }, t("audit.asked"))])),
			h(
				"tbody",
				asked.map(([path, text]) =>
					h("tr", { key: path }, [
						h("th", { scope: "row" }, path === "" ? t("audit.value") : fieldName(path)),
						h("td", valueText(path, text)),
					]),
				),
			),
		]),
	]);
}

function pages(page: Page | null, way: readonly string[], load: (way: string[]) => Promise<void>): VNode | null {
	const next = page?.nextCursor;
	if (!page || (way.length === 1 && !next)) return null;
	return h("nav", { class: "se-acts", "aria-label": t("audit.title") }, [
		button(t("audit.newer"), () => void load(way.slice(0, -1)), { disabled: way.length === 1 }),
		h("span", { class: "se-remark se-num", role: "status" }, t("audit.page", { n: way.length })),
		button(t("audit.older"), () => void load([...way, next ?? ""]), { disabled: !next }),
	]);
}
