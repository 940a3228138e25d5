import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { accessOf } from "../../../lib/access/context.ts";
import { type Access, type AccessOptions, createAccess, settingsFor } from "../../../lib/access/index.ts";

export const password = "correct horse battery";

/** As much of Express 4 as is used; it is the one that Node-RED brings. */
interface ExpressApp {
	use(...handlers: unknown[]): void;
	(req: unknown, res: unknown): void;
}
const nodeRed = createRequire(createRequire(import.meta.url).resolve("node-red"));
const express = nodeRed("express") as () => ExpressApp;

export interface Served {
	base: string;
	home: string;
	access: Access;
	/** What was written to the log. */
	logged: string[];
	close(): Promise<void>;
	/** Ends it and leaves its home. */
	stop(): Promise<void>;
}

export function temporaryHome(): string {
	return mkdtempSync(join(tmpdir(), "smart-energy-access-"));
}

/**
 * The doors as Node-RED mounts them: admin at /editor, the router at /, and behind it a flow that echoes who came and
 * what arrived.
 */
export async function serve(
	{ keepHome, ...options }: Partial<AccessOptions> & { keepHome?: boolean } = {},
	flow?: unknown,
): Promise<Served> {
	const home = options.home ?? temporaryHome();
	const logged: string[] = [];
	const access = createAccess({ adminPassword: password, log: (text) => logged.push(text), ...options, home });
	const settings = settingsFor(access);
	const app = express();
	app.use("/editor", settings.httpAdminMiddleware, (_req: unknown, res: { end(text: string): void }) =>
		res.end("editor"),
	);
	app.use(settings.httpNodeAuth);
	if (flow) app.use(flow);
	app.use((req: never, res: { jsonp(body: unknown): void }) => {
		const { body, query } = req as { body: unknown; query: unknown };
		const answer = (globalThis as { answer?: unknown }).answer;
		res.jsonp(answer ?? { items: [], access: accessOf(req), body, query, status: "ok", parts: {} });
	});
	const server: Server = createServer((req, res) => app(req, res));
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	const stop = async (): Promise<void> => {
		server.closeAllConnections();
		await new Promise((resolve) => server.close(resolve));
	};
	return {
		base: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
		home,
		access,
		logged,
		stop,
		close: async () => {
			await stop();
			await access.close();
			if (!keepHome) rmSync(home, { recursive: true, force: true });
		},
	};
}

export async function signIn(base: string, more: Record<string, unknown> = {}): Promise<Response> {
	return await fetch(`${base}/api/v1/auth/login`, {
		method: "POST",
		headers: { "content-type": "application/json", origin: base },
		body: JSON.stringify({ username: "admin", password, ...more }),
	});
}

export async function tokenFrom(base: string): Promise<string> {
	return ((await (await signIn(base)).json()) as { accessToken: string }).accessToken;
}

export async function cookieFrom(base: string): Promise<string> {
	const answer = await signIn(base, { session: true });
	return (answer.headers.getSetCookie()[0] ?? "").split(";")[0] ?? "";
}
