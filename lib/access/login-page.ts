import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readData } from "../data.ts";
import { EnergyError } from "../errors.ts";
import { explain, type Language } from "../messages.ts";
import { packageRoot } from "../package-root.cjs";
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

const folder = "lib/access/login";
const words = readData<Record<Language, Record<string, string>>>(`${folder}/words.json`);
const template = readFileSync(join(packageRoot, folder, "login.html"), "utf8");
const passwordTemplate = readFileSync(join(packageRoot, folder, "password.html"), "utf8");

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

const assets = new Map(
	[
		["/login/login.css", "login.css", "text/css; charset=utf-8"],
		["/login/login.js", "login.js", "text/javascript; charset=utf-8"],
		["/favicon.ico", "favicon.svg", "image/svg+xml"],
	].map(([path = "", file = "", type = ""]) => [
		path,
		{ type, content: readFileSync(join(packageRoot, folder, file)) },
	]),
);

/** Paths that the sign-in page loads. */
export const loginAssets: ReadonlySet<string> = new Set(assets.keys());

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
	const { language, first } = page;
	const places = {
		...placesOf(page, "/login/password"),
		lead: words[language][first ? "firstLead" : "changeLead"] ?? "",
	};
	sendPage(res, status, page, filled(passwordTemplate, places));
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
	return filled(template, placesOf(page, "/login"));
}

function placesOf({ language, base, next, name = "", error }: LoginPage, path: string): Record<string, string> {
	const seconds = error instanceof EnergyError ? error.details.seconds : undefined;
	const to = (lang: string): string => `${base}${path}?${new URLSearchParams({ lang, next })}`;
	// What stands in attributes without quotes is ours alone; everything else is escaped.
	return {
		...words[language],
		lang: language === "ko" ? "ko" : "en",
		base,
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

function filled(page: string, places: Readonly<Record<string, string>>): string {
	return page.replace(/\{\{(\w+)\}\}/g, (_, place: string) => escapeHtml(places[place] ?? ""));
}

function escapeHtml(text: string): string {
	const names: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
	return text.replace(/[&<>"']/g, (sign) => names[sign] ?? sign);
}
