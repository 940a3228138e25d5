import { type AccessContext, mayAt, type Role } from "./context.ts";
import { bestRole, roleCovers } from "./grants.ts";

// Symbol.for: settings.js and the palette may load two copies of this package.
const key = Symbol.for("smartfactory.widget-sites");
const shared = globalThis as typeof globalThis & { [key]?: Map<string, WidgetRight | string> };
shared[key] ??= new Map();
const rights = shared[key];

interface WidgetRight {
	/** Empty: what it shows belongs to no site, and takes the role everywhere. */
	site: string;
	/** Lowest role that sees it. */
	role: Role;
}

/**
 * Tells whose data a widget of the dashboard shows; returns how to take that back.
 *
 * @param role lowest one that sees it
 */
export function noteWidgetSite(widget: string, site: string, role: Role = "viewer"): () => void {
	// A copy of this package that knows no roles reads a site alone.
	rights.set(widget, role === "viewer" ? site : { site, role });
	return () => rights.delete(widget);
}

/**
 * Whether somebody may see a widget, or with a higher role use it. One that no site was told of is seen by everybody who
 * is signed in, and used by those who have the role anywhere.
 */
export function mayUseWidget(access: AccessContext | undefined, widget: string, needed: Role): boolean {
	if (!access?.user) return false;
	const noted = rights.get(widget);
	if (noted === undefined) return roleCovers(bestRole({ role: access.role, sites: access.sites ?? {} }), needed);
	const { site, role } = typeof noted === "string" ? { site: noted, role: "viewer" as const } : noted;
	return mayAt(access, site, roleCovers(role, needed) ? role : needed);
}

/** As much of what Dashboard 2.0 tells a page about itself as is used. */
interface DashboardConfig {
	pages: Record<string, unknown>;
	groups: Record<string, { page?: string }>;
	widgets: Record<string, { props?: { group?: string } }>;
}

/**
 * What a page is told of the dashboard, without the widgets that its person may not see, without groups that held only
 * such, and without pages that held only such groups.
 */
export function dashboardFor(access: AccessContext, config: DashboardConfig): DashboardConfig {
	const { pages, groups, widgets } = config;
	if (![pages, groups, widgets].every(isMap)) return config;
	const sees = ([id]: [string, unknown]): boolean => mayUseWidget(access, id, "viewer");
	const all = Object.entries(widgets);
	const shown = all.filter(sees);
	if (shown.length === all.length) return config;
	const emptied = without(all, shown, ([, { props }]) => props?.group);
	const allGroups = Object.entries(groups);
	const shownGroups = allGroups.filter(([id]) => !emptied.has(id));
	const emptiedPages = without(allGroups, shownGroups, ([, { page }]) => page);
	return {
		...config,
		widgets: Object.fromEntries(shown),
		groups: Object.fromEntries(shownGroups),
		pages: Object.fromEntries(Object.entries(pages).filter(([id]) => !emptiedPages.has(id))),
	};
}

const isMap = (value: unknown): boolean => typeof value === "object" && value !== null;

/** What held some of all, and nothing of what is shown. */
function without<T>(all: readonly T[], shown: readonly T[], holder: (one: T) => string | undefined): Set<string> {
	const holders = new Set(all.map(holder).filter((id) => id !== undefined));
	for (const one of shown) holders.delete(holder(one) ?? "");
	return holders;
}

/** The widget that a message of Dashboard 2.0 to a page is for: `msg-input:<id>`, `widget-load:<id>` … */
export function widgetOf(event: string): string | undefined {
	return /^(?:msg-input|widget-load|widget-sync|widget-[\w-]+):(.+)$/.exec(event)?.[1];
}
