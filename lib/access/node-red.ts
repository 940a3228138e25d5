// What Node-RED's editor and Dashboard 2.0 ask for, in their words.

import type { IncomingMessage } from "node:http";
import { isDeepStrictEqual } from "node:util";
import { EnergyError } from "../errors.ts";
import { languageOf } from "../messages.ts";
import { problemOf } from "../problem.ts";
import type { AccessContext } from "./context.ts";
import { cookieOf, sessionCookie } from "./http.ts";
import type { Sessions, SignedIn } from "./session.ts";
import { roleCovers, type User } from "./users.ts";
import { dashboardFor, mayUseWidget, widgetOf } from "./widget-rights.ts";

export interface EditorUser {
	username: string;
	/** `*` or `read`, as Node-RED names them. */
	permissions: "*" | "read";
}

/** Node-RED's setting `adminAuth`. */
export interface AdminAuth {
	type: "credentials";
	users: (name: string) => Promise<EditorUser | null>;
	authenticate: (name: string, password: string) => Promise<EditorUser | null>;
	tokens: (cookieHeader: string) => Promise<EditorUser | null>;
	tokenHeader: "cookie";
}

/** As much of a socket of socket.io as is used. */
export interface IoSocket {
	client?: unknown;
	request: IncomingMessage;
	data: Record<string, unknown>;
	disconnect(close: boolean): unknown;
	emit(event: string, ...given: unknown[]): unknown;
	once(event: "disconnect", listener: () => void): unknown;
}
export type IoMiddleware = (socket: IoSocket, next: (error?: Error) => void) => void;

/**
 * Engineers and admins edit flows; everybody else with a role everywhere may look. Flows belong to no site: whoever has
 * a role at single sites alone sees none of them.
 */
function editorUser({ name, role, mustChange, disabled }: User): EditorUser | null {
	if (role === null || mustChange || disabled) return null;
	return { username: name, permissions: roleCovers(role, "engineer") ? "*" : "read" };
}

/** The editor opens with the session cookie of the sign-in page; its own dialog serves too. */
export function adminAuthOf(sessions: Sessions): AdminAuth {
	return {
		type: "credentials",
		tokenHeader: "cookie",
		users: async (name) => {
			const user = sessions.users.get(name);
			return user ? editorUser(user) : null;
		},
		// Node-RED tells no address here, so all callers of its dialog share one.
		authenticate: async (name, password) => {
			const user = await sessions.signIn(name, password, { address: "editor", requestId: "" }).catch(() => null);
			return user && editorUser(user);
		},
		tokens: async (cookieHeader) => {
			const token = cookieOf(cookieHeader, sessionCookie);
			const signedIn = token ? await sessions.tokens.verify(token, "session").catch(() => null) : null;
			return signedIn && editorUser(signedIn.user);
		},
	};
}

/** How long an open dashboard may outlive the rights that it was opened with. */
const RECHECK_MS = 15_000;

/**
 * Dashboard 2.0's socket: refused without a session, and to pages of other sites, which its own check did until a
 * middleware is set. A sign-out closes what it opened.
 */
export function ioMiddlewareOf(sessions: Sessions, recheckMs = RECHECK_MS): IoMiddleware {
	const open = new Map<string, Set<IoSocket>>();
	sessions.onSignOut((session, user) => {
		for (const [one, sockets] of open) {
			for (const socket of sockets) {
				const access = socket.data.access as AccessContext | undefined;
				if (one === session || (session === "*" && access?.user === user)) socket.disconnect(true);
			}
		}
	});
	// What changed elsewhere — another process, a command, the clock — is told by nobody: it is asked for.
	setInterval(() => {
		for (const socket of [...open.values()].flatMap((sockets) => [...sockets])) {
			const { role, sites } = (socket.data.access ?? {}) as Partial<AccessContext>;
			sessions.identify(socket.request, true).then(
				({ user }) => {
					// Whose rights changed comes back with the new ones, and sees what they show.
					if (!isDeepStrictEqual([role, sites], [user.role, user.sites])) socket.disconnect(true);
				},
				() => socket.disconnect(true),
			);
		}
	}, recheckMs).unref();
	return (socket, next) => {
		const { headers } = socket.request;
		const language = languageOf(headers["accept-language"]);
		sessions.identify(socket.request, true).then(
			(signedIn) => {
				remember(open, signedIn, socket);
				const context: AccessContext = {
					user: signedIn.user.name,
					role: signedIn.user.role,
					sites: signedIn.user.sites,
					language,
					requestId: signedIn.claims.session,
				};
				socket.data.access = context;
				showOwn(socket, context);
				next();
			},
			(error: unknown) => {
				const problem = problemOf(
					error instanceof EnergyError ? error : new EnergyError("access.unauthenticated"),
					language,
				);
				next(Object.assign(new Error(problem.title), { data: problem }));
			},
		);
	};
}

/**
 * Holds back widgets of a site that this person has no role at, or that take a higher one, and what they show. Dashboard asks a plugin only about the types
 * of widgets that were opened to it in the editor; this way it is asked about each message.
 */
function showOwn(socket: IoSocket, context: AccessContext): void {
	const emit = socket.emit.bind(socket);
	socket.emit = (event, ...given) => {
		if (event === "ui-config") {
			const [base, config, ...more] = given;
			return emit(event, base, dashboardFor(context, config as Parameters<typeof dashboardFor>[1]), ...more);
		}
		const widget = widgetOf(event);
		return widget === undefined || mayUseWidget(context, widget, "viewer") ? emit(event, ...given) : true;
	};
}

function remember(open: Map<string, Set<IoSocket>>, { claims }: SignedIn, socket: IoSocket): void {
	const sockets = open.get(claims.session) ?? new Set();
	open.set(claims.session, sockets.add(socket));
	socket.once("disconnect", () => {
		sockets.delete(socket);
		if (sockets.size === 0) open.delete(claims.session);
	});
}
