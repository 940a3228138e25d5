import { type AccessContext, mayAt, type Role } from "./context.ts";
import { bestRole, roleCovers } from "./grants.ts";

// Symbol.for: settings.js and the palette may load two copies of this package.
const key = Symbol.for("smartfactory.widget-sites");
const shared = globalThis as typeof globalThis & { [key]?: Map<string, string> };
shared[key] ??= new Map();
const sites = shared[key];

/** Tells whose data a widget of the dashboard shows; returns how to take that back. */
export function noteWidgetSite(widget: string, site: string): () => void {
	sites.set(widget, site);
	return () => sites.delete(widget);
}

/**
 * Whether somebody may see a widget, or with a higher role use it. One that no site was told of is seen by everybody who
 * is signed in, and used by those who have the role anywhere.
 */
export function mayUseWidget(access: AccessContext | undefined, widget: string, needed: Role): boolean {
	if (!access?.user) return false;
	const site = sites.get(widget);
	if (site !== undefined) return mayAt(access, site, needed);
	return roleCovers(bestRole({ role: access.role, sites: access.sites ?? {} }), needed);
}

/** The widget that a message of Dashboard 2.0 to a page is for: `msg-input:<id>`, `widget-load:<id>` … */
export function widgetOf(event: string): string | undefined {
	return /^(?:msg-input|widget-load|widget-sync|widget-[\w-]+):(.+)$/.exec(event)?.[1];
}
