import { ago, lookup } from "../i18n.ts";
import { language, nowMs, t } from "../shell.ts";
import { dateTime, moment } from "../zone.ts";
import type { Grants, Role } from "./api.ts";

/** Sites that the flows have; a user may have a role at others too. */
export interface KnownSite {
	id: string;
	name: string;
}

/** Users belong to no site: their times are the reader's. */
export const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

export const roleName = (role: Role): string => t(`access.role.${role}`);

export function siteName(sites: readonly KnownSite[], id: string): string {
	return sites.find((site) => site.id === id)?.name || id;
}

/** `Viewer · Gwangyang: Operator`: everywhere first. */
export function grantsText({ role, sites: own }: Grants, sites: readonly KnownSite[]): string {
	const places = Object.entries(own).map(([site, at]) => `${siteName(sites, site)}: ${roleName(at)}`);
	if (role) places.unshift(places.length > 0 ? t("access.elsewhere", { role: roleName(role) }) : roleName(role));
	return places.join(" · ");
}

/** The day, with the clock: of what may be long ago. */
export const stamp = (time: string): string => dateTime(Date.parse(time), zone);
/** The clock, with the day where it is not today. */
export const at = (time: string): string => moment(Date.parse(time), nowMs.value, zone);
export const since = (time: string): string => ago(language.value, nowMs.value - Date.parse(time));

/** What was done, in words; its own name where there are none. */
export const actionName = (what: string): string => lookup(language.value, `audit.what.${what}`) ?? what;

/** Who did it. */
export function personName(who: string): string {
	if (who === "?") return t("audit.stranger");
	if (who.startsWith("key:")) return t("audit.key", { id: who.slice(4) });
	if (who.startsWith("os:")) return t("audit.os", { name: who.slice(3) });
	return who;
}

/** A field of a change in words; its own name where there are none. */
export function fieldName(path: string): string {
	const [first = "", ...rest] = path.split(".");
	const named = lookup(language.value, `audit.field.${first}`);
	return named ? [named, ...rest].join(" · ") : path;
}

const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/;

/** A value of a change as a person reads it; a role only where one stands, for somebody may be called so. */
export function valueText(path: string, value: string): string {
	if (instant.test(value)) return stamp(value);
	if (value === "{}" || value === "[]") return t("audit.value.null");
	const role = /^(role|sites\..+)$/.test(path) ? lookup(language.value, `access.role.${value}`) : undefined;
	return role ?? lookup(language.value, `audit.value.${value}`) ?? value;
}
