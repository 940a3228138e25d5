import { type Grants, type Session, temporaryPassword, type User } from "../access/api.ts";
import { type Doing, useDoing } from "../access/doing.ts";
import { field, focusFirst, grantFields, PAGE, pager, Secret } from "../access/parts.ts";
import { at, grantsText, type KnownSite, since, stamp } from "../access/words.ts";
import { button, sureness, trouble } from "../schedule/parts.ts";
import { nowMs, t } from "../shell.ts";
import { defineComponent, h, onMounted, ref, shallowRef, type VNode, type VNodeChild } from "../vue.ts";
import { accessProps, empty, frame, icon } from "./card.ts";

interface Open {
	/** The user that is changed; null for a new one. */
	user: User | null;
	name: string;
	grants: Grants;
}

interface View {
	users: readonly User[];
	me: string;
	sites: readonly KnownSite[];
	open: Open | null;
	/** A password that was just made, and whose. */
	secret: { name: string; password: string } | null;
	doing: Doing;
	set(open: Open | null): void;
	reload(): Promise<void>;
	show(secret: View["secret"]): void;
}

/** Who may come in, and what each may: made, changed, unlocked, switched off and removed here. */
export const AccessUsers = defineComponent({
	name: "AccessUsers",
	props: accessProps,
	setup(props) {
		const doing = useDoing();
		const users = shallowRef<readonly User[] | null>(null);
		const me = ref("");
		const open = ref<Open | null>(null);
		const secret = ref<View["secret"]>(null);
		const page = ref(0);
		const search = ref("");
		const reload = async (): Promise<void> => {
			const done = await doing.send<{ items: User[] }>("list", "GET", "/users");
			if (done?.body) users.value = done.body.items;
		};
		onMounted(async () => {
			if (!props.locked) return;
			const done = await doing.send<User>("list", "GET", "/auth/me");
			me.value = done?.body?.name ?? "";
			await reload();
		});
		return () => {
			const all = users.value ?? [];
			const wanted = search.value.trim().toLocaleLowerCase();
			const found = all.filter(({ name }) => name.toLocaleLowerCase().includes(wanted));
			const shown = Math.min(page.value, Math.max(0, Math.ceil(found.length / PAGE) - 1));
			const view: View = {
				...{ users: found.slice(shown * PAGE, (shown + 1) * PAGE), me: me.value, sites: props.sites, doing, reload },
				...{ open: open.value, secret: secret.value },
				set: (next) => {
					open.value = next;
					doing.confirm(null);
				},
				show: (next) => {
					secret.value = next;
				},
			};
			const remark = users.value ? h("span", { class: "se-remark" }, t("users.count", { n: all.length })) : null;
			return frame("access-users", t("users.title"), remark, [
				...top(view, all.length > PAGE, search),
				trouble(doing.acting.value, (of) => of === "list"),
				!props.locked ? empty(t("access.not-installed")) : users.value ? list(view) : null,
				pager({
					...{ page: shown, count: found.length, label: t("users.title") },
					turn: (next) => {
						page.value = next;
					},
				}),
			]);
		};
	},
});

function top(view: View, many: boolean, search: { value: string }): VNodeChild[] {
	const { secret, open } = view;
	const fresh = { user: null, name: "", grants: { role: "viewer" as const, sites: {} } };
	return [
		secret
			? h(Secret, {
					key: secret.password,
					...{ title: t("users.secret", { name: secret.name }), note: t("users.secret.note") },
					secret: secret.password,
					onDone: () => view.show(null),
				})
			: null,
		open && !open.user
			? form(view, open)
			: h("div", { class: "se-acts" }, [
					button(t("users.add"), () => view.set(fresh), { first: true }),
					many
						? h("input", {
								...{ class: "se-search", type: "search", value: search.value },
								...{ "aria-label": t("users.search"), placeholder: t("users.search") },
								onInput: (event: Event) => {
									search.value = (event.target as HTMLInputElement).value;
								},
							})
						: null,
				]),
	];
}

function list(view: View): VNode {
	if (view.users.length === 0) return h("p", { class: "se-empty" }, t("users.none"));
	return h(
		"ul",
		{ class: "se-rows", "aria-label": t("users.title") },
		view.users.map((user) => row(view, user)),
	);
}

function row(view: View, user: User): VNode {
	const { open, sites } = view;
	const { name, disabled } = user;
	const expanded = open?.user?.name === name;
	const toggle = (): void => view.set(expanded ? null : { user, name, grants: { role: user.role, sites: user.sites } });
	return h("li", { key: name, class: "se-order" }, [
		h("div", { class: ["se-order-what", { "se-off": disabled }] }, [
			h("p", { class: "se-alarm-name" }, [
				disabled ? icon("stop") : isLocked(user) ? icon("lock", "warn") : icon("ok"),
				name,
				name === view.me ? h("span", { class: "se-order-id" }, t("users.you")) : null,
			]),
			h("p", grantsText(user, sites)),
			h("p", { class: "se-alarm-meta" }, states(user).join(" · ")),
		]),
		h("div", { class: "se-acts" }, [
			button(t(expanded ? "access.close" : "access.change"), toggle, {
				...{ expanded, label: `${t(expanded ? "access.close" : "access.change")}: ${name}` },
			}),
		]),
		expanded && open ? h("div", { class: "se-order-open" }, [form(view, open), acts(view, user)]) : null,
	]);
}

