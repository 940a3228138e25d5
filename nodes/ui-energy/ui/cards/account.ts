import { passwordPage, type Session, type User } from "../access/api.ts";
import { deviceOf } from "../access/device.ts";
import { type Doing, useDoing } from "../access/doing.ts";
import { PAGE, pager } from "../access/parts.ts";
import { grantsText, since, stamp } from "../access/words.ts";
import { button, fact, sureness, trouble } from "../schedule/parts.ts";
import { language, switchLanguage, t } from "../shell.ts";
import { defineComponent, h, onMounted, ref, shallowRef, type VNode } from "../vue.ts";
import { accessProps, empty, frame, icon } from "./card.ts";

/** What is one's own, whatever one may: rights, password, language, and where one is signed in. */
export const Account = defineComponent({
	name: "Account",
	props: accessProps,
	setup(props) {
		const doing = useDoing();
		const me = shallowRef<User | null>(null);
		const sessions = shallowRef<readonly Session[]>([]);
		const page = ref(0);
		const reload = async (): Promise<void> => {
			const done = await doing.send<{ items: Session[] }>("list", "GET", "/auth/sessions");
			// This one first: it is what the others are told apart from.
			if (done?.body) sessions.value = done.body.items.toSorted((a, b) => Number(b.current) - Number(a.current));
		};
		onMounted(async () => {
			if (!props.locked) return;
			me.value = (await doing.send<User>("list", "GET", "/auth/me"))?.body ?? null;
			await reload();
		});
		const end = async (of: string, path: string): Promise<void> => {
			if ((await doing.send(of, "DELETE", path))?.ok) await reload();
		};
		return () => {
			const user = me.value;
			if (!props.locked) return frame("account", t("account.title"), null, empty(t("access.not-installed")));
			const all = sessions.value;
			const shown = Math.min(page.value, Math.max(0, Math.ceil(all.length / PAGE) - 1));
			return frame("account", t("account.title"), null, [
				h("dl", { class: "se-plan-facts" }, [
					fact(t("account.name"), user?.name ?? "–"),
					fact(t("account.rights"), user ? grantsText(user, props.sites) : "–"),
					fact(t("account.password"), h("a", { class: "se-link", href: passwordPage() }, t("account.change-password"))),
					fact(t("account.language"), languages()),
				]),
				h("h3", { class: "se-subtitle" }, t("account.sessions")),
				h("p", { class: "se-note" }, t("account.sessions.note")),
				trouble(doing.acting.value, (of) => of === "list"),
				h(
					"ul",
					{ class: "se-rows", "aria-label": t("account.sessions") },
					all.slice(shown * PAGE, (shown + 1) * PAGE).map((session) => row(session, doing, end)),
				),
				pager({
					...{ page: shown, count: all.length, label: t("account.sessions") },
					turn: (next) => {
						page.value = next;
					},
				}),
				all.length > 1 ? others(doing, end) : null,
			]);
		};
	},
});

function languages(): VNode {
	const one = (code: "en-US" | "ko", name: string): VNode =>
		h(
			"button",
			{
				...{ type: "button", class: "se-chip se-choice", lang: code === "ko" ? "ko" : "en" },
				"aria-pressed": language.value === code,
				onClick: () => (language.value === code ? undefined : switchLanguage()),
			},
			[icon(language.value === code ? "ok" : "off"), name],
		);
	return h("div", { class: "se-legend", role: "group", "aria-label": t("account.language") }, [
		one("en-US", "English"),
		one("ko", "한국어"),
	]);
}

type End = (of: string, path: string) => Promise<void>;

function row({ id, kind, startedAt, from, agent, current }: Session, doing: Doing, end: End): VNode {
	const device = deviceOf(agent) || t(`account.kind.${kind}`);
	const of = `end ${id}`;
	return h("li", { key: id, class: "se-order" }, [
		h("div", { class: "se-order-what" }, [
			h("p", { class: "se-alarm-name" }, [
				icon(current ? "play" : "off"),
				device,
				current ? h("span", { class: "se-order-id" }, t("account.this")) : null,
			]),
			h(
				"p",
				{ class: "se-alarm-meta" },
				[t("account.since", { time: stamp(startedAt), ago: since(startedAt) }), from ? t("account.from", { from }) : ""]
					.filter(Boolean)
					.join(" · "),
			),
		]),
		current
			? null
			: h("div", { class: "se-acts" }, [
					button(t("account.end"), () => void end(of, `/auth/sessions/${encodeURIComponent(id)}`), {
						...{ disabled: doing.acting.value.busy !== null, label: `${t("account.end")}: ${device}` },
					}),
				]),
		trouble(doing.acting.value, (what) => what === of),
	]);
}

function others(doing: Doing, end: End): VNode {
	const of = "others";
	return h("div", [
		doing.acting.value.sure === of
			? sureness(t("account.end-others.sure"), t("account.end-others"), () => void end(of, "/auth/sessions"), doing)
			: h("div", { class: "se-acts" }, [button(t("account.end-others"), () => doing.confirm(of), {})]),
		trouble(doing.acting.value, (what) => what === of),
	]);
}
