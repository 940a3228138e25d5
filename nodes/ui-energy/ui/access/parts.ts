import { icon } from "../cards/card.ts";
import { button } from "../schedule/parts.ts";
import { t } from "../shell.ts";
import { defineComponent, h, ref, type VNode } from "../vue.ts";
import { type Grants, type Role, roles } from "./api.ts";
import { type KnownSite, roleName, siteName } from "./words.ts";

/** Lists show so many at a time. */
export const PAGE = 10;

interface Pager {
	/** From 0. */
	page: number;
	count: number;
	/** Of what, for who does not see it. */
	label: string;
	turn(page: number): void;
}

/** The way through a long list; nothing where all of it is shown. */
export function pager({ page, count, label, turn }: Pager): VNode | null {
	if (count <= PAGE) return null;
	const last = Math.ceil(count / PAGE) - 1;
	const from = page * PAGE + 1;
	const span = t("access.page", { from, to: Math.min(count, from + PAGE - 1), n: count });
	return h("nav", { class: "se-acts", "aria-label": label }, [
		button(t("access.previous"), () => turn(page - 1), { disabled: page === 0 }),
		h("span", { class: "se-remark se-num", role: "status" }, span),
		button(t("access.next"), () => turn(page + 1), { disabled: page >= last }),
	]);
}

/** Puts the cursor where somebody who opened something goes on. */
export const focusFirst = {
	onVnodeMounted: ({ el }: VNode): void => {
		const field = (el as HTMLElement | null)?.querySelector<HTMLElement>("input, select, textarea, button");
		field?.focus();
	},
};

interface FieldOptions {
	id: string;
	label: string;
	/** Below it. */
	hint?: string;
}

/** A label with what belongs to it. */
export function field({ id, label, hint }: FieldOptions, control: VNode): VNode {
	return h("div", { class: "se-field", key: id }, [
		h("label", { for: id }, label),
		control,
		hint ? h("p", { id: `${id}-hint`, class: "se-note" }, hint) : null,
	]);
}

export function choice(
	id: string,
	value: string,
	options: readonly (readonly [value: string, text: string])[],
	choose: (value: string) => void,
	hint = false,
): VNode {
	return h(
		"select",
		{
			...{ id, class: "se-select", value },
			"aria-describedby": hint ? `${id}-hint` : undefined,
			onChange: (event: Event) => choose((event.target as HTMLSelectElement).value),
		},
		options.map(([key, text]) => h("option", { key, value: key, selected: key === value }, text)),
	);
}

/** Role everywhere, and another one at single sites. */
export function grantFields(
	prefix: string,
	grants: Grants,
	sites: readonly KnownSite[],
	change: (next: Grants) => void,
): VNode[] {
	const ids = [...new Set([...sites.map(({ id }) => id), ...Object.keys(grants.sites)])];
	const named = roles.map((role) => [role, roleName(role)] as const);
	const everywhere = [...named, ["", t("access.role.none")] as const];
	const hint = t(`access.role.${grants.role ?? "none"}.hint`);
	const atSite = (id: string, role: string): void => {
		const { [id]: _before, ...others } = grants.sites;
		change({ ...grants, sites: role === "" ? others : { ...others, [id]: role as Role } });
	};
	return [
		field(
			{ id: `${prefix}-role`, label: t("access.field.role"), hint },
			choice(
				`${prefix}-role`,
				grants.role ?? "",
				everywhere,
				(role) => change({ ...grants, role: role === "" ? null : (role as Role) }),
				true,
			),
		),
		...ids.map((id) =>
			field(
				{ id: `${prefix}-site-${id}`, label: t("access.field.site", { site: siteName(sites, id) }) },
				choice(
					`${prefix}-site-${id}`,
					grants.sites[id] ?? "",
					[["", t("access.role.as-everywhere")], ...named],
					(role) => atSite(id, role),
				),
			),
		),
	];
}

/** A password or key that is shown once: to be copied, then gone. */
export const Secret = defineComponent({
	name: "Secret",
	props: {
		title: { type: String, required: true },
		note: { type: String, required: true },
		secret: { type: String, required: true },
	},
	emits: ["done"],
	setup(props, { emit }) {
		const copied = ref<boolean | null>(null);
		const input = ref<HTMLInputElement | null>(null);
		const copy = async (): Promise<void> => {
			input.value?.select();
			// Without TLS a browser gives no clipboard; what is selected can still be copied.
			copied.value = await (navigator.clipboard?.writeText(props.secret) ?? Promise.reject()).then(
				() => true,
				() => document.execCommand("copy"),
			);
		};
		return () =>
			h("div", { class: "se-secret", role: "group", "aria-label": props.title, ...focusFirst }, [
				h("p", { class: "se-secret-title" }, [icon("lock"), props.title]),
				h("div", { class: "se-secret-line" }, [
					h("input", {
						...{ ref: input, readonly: true, value: props.secret, class: "se-secret-text", "aria-label": props.title },
						onFocus: () => input.value?.select(),
					}),
					button(t("access.copy"), () => void copy(), { first: true }),
				]),
				h("p", { class: "se-note" }, props.note),
				h("div", { class: "se-acts" }, [
					button(t("access.copy.done"), () => emit("done")),
					h(
						"span",
						{ class: "se-remark", role: "status" },
						copied.value === null ? "" : t(copied.value ? "access.copied" : "access.copy.by-hand"),
					),
				]),
			]);
	},
});
