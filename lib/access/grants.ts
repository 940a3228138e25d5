import type { Role } from "./context.ts";

/** What somebody may: a role everywhere, and other roles at single sites. */
export interface Grants {
	/** Everywhere that `sites` does not name; null: nothing there. Only this one counts for what belongs to no site. */
	role: Role | null;
	/** By the id of the site. */
	sites: Readonly<Record<string, Role>>;
}

export const roles: readonly Role[] = ["viewer", "operator", "engineer", "admin"];

/** Whether a role may do what asks for another one: each role may do all that those before it may. */
export function roleCovers(role: Role | null, needed: Role): boolean {
	return role !== null && roles.indexOf(role) >= roles.indexOf(needed);
}

/** The role at a site; the site's own word stands above the one for everywhere, also where it is less. */
export function roleAt({ role, sites }: Grants, site: string): Role | null {
	return Object.hasOwn(sites, site) ? (sites[site] ?? null) : role;
}

/** The highest role that somebody has anywhere; null for nobody. */
export function bestRole({ role, sites }: Grants): Role | null {
	return [role, ...Object.values(sites)].reduce<Role | null>(
		(best, one) => (one !== null && !roleCovers(best, one) ? one : best),
		null,
	);
}

/** Whether one may hand out what the other names: nobody makes a key or a user that may more than its maker. */
export function grantsCover(held: Grants, given: Grants): boolean {
	if (given.role !== null && !roleCovers(held.role, given.role)) return false;
	return Object.entries(given.sites).every(([site, role]) => roleCovers(roleAt(held, site), role));
}

/** Whether a value that was read from a file has the shape of grants. */
export function areGrants(value: { role?: unknown; sites?: unknown }): value is Grants {
	const known = (role: unknown): boolean => roles.includes(role as Role);
	const { role, sites } = value;
	const places = typeof sites === "object" && sites !== null && !Array.isArray(sites) ? Object.values(sites) : null;
	return (role === null || known(role)) && places !== null && places.every(known);
}
