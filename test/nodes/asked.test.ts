import assert from "node:assert/strict";
import { EnergyError } from "../../lib/errors.ts";
import { ask, type Reply, settle } from "../../nodes/asked.ts";

describe("a card that asks a node", () => {
	const asking = (language: "en-US" | "ko" = "en-US") => {
		const replies: Reply[] = [];
		return { asked: ask(language, (reply) => replies.push(reply)), replies };
	};

	it("is told once that it was done, whichever copy of the message arrives first", () => {
		const { asked, replies } = asking();
		settle({ asked });
		settle({ asked }, new EnergyError("nodes.site-missing"));
		assert.deepEqual(replies, [{ ok: true }]);
	});

	it("reads in its own language why not, every mistake on a line", () => {
		const { asked, replies } = asking("ko");
		const issues = [
			{ code: "scheduling.unknown-machine", field: "/jobs/0", job: "J1", operation: "1", machine: "x" },
			{ code: "scheduling.zero-length", field: "/jobs/1", job: "J2", operation: "1", machine: "mill-1" },
		];
		settle({ asked }, new EnergyError("scheduling.problem-invalid", { count: 2, first: "x", issues }));
		assert.equal(replies[0]?.ok, false);
		assert.match(replies[0]?.message ?? "", /2개/);
		assert.equal(replies[0]?.lines?.length, 2);
		assert.match(replies[0]?.lines?.[1] ?? "", /J2/);
	});

	it("reads the words that a mistake brings along", () => {
		const { asked, replies } = asking("ko");
		const issues = [{ code: "x", field: "/", line: 3, text: { "en-US": "Line 3", ko: "3번째 줄" } }];
		settle({ asked }, new EnergyError("scheduling.problem-invalid", { count: 1, first: "x", issues }));
		assert.deepEqual(replies[0]?.lines, ["3번째 줄"]);
	});

	it("concerns nobody where nobody asked", () => {
		settle({});
		settle({ asked: "unknown" });
	});
});
