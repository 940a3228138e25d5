import {
	type DashboardStore,
	language,
	mode,
	pageName,
	switchable,
	switchLanguage,
	switchMode,
	switchWon,
	t,
	tenThousands,
} from "./shell.ts";
import { computed, defineComponent, h, onBeforeUnmount, type PropType, ref, Teleport, watchEffect } from "./vue.ts";

/** Cards on the page, in the order they came; the first of them carries the bar. */
const onPage = ref<string[]>([]);

/**
 * The page's title and switches in Dashboard's app bar, once a page: each card offers to carry it and the first one
 * does, so that a page needs no node of its own for it.
 */
export const PageBar = defineComponent({
	name: "PageBar",
	props: {
		id: { type: String, required: true },
		store: { type: Object as PropType<DashboardStore>, required: true },
		pageId: { type: String, required: true },
		/** Who sees the page has signed in, and may sign out. */
		locked: { type: Boolean, default: false },
	},
	setup(props) {
		onPage.value = [...onPage.value, props.id];
		onBeforeUnmount(() => {
			onPage.value = onPage.value.filter((id) => id !== props.id);
		});
		const mine = computed(() => onPage.value[0] === props.id);
		const title = computed(() => {
			const page = props.store.state.ui.pages[props.pageId];
			return page ? pageName(page) : "";
		});
		watchEffect(() => {
			if (mine.value && title.value) document.title = title.value;
		});
		// Dashboard's own button to its pages has an icon and no name.
		watchEffect(() => document.querySelector(".v-app-bar-nav-icon")?.setAttribute("aria-label", t("bar.pages")), {
			flush: "post",
		});
		return () => {
			if (!mine.value || !document.querySelector("#app-bar-title")) return null;
			return [
				h(Teleport, { to: "#app-bar-title" }, h("h1", { class: "se-page" }, title.value)),
				h(
					Teleport,
					{ to: "#app-bar-actions" },
					h("div", { class: "se-switches" }, [...switches(), props.locked ? signOut() : null]),
				),
			];
		};
	},
});

function signOut() {
	const icon = { viewBox: "0 0 24 24", width: 20, height: 20, "aria-hidden": "true" };
	// Out of the door.
	const drawn = { d: "M12 4H5v16h7M10 12h11m-4-4 4 4-4 4", fill: "none", stroke: "currentColor", "stroke-width": 2 };
	const hint = t("bar.sign-out");
	return h(
		"button",
		{ type: "button", class: "se-switch", title: hint, "aria-label": hint, onClick: leave },
		h("svg", icon, h("path", drawn)),
	);
}

/** Ends the session here and in the editor; the sign-in page also says so where there was none any more. */
async function leave(): Promise<void> {
	const [base = ""] = window.location.pathname.split("/dashboard", 1);
	await fetch(`${base}/api/v1/auth/logout`, { method: "POST" }).catch(() => undefined);
	window.location.assign(`${base}/login`);
}

function switches() {
	const shown = t(`bar.mode.${mode.value}`);
	const won = t(tenThousands.value ? "bar.won.man" : "bar.won.plain");
	return [
		language.value === "ko"
			? h(
					"button",
					{
						type: "button",
						class: "se-switch",
						// What is read begins with what is seen, or nobody could call the button by its name.
						"aria-label": `${won}, ${t("bar.won.hint")}`,
						"aria-pressed": tenThousands.value,
						onClick: switchWon,
					},
					won,
				)
			: null,
		switchable.value
			? h(
					"button",
					{
						type: "button",
						class: "se-switch",
						"aria-label": t("bar.mode.hint", { mode: shown }),
						onClick: switchMode,
					},
					[
						h("span", { class: `se-mode se-mode-${mode.value}`, "aria-hidden": "true" }),
						h("span", { class: "se-switch-text" }, shown),
					],
				)
			: null,
		h(
			"button",
			{
				type: "button",
				class: "se-switch",
				lang: language.value === "ko" ? "en" : "ko",
				title: t("bar.language.hint"),
				onClick: switchLanguage,
			},
			t("bar.language"),
		),
	];
}
