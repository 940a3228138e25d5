import assert from "node:assert/strict";
import type { AccessContext } from "../../../lib/access/context.ts";
import type { AlarmCommand } from "../../../lib/alarms/commands.ts";
import type { Language } from "../../../lib/messages.ts";
import type { Reply } from "../../../nodes/asked.ts";
import { judgeAction, type PageSocket } from "../../../nodes/ui-energy/alarm-action.ts";

const socketOf = (role: AccessContext["role"], user: string | null = "kim"): PageSocket => ({
	data: { access: { user, role, language: "en-US", requestId: "1" } },
});
const judge = (socket: PageSocket, given: unknown) => {
	const done: AlarmCommand[] = [];
	let reply: Reply = { ok: false };
	const act = (command: AlarmCommand, _language: Language, then: (reply: Reply) => void): void => {
		done.push(command);
		then({ ok: true });
	};
	judgeAction(socket, given, act, (told) => {
		reply = told;
	});
	return { reply, done };
};

describe("the buttons of the alarm card", () => {
	it("act in the name of the operator who is signed in, whatever the page says", () => {
		const { reply, done } = judge(socketOf("operator"), { type: "ack", id: "a", by: "somebody else" });
		assert.deepEqual(reply, { ok: true });
		assert.deepEqual(done, [{ type: "ack", alarm: "a", by: "kim", reason: "" }]);
	});

	it("shelve for a time or until it is over", () => {
		const timed = judge(socketOf("engineer"), { type: "shelve", id: "a", minutes: 30 }).done[0];
		assert.deepEqual(timed && { ...timed }, {
			type: "shelve",
			alarm: "a",
			by: "kim",
			reason: "",
			mode: "timed",
			durationMs: 1_800_000,
		});
		const shot = judge(socketOf("admin"), { type: "shelve", id: "a" }).done[0];
		assert.equal(shot?.type === "shelve" && shot.mode, "one-shot");
	});

	it("tell a page whether its person may act", () => {
		assert.equal(judge(socketOf("operator"), { type: "may" }).reply.ok, true);
		assert.equal(judge(socketOf("viewer"), { type: "may" }).reply.ok, false);
	});

	for (const [who, socket] of [
		["a viewer", socketOf("viewer")],
		["nobody", socketOf(null, null)],
		["whoever came past the sign-in", {}],
	] as const) {
		it(`do nothing for ${who}, and say so in the page's language`, () => {
			const { reply, done } = judge(socket, { type: "ack", id: "a", language: "ko" });
			assert.equal(done.length, 0);
			assert.match(reply.message ?? "", /운전원/);
		});
	}

	for (const given of [
		null,
		"ack",
		{ type: "out-of-service", id: "a" },
		{ type: "ack" },
		{ type: "shelve", id: "a", minutes: -1 },
	]) {
		it(`refuse ${JSON.stringify(given)}`, () => {
			const { reply, done } = judge(socketOf("operator"), given);
			assert.deepEqual([reply.ok, done.length], [false, 0]);
			assert.ok(reply.message);
		});
	}
});
