import type { IncomingMessage } from "node:http";
import { EnergyError } from "../errors.ts";
import type { Language } from "../messages.ts";
import type { Deed } from "./deed.ts";
import { type Grants, roleAt, roleCovers } from "./grants.ts";

export type Role = "viewer" | "operator" | "engineer" | "admin";

/** Who asks, as the router in front of the flows found out. */
export interface AccessContext {
	/** Name of a user, `key:<id>` for an API key, `null` on public paths (`/health`). */
	user: string | null;
	/** Role at every site that `sites` does not name. */
	role: Role | null;
	/** Other roles, by the id of the site. */
	sites?: Readonly<Record<string, Role>>;
	/** The role that this request takes, at the site that answers it; set on paths of the API. */
	needed?: Role;
	language: Language;
	requestId: string;
	/** The site whose node answered; its node notes it. */
	site?: string;
	/** Takes what the request changes, where the audit keeps it. */
	deed?: Deed;
}

// Symbol.for: settings.js and the palette may load two copies of this package.
const key = Symbol.for("smartfactory.access");

type Marked = IncomingMessage & { [key]?: AccessContext };

/** The router calls this for every request that it lets through. */
export function markAccess(req: IncomingMessage, context: AccessContext): void {
	(req as Marked)[key] = context;
}

/** Undefined where the router is not installed: then nothing may be served. */
export function accessOf(req: IncomingMessage): AccessContext | undefined {
	return (req as Marked)[key];
}

export const grantsOf = ({ role, sites }: AccessContext): Grants => ({ role, sites: sites ?? {} });

/** Whether somebody may do at a site what takes this role. */
export function mayAt(context: AccessContext, site: string, needed: Role): boolean {
	return context.user !== null && roleCovers(roleAt(grantsOf(context), site), needed);
}

/**
 * Lets nobody past who has no right at the site. What is public stays so: its context has no user.
 *
 * @throws EnergyError `access.site-forbidden`
 */
export function checkSite(context: AccessContext, site: string): void {
	const needed = context.needed ?? "viewer";
	context.site ??= site;
	if (context.user === null || mayAt(context, site, needed)) return;
	throw new EnergyError("access.site-forbidden", { site, role: roleAt(grantsOf(context), site) ?? "–", needed });
}
