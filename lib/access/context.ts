import type { IncomingMessage } from "node:http";
import type { Language } from "../messages.ts";

export type Role = "viewer" | "operator" | "engineer" | "admin";

/** Who asks, as the router in front of the flows found out. */
export interface AccessContext {
	/** `null` on public paths (`/health`). */
	user: string | null;
	role: Role | null;
	language: Language;
	requestId: string;
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
