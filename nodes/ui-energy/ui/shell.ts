import { won as wonText } from "./format.ts";
import { type Language, preferred, type TextKey, translate } from "./i18n.ts";
import { type DashboardColours, dashboardColours, isDark, type Mode, THEME_NAME, type Tone } from "./theme.ts";
import { computed, effectScope, ref, watch, watchEffect } from "./vue.ts";

/** What all cards of a page share: language, colours, the clock. One per browser tab, as the module is. */

const LANGUAGE_KEY = "smart-energy.language";
const MODE_KEY = "smart-energy.mode";
const WON_KEY = "smart-energy.won";

/** The part of Dashboard's own store that tells its pages and themes. */
export interface DashboardStore {
	state: {
		setup: { setup: { RED: { httpAdminRoot: string } } };
		ui: {
			pages: Record<string, { name: string; path: string }>;
			themes: Record<string, { name: string; colors: DashboardColours }>;
		};
	};
	commit(mutation: string, payload: unknown): void;
}

/** A private window may refuse storage; the choice then lasts as long as the tab. */
function remembered(key: string): string | null {
	try {
		return window.localStorage.getItem(key);
	} catch {
		return null;
	}
}

function remember(key: string, value: string): void {
	try {
		window.localStorage.setItem(key, value);
	} catch {
		// Nothing to do: see `remembered`.
	}
}

const savedLanguage = remembered(LANGUAGE_KEY);
export const language = ref<Language>(
	savedLanguage === "ko" || savedLanguage === "en-US" ? savedLanguage : preferred(navigator.languages),
);

const savedMode = remembered(MODE_KEY);
export const mode = ref<Mode>(savedMode === "light" || savedMode === "dark" ? savedMode : "auto");

/** Whether Korean readers asked for large sums in 만 and 억; other languages count by thousands. */
export const tenThousands = ref(remembered(WON_KEY) === "man");

export function switchWon(): void {
	tenThousands.value = !tenThousands.value;
	remember(WON_KEY, tenThousands.value ? "man" : "plain");
}

/** A sum as the reader wants it. */
export function won(krw: number | null | undefined): string {
	return wonText(krw, tenThousands.value && language.value === "ko");
}

const systemDark = window.matchMedia("(prefers-color-scheme: dark)");
const systemTone = ref<Tone>(systemDark.matches ? "dark" : "light");
systemDark.addEventListener("change", ({ matches }) => {
	systemTone.value = matches ? "dark" : "light";
});

/** Colours of the dashboard theme that is shown; null until Dashboard told them. */
const foreign = ref<Tone | null>(null);
/** Whether the page's colours are ours to switch. */
export const switchable = computed(() => foreign.value === null);
export const tone = computed<Tone>(() => foreign.value ?? (mode.value === "auto" ? systemTone.value : mode.value));

export function switchLanguage(): void {
	language.value = language.value === "ko" ? "en-US" : "ko";
	remember(LANGUAGE_KEY, language.value);
}

export function switchMode(): void {
	const order: readonly Mode[] = ["auto", "light", "dark"];
	mode.value = order[(order.indexOf(mode.value) + 1) % order.length] ?? "auto";
	remember(MODE_KEY, mode.value);
}

/** A text in the reader's language; a component that uses it follows the switch. */
export function t(key: TextKey, values?: Readonly<Record<string, string | number>>): string {
	return translate(language.value, key, values);
}

/** The time of the plant, epoch ms, once a second: this machine's clock, corrected by what live messages say. */
export const nowMs = ref(Date.now());
let aheadMs = 0;
window.setInterval(() => {
	nowMs.value = Date.now() + aheadMs;
}, 1000);

export function heardAt(time: string): void {
	const ahead = Date.parse(time) - Date.now();
	// A message under way for a moment is no clock that is wrong.
	aheadMs = Math.abs(ahead) > 2000 ? ahead : 0;
}

watchEffect(() => {
	document.documentElement.dataset.seTone = tone.value;
	document.documentElement.lang = language.value;
});

let attached: DashboardStore | null = null;

/** Makes Dashboard's frame follow: its theme takes our tone, its pages the reader's language. */
export function attach(store: DashboardStore): void {
	if (attached === store) return;
	attached = store;
	// Detached: the card that came first may leave the page, the frame stays.
	effectScope(true).run(() => {
		watch(
			() => [store.state.ui.themes, tone.value],
			() => paint(store),
			{ immediate: true },
		);
		watch(
			() => [store.state.ui.pages, language.value],
			() => name(store),
			{ immediate: true },
		);
	});
}

function paint(store: DashboardStore): void {
	const themes = Object.entries(store.state.ui.themes ?? {});
	const ours = themes.filter(([, theme]) => theme.name === THEME_NAME);
	const other = themes.find(([, theme]) => theme.name !== THEME_NAME)?.[1];
	foreign.value = ours.length === 0 && other ? (isDark(other.colors.bgPage) ? "dark" : "light") : null;
	const colors = dashboardColours[tone.value];
	if (ours.every(([, theme]) => theme.colors.bgPage === colors.bgPage)) return;
	const painted = ours.map(([id, theme]) => [id, { ...theme, colors }] as const);
	store.commit("ui/themes", { ...store.state.ui.themes, ...Object.fromEntries(painted) });
}

/** Name of a page in the reader's language, by its path; the name in the flow where the catalogues have none. */
export function pageName(page: { name: string; path: string }): string {
	const key = `page.${page.path}` as TextKey;
	const named = t(key);
	return named === key ? page.name : named;
}

function name(store: DashboardStore): void {
	for (const [itemId, page] of Object.entries(store.state.ui.pages ?? {})) {
		const value = pageName(page);
		if (value !== page.name) store.commit("ui/setProperty", { item: "page", itemId, property: "name", value });
	}
}
