/** The colours of look.md's states and surfaces, for light and dark; high contrast is CSS on top of both. */
export type Tone = "light" | "dark";
export type Mode = "auto" | Tone;

/** What Dashboard's theme holds; with these, every widget and the page's frame follow the tone. */
export interface DashboardColours {
	surface: string;
	primary: string;
	bgPage: string;
	groupBg: string;
	groupOutline: string;
}

export const dashboardColours: Record<Tone, DashboardColours> = {
	light: { surface: "#FFFFFF", primary: "#0B6E6E", bgPage: "#F2F4F5", groupBg: "#FFFFFF", groupOutline: "#DDE2E5" },
	dark: { surface: "#1B1F22", primary: "#4FC3B7", bgPage: "#111416", groupBg: "#1B1F22", groupOutline: "#2C3338" },
};

/** The name of the theme whose colours are ours to switch; any other theme is left as its owner made it. */
export const THEME_NAME = "Smart energy";

/** Hues that no state uses, in an order that keeps neighbours apart; each at least 3:1 on its card. */
const hues: Record<Tone, readonly string[]> = {
	light: ["#2B6CB0", "#8A5A2B", "#7B4FA3", "#6B7A1F", "#B83280", "#1F7A99", "#4A5A6A", "#3B3F9E"],
	dark: ["#7FB2EA", "#D2A679", "#C3A0E6", "#C2CF6B", "#F09AC8", "#7CCBE6", "#AEBDCB", "#A3A8F5"],
};
const dashes = ["", "7 3", "2 3", "9 3 2 3"];

/** A machine's line: one colour by its place in the site, everywhere; a pattern where colours come round again. */
export function machineStyle(index: number, tone: Tone): { colour: string; dash: string } {
	const colour = hues[tone][index % hues[tone].length] ?? "currentColor";
	return { colour, dash: dashes[Math.floor(index / hues[tone].length) % dashes.length] ?? "" };
}

/** Whether a colour `#rrggbb` is a dark surface (relative luminance, WCAG 2). */
export function isDark(colour: string): boolean {
	return luminance(colour) < 0.18;
}

export function luminance(colour: string): number {
	const [r = 0, g = 0, b = 0] = [1, 3, 5].map((i) => {
		const c = Number.parseInt(colour.slice(i, i + 2), 16) / 255;
		return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
	});
	return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** Contrast of two colours, 1…21 (WCAG 2). */
export function contrast(a: string, b: string): number {
	const [high = 0, low = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x);
	return (high + 0.05) / (low + 0.05);
}
