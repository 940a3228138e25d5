import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";

const root = new URL("../../../", import.meta.url).pathname;
const read = (path: string): string => readFileSync(`${root}${path}`, "utf8");

describe("messages of the schedule", () => {
	const known = JSON.parse(read("lib/operation/messages.json")) as Record<string, Record<"en-US" | "ko", string>>;

	it("cover every code that is said, and no other", () => {
		const sources = globSync(["lib/operation/*.ts", "nodes/production-plan/*.ts"], { cwd: root }).map(read);
		const said = new Set(sources.join("\n").match(/(?<=")operation\.[a-z-]+(?=")/g));
		assert.deepEqual([...said].toSorted(), Object.keys(known).toSorted());
	});

	it("name the same details in both languages", () => {
		for (const [code, { "en-US": english, ko }] of Object.entries(known)) {
			const places = (text: string) => [...new Set(text.match(/\{\w+\}/g))].toSorted();
			assert.deepEqual(places(ko), places(english), code);
		}
	});
});