const isLocked = ({ lockedUntil }: User): boolean => Boolean(lockedUntil && Date.parse(lockedUntil) > nowMs.value);

/** What somebody has to know of this user; the last sign-in always. */
function states(user: User): string[] {
	const { disabled, mustChangePassword, lastSignInAt, lockedUntil } = user;
	return [
		disabled ? t("users.state.disabled") : "",
		isLocked(user) && lockedUntil ? t("users.state.locked", { time: at(lockedUntil) }) : "",
		mustChangePassword ? t("users.state.must-change") : "",
		lastSignInAt ? t("users.last", { time: stamp(lastSignInAt), ago: since(lastSignInAt) }) : t("users.never"),
	].filter(Boolean);
}

const pathOf = (name: string): string => `/users/${encodeURIComponent(name)}`;

function form(view: View, open: Open): VNode {
	const { acting } = view.doing;
	const { user, name, grants } = open;
	const prefix = user ? "se-user" : "se-new-user";
	const label = user ? t("users.rights", { name: user.name }) : t("users.add");
	const submit = async (event: Event): Promise<void> => {
		event.preventDefault();
		await (user ? change(view, user, grants) : add(view, open));
	};
	return h("form", { class: "se-form", novalidate: true, "aria-label": label, onSubmit: submit, ...focusFirst }, [
		h("div", { class: "se-fields" }, [
			user
				? null
				: field(
						{ id: "se-new-user-name", label: t("users.name"), hint: t("users.name.hint") },
						h("input", {
							...{ id: "se-new-user-name", value: name, maxlength: 64, autocomplete: "off", spellcheck: false },
							"aria-describedby": "se-new-user-name-hint",
							onInput: (event: Event) => view.set({ ...open, name: (event.target as HTMLInputElement).value }),
						}),
					),
			...grantFields(prefix, grants, view.sites, (next) => view.set({ ...open, grants: next })),
		]),
		trouble(acting.value, (of) => of === "form"),
		h("div", { class: "se-acts" }, [
			h(
				"button",
				{
					...{ type: "submit", class: "se-act se-act-first" },
					disabled: acting.value.busy !== null || (!user && name.trim() === ""),
				},
				t(user ? "users.save" : "users.make"),
			),
			button(t("schedule.not-now"), () => view.set(null)),
		]),
	]);
}

async function add(view: View, { name, grants }: Open): Promise<void> {
	const password = temporaryPassword();
	const done = await view.doing.send("form", "POST", "/users", { name: name.trim(), password, ...grants });
	if (!done?.ok) return;
	view.set(null);
	view.show({ name: name.trim(), password });
	await view.reload();
}

async function change(view: View, user: User, grants: Grants): Promise<void> {
	const done = await view.doing.send("form", "PATCH", pathOf(user.name), grants);
	if (!done?.ok) return;
	view.set(null);
	await view.reload();
}

interface Deed {
	id: "reset" | "unlock" | "sign-out" | "disable" | "enable" | "remove";
	/** Asks before it is done. */
	asks: boolean;
	run(): Promise<boolean>;
}

/** What may be done to a user: what takes something away asks twice. */
function acts(view: View, user: User): VNode {
	const { doing } = view;
	const { name, disabled } = user;
	const of = (id: string): string => `${id} ${name}`;
	const send = async (id: string, method: string, path: string, given?: object): Promise<boolean> =>
		(await doing.send<Session>(of(id), method, path, given))?.ok ?? false;
	const path = pathOf(name);
	const deeds: (Deed | false)[] = [
		isLocked(user) && { id: "unlock", asks: false, run: () => send("unlock", "DELETE", `${path}/lock`) },
		// One's own password takes the old one too: see the page of the account.
		name !== view.me && { id: "reset", asks: true, run: () => reset(view, user, of("reset")) },
		{ id: "sign-out", asks: true, run: () => send("sign-out", "DELETE", `${path}/sessions`) },
		disabled
			? { id: "enable", asks: false, run: () => send("enable", "PATCH", path, { disabled: false }) }
			: { id: "disable", asks: true, run: () => send("disable", "PATCH", path, { disabled: true }) },
		{ id: "remove", asks: true, run: () => send("remove", "DELETE", path) },
	];
	const { busy, sure } = doing.acting.value;
	const offered = deeds.filter((deed) => deed !== false);
	const run = async ({ run: act }: Deed): Promise<void> => {
		if (await act()) await view.reload();
	};
	const asked = offered.find(({ id }) => sure === of(id));
	return h("div", { class: "se-deeds" }, [
		asked
			? sureness(
					t(`users.${asked.id}.sure` as "users.remove.sure", { name }),
					t(`users.${asked.id}`),
					() => void run(asked),
					doing,
				)
			: h(
					"div",
					{ class: "se-acts", role: "group", "aria-label": t("users.deeds", { name }) },
					offered.map((deed) =>
						button(t(`users.${deed.id}`), () => (deed.asks ? doing.confirm(of(deed.id)) : void run(deed)), {
							disabled: busy !== null,
						}),
					),
				),
		trouble(doing.acting.value, (what) => offered.some(({ id }) => what === of(id))),
	]);
}

async function reset(view: View, { name }: User, of: string): Promise<boolean> {
	const password = temporaryPassword();
	const done = await view.doing.send(of, "PATCH", pathOf(name), { password });
	if (!done?.ok) return false;
	view.set(null);
	view.show({ name, password });
	return true;
}
