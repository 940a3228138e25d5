/** Browsers by what only they, or those before them in this list, say of themselves. */
const browsers: readonly (readonly [RegExp, string])[] = [
	[/\bEdg(?:A|iOS)?\//, "Edge"],
	[/\bSamsungBrowser\//, "Samsung Internet"],
	[/\bWhale\//, "Whale"],
	[/\bOPR\//, "Opera"],
	[/\b(?:Firefox|FxiOS)\//, "Firefox"],
	[/(?:Chrome|CriOS)\//, "Chrome"],
	[/\bSafari\//, "Safari"],
];
const systems: readonly (readonly [RegExp, string])[] = [
	[/Android/, "Android"],
	[/iPhone|iPad/, "iOS"],
	[/Windows/, "Windows"],
	[/Mac OS X/, "macOS"],
	[/CrOS/, "ChromeOS"],
	[/Linux/, "Linux"],
];

/** `Chrome, Windows` for a browser, `curl` for a program; empty where it named nothing. */
export function deviceOf(agent: string | null): string {
	if (!agent) return "";
	const of = (list: typeof browsers): string | undefined => list.find(([pattern]) => pattern.test(agent))?.[1];
	const browser = of(browsers);
	const system = of(systems);
	if (!browser) return agent.split(/[/\s(]/, 1)[0] ?? "";
	return system ? `${browser}, ${system}` : browser;
}
