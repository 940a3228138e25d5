import type { ApiKey, Grants } from "../access/api.ts";
import { type Doing, useDoing } from "../access/doing.ts";
import { field, focusFirst, grantFields, PAGE, pager, Secret } from "../access/parts.ts";
import { grantsText, type KnownSite, personName, since, stamp, zone } from "../access/words.ts";
import { button, sureness, trouble } from "../schedule/parts.ts";
import { nowMs, t } from "../shell.ts";
import { defineComponent, h, onMounted, ref, shallowRef, type VNode } from "../vue.ts";
import { dateTime, instantOf } from "../zone.ts";
import { accessProps, empty, frame, icon } from "./card.ts";

interface Open {
	name: string;
	grants: Grants;
	/** `2027-12-31`, the last day; empty: without an end. */
	until: string;
}

const DAY_MS = 86_400_000;
/** A key that nobody renews ends by itself. */
const USUAL_DAYS = 365;
/** Soon enough to be told of. */
const SOON_DAYS = 14;

/** Keys of programs: who made each, what it opens, until when, and when it was last used; made and taken back here. */
export const AccessKeys = defineComponent({
	name: "AccessKeys",
	props: accessProps,
	setup(props) {
		const doing = useDoing();
		const keys = shallowRef<readonly ApiKey[] | null>(null);
		const open = ref<Open | null>(null);
		const secret = ref<{ name: string; key: string } | null>(null);
		const page = ref(0);
		const reload = async (): Promise<void> => {
			const done = await doing.send<{ items: ApiKey[] }>("list", "GET", "/api-keys");
			if (done?.body) keys.value = done.body.items;
		};
		onMounted(() => (props.locked ? reload() : undefined));
		const add = async ({ name, grants, until }: Open): Promise<void> => {
			const lastMs = until === "" ? null : instantOf(`${until}T00:00`, zone);
			const expiresAt = lastMs === null ? null : new Date(lastMs + DAY_MS).toISOString();
			const done = await doing.send<{ key: string }>("form", "POST", "/api-keys", {
				...{ name: name.trim(), expiresAt, ...grants },
			});
			if (!done?.body) return;
			open.value = null;
			secret.value = { name: name.trim(), key: done.body.key };
			page.value = 0;
			await reload();
		};
		const remove = async ({ id }: ApiKey): Promise<void> => {
			if ((await doing.send(`remove ${id}`, "DELETE", `/api-keys/${id}`))?.ok) await reload();
		};
		return () => {
			const all = keys.value ?? [];
			const shown = Math.min(page.value, Math.max(0, Math.ceil(all.length / PAGE) - 1));
			const remark = keys.value ? h("span", { class: "se-remark" }, t("keys.count", { n: all.length })) : null;
			return frame("access-keys", t("keys.title"), remark, [
				secret.value
					? h(Secret, {
							key: secret.value.key,
							...{ title: t("keys.secret", { name: secret.value.name }), note: t("keys.secret.note") },
							secret: secret.value.key,
							onDone: () => {
								secret.value = null;
							},
						})
					: null,
				open.value
					? form(
							open.value,
							props.sites,
							doing,
							(next) => {
								open.value = next;
							},
							add,
						)
					: h("div", { class: "se-acts" }, [
							button(
								t("keys.add"),
								() => {
									open.value = fresh();
								},
								{ first: true },
							),
						]),
				trouble(doing.acting.value, (of) => of === "list"),
				!props.locked
					? empty(t("access.not-installed"))
					: keys.value
						? list(all.slice(shown * PAGE, (shown + 1) * PAGE), props.sites, doing, remove)
						: null,
				pager({
					...{ page: shown, count: all.length, label: t("keys.title") },
					turn: (next) => {
						page.value = next;
					},
				}),
			]);
		};
	},
});

const fresh = (): Open => ({
	name: "",
	grants: { role: "operator", sites: {} },
	until: dateTime(nowMs.value + USUAL_DAYS * DAY_MS, zone).slice(0, 10),
});

