import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readData } from "../data.ts";
import { EnergyError } from "../errors.ts";
import { explain, type Language } from "../messages.ts";
import { packageRoot } from "../package-root.cjs";
import { filled, pageHtml, pageStyle } from "../pages/page.ts";
import type { HttpResponse } from "./http.ts";

export interface LoginPage {
	language: Language;
	/** Mount point, without a last slash. */
	base: string;
	/** Where to go after; a safe path. */
	next: string;
	/** What was typed before. */
	name?: string;
	error?: unknown;
}

type Kind = "sign-in" | "password";

const folder = "lib/access/login";
const words = readData<Record<Language, Record<Kind | "all", Record<string, string>>>>(`${folder}/words.json`);
const read = (file: string): string => readFileSync(join(packageRoot, folder, file), "utf8");
// Both pages are one card in one frame; they differ in its fields.
const templateOf = (kind: Kind): string =>
	read("frame.html").replace("{{fields}}", () => read(`${kind}.html`).trimEnd());
const templates: Readonly<Record<Kind, string>> = {
	"sign-in": templateOf("sign-in"),
	password: templateOf("password"),
};

/** Everything the page loads comes from here; it runs no inline script and fits into no frame. */
const policy = [
	"default-src 'none'",
	"style-src 'self'",
	"script-src 'self'",
	"img-src 'self'",
	"form-action 'self'",
	"base-uri 'none'",
	"frame-ancestors 'none'",
].join("; ");

const assets: ReadonlyMap<string, { type: string; content: Buffer }> = new Map(
	[
		["/login/login.css", "text/css; charset=utf-8", pageStyle(`${folder}/login.css`)],
		["/login/login.js", "text/javascript; charset=utf-8", read("login.js")],
		["/favicon.ico", "image/svg+xml", read("favicon.svg")],
	].map(([path = "", type = "", content = ""]) => [path, { type, content: Buffer.from(content) }]),
);

/** Paths that the sign-in page loads. */
export const loginAssets: ReadonlySet<string> = new Set(assets.keys());

/** Sends one of `loginAssets`; @throws EnergyError `access.path-unknown` */
export function sendLoginAsset(res: HttpResponse, path: string): void {
	const asset = assets.get(path);
	if (!asset) throw new EnergyError("access.path-unknown", { path });
	res.writeHead(200, {
		"Content-Type": asset.type,
		"Content-Length": asset.content.length,
		"Cache-Control": "public, max-age=300",
	});
	res.end(asset.content);
}

export function sendLoginPage(res: HttpResponse, status: number, page: LoginPage): void {
	sendPage(res, status, page, renderLoginPage(page));
}

/** The page on which people choose their own password. */
export function sendPasswordPage(res: HttpResponse, status: number, page: LoginPage & { first: boolean }): void {
	const firstLead = words[page.language].password.firstLead ?? "";
	sendPage(res, status, page, render("password", page, "/login/password", page.first ? { lead: firstLead } : {}));
}

function sendPage(res: HttpResponse, status: number, { error, language }: LoginPage, html: string): void {
	const seconds = error instanceof EnergyError ? error.details.seconds : undefined;
	if (typeof seconds === "number") res.setHeader("Retry-After", String(seconds));
	res.writeHead(status, {
		"Content-Type": "text/html; charset=utf-8",
		"Content-Language": language,
		"Content-Security-Policy": policy,
		"Cache-Control": "no-store",
		Vary: "Accept-Language",
	});
	res.end(html);
}

export function renderLoginPage(page: LoginPage): string {
	return render("sign-in", page, "/login");
}

function render(kind: Kind, page: LoginPage, path: string, more: Readonly<Record<string, string>> = {}): string {
	const { language, base } = page;
	const places = { ...words[language].all, ...words[language][kind], ...placesOf(page, path), ...more };
	return pageHtml({
		language,
		title: words[language][kind].title ?? "",
		icon: `${base}/favicon.ico`,
		style: `${base}/login/login.css`,
		script: `${base}/login/login.js`,
		body: filled(templates[kind], places),
	});
}

function placesOf({ language, base, next, name = "", error }: LoginPage, path: string): Record<string, string> {
	const seconds = error instanceof EnergyError ? error.details.seconds : undefined;
	const to = (lang: string): string => `${base}${path}?${new URLSearchParams({ lang, next })}`;
	// What stands in attributes without quotes is ours alone; everything else is escaped.
	return {
		lang: language === "ko" ? "ko" : "en",
		action: base + path,
		next,
		name,
		error: error ? explain(error, language) : "",
		seconds: typeof seconds === "number" ? String(seconds) : "0",
		hideError: error ? "" : "hidden",
		focusName: name ? "" : "autofocus",
		focusPassword: name ? "autofocus" : "",
		toEnglish: to("en"),
		toKorean: to("ko"),
		isEnglish: language === "ko" ? "" : "aria-current",
		isKorean: language === "ko" ? "aria-current" : "",
	};
}
