import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Language } from "../language.ts";
import { packageRoot } from "../package-root.cjs";

/** A page that is served without the dashboard: sign-in, passwords, documentation. */
export interface Page {
	language: Language;
	title: string;
	/** Address of the icon, as the page sees it; so are the following. */
	icon: string;
	style: string;
	script?: string;
	/** Class of the body. */
	look?: string;
	/** What stands in the body: HTML, escaped where it must be. */
	body: string;
}

/** The page as HTML; it runs no inline script and has no inline style, so that a strict policy fits it. */
export function pageHtml({ language, title, icon, style, script, look, body }: Page): string {
	return `<!doctype html>
<html lang="${language === "ko" ? "ko" : "en"}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>${escapeHtml(title)}</title>
<link rel="icon" href="${escapeHtml(icon)}" type="image/svg+xml">
<link rel="stylesheet" href="${escapeHtml(style)}">${script ? `\n<script src="${escapeHtml(script)}" defer></script>` : ""}
</head>
<body${look ? ` class="${look}"` : ""}>
${body.trimEnd()}
</body>
</html>
`;
}

/** A page's style sheet: colours, type and focus that all pages share, then its own. */
export function pageStyle(own: string): string {
	return [join("lib", "pages", "page.css"), own].map((file) => readFileSync(join(packageRoot, file), "utf8")).join("");
}

/** A text for HTML, in elements and in quoted attributes. */
export function escapeHtml(text: string): string {
	const names: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
	return text.replace(/[&<>"']/g, (sign) => names[sign] ?? sign);
}

/** A template whose `{{places}}` are filled, each escaped. */
export function filled(template: string, places: Readonly<Record<string, string>>): string {
	return template.replace(/\{\{(\w+)\}\}/g, (_, place: string) => escapeHtml(places[place] ?? ""));
}