function list(
	keys: readonly ApiKey[],
	sites: readonly KnownSite[],
	doing: Doing,
	remove: (key: ApiKey) => Promise<void>,
): VNode {
	if (keys.length === 0) return h("p", { class: "se-empty" }, t("keys.none"));
	return h(
		"ul",
		{ class: "se-rows", "aria-label": t("keys.title") },
		keys.map((key) => row(key, sites, doing, remove)),
	);
}

function row(key: ApiKey, sites: readonly KnownSite[], doing: Doing, remove: (key: ApiKey) => Promise<void>): VNode {
	const { id, name, createdBy, createdAt, expiresAt, lastUsedAt } = key;
	const { busy, sure } = doing.acting.value;
	const leftMs = expiresAt === null ? Number.POSITIVE_INFINITY : Date.parse(expiresAt) - nowMs.value;
	const over = leftMs <= 0;
	const soon = !over && leftMs < SOON_DAYS * DAY_MS;
	const of = `remove ${id}`;
	return h("li", { key: id, class: "se-order" }, [
		h("div", { class: ["se-order-what", { "se-off": over }] }, [
			h("p", { class: "se-alarm-name" }, [
				over ? icon("stop") : soon ? icon("warn", "warn") : icon("ok"),
				name,
				h("code", { class: "se-order-id se-code" }, `sfk_${id}…`),
			]),
			h("p", grantsText(key, sites)),
			h("p", { class: "se-alarm-meta" }, meta()),
		]),
		sure === of
			? sureness(t("keys.remove.sure", { name }), t("keys.remove"), () => void remove(key), doing)
			: h("div", { class: "se-acts" }, [
					button(t("keys.remove"), () => doing.confirm(of), {
						...{ disabled: busy !== null, label: `${t("keys.remove")}: ${name}` },
					}),
				]),
		trouble(doing.acting.value, (what) => what === of),
	]);

	function meta(): string {
		const ends =
			expiresAt === null
				? t("keys.endless")
				: t(over ? "keys.over" : soon ? "keys.soon" : "keys.until", { time: stamp(expiresAt) });
		return [
			ends,
			lastUsedAt ? t("keys.used", { time: stamp(lastUsedAt), ago: since(lastUsedAt) }) : t("keys.unused"),
			t("keys.by", { user: personName(createdBy), time: stamp(createdAt) }),
		].join(" · ");
	}
}

function form(
	open: Open,
	sites: readonly KnownSite[],
	{ acting }: Doing,
	set: (next: Open | null) => void,
	add: (open: Open) => Promise<void>,
): VNode {
	const input = (of: "name" | "until", more: object): VNode =>
		h("input", {
			...{ id: `se-key-${of}`, value: open[of], "aria-describedby": `se-key-${of}-hint` },
			onInput: (event: Event) => set({ ...open, [of]: (event.target as HTMLInputElement).value }),
			...more,
		});
	const submit = (event: Event): void => {
		event.preventDefault();
		void add(open);
	};
	return h(
		"form",
		{ class: "se-form", novalidate: true, "aria-label": t("keys.add"), onSubmit: submit, ...focusFirst },
		[
			h("div", { class: "se-fields" }, [
				field(
					{ id: "se-key-name", label: t("keys.name"), hint: t("keys.name.hint") },
					input("name", { maxlength: 100, autocomplete: "off" }),
				),
				...grantFields("se-key", open.grants, sites, (grants) => set({ ...open, grants })),
				field(
					{ id: "se-key-until", label: t("keys.last-day"), hint: t("keys.last-day.hint") },
					input("until", { type: "date", min: dateTime(nowMs.value, zone).slice(0, 10) }),
				),
			]),
			trouble(acting.value, (of) => of === "form"),
			h("div", { class: "se-acts" }, [
				h(
					"button",
					{
						...{ type: "submit", class: "se-act se-act-first" },
						disabled: acting.value.busy !== null || open.name.trim() === "",
					},
					t("keys.make"),
				),
				button(t("schedule.not-now"), () => set(null)),
			]),
		],
	);
}
