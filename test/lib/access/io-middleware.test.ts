import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { type IoSocket, ioMiddlewareOf } from "../../../lib/access/node-red.ts";
import type { Sessions } from "../../../lib/access/session.ts";
import { until } from "../../flows/system.ts";

/** Sessions whose one user may be changed as another process would. */
function changeable() {
	const user = { name: "kim", role: "operator" as string | null, sites: {} as Record<string, string> };
	let known = true;
	const sessions = {
		onSignOut: () => undefined,
		identify: async () => {
			if (!known) throw new Error("signed out");
			return { user: structuredClone(user), claims: { session: "s" } };
		},
	} as unknown as Sessions;
	const forget = (): void => {
		known = false;
	};
	return { user, sessions, forget };
}

async function opened(sessions: Sessions): Promise<{ left: () => boolean }> {
	let left = false;
	const socket = Object.assign(new EventEmitter(), {
		data: {},
		request: { headers: {} },
		disconnect: () => {
			left = true;
			socket.emit("disconnect");
		},
	});
	await new Promise((resolve) => ioMiddlewareOf(sessions, 10)(socket as unknown as IoSocket, resolve));
	return { left: () => left };
}

describe("an open dashboard", () => {
	it("stays open while its rights stay", async () => {
		const { sessions } = changeable();
		const { left } = await opened(sessions);
		await new Promise((resolve) => setTimeout(resolve, 60));
		assert.equal(left(), false);
	});

	it("is closed when another process took its user's role, or ended its session", async () => {
		const demoted = changeable();
		const first = await opened(demoted.sessions);
		demoted.user.role = "viewer";
		await until(first.left, () => "the socket of a demoted user stayed open");
		const ended = changeable();
		const second = await opened(ended.sessions);
		ended.forget();
		await until(second.left, () => "the socket of an ended session stayed open");
	});
});
