import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { secure } from "../../../lib/access/index.ts";
import { settingsLine } from "../../../nodes/on-input.ts";

describe("the settings line for somebody's own Node-RED", () => {
	let folder: string;
	const { log } = console;
	beforeEach(() => {
		folder = mkdtempSync(join(tmpdir(), "smartfactory-settings-"));
	});
	afterEach(() => {
		console.log = log;
		rmSync(folder, { recursive: true, force: true });
	});

	it("shows the first password, once: who follows it is never locked out", () => {
		const shown: string[] = [];
		console.log = (text: string) => shown.push(text);
		secure(folder);
		secure(folder);
		assert.equal(shown.length, 1);
		assert.match(shown[0] ?? "", /admin with the password \S{12,}/);
	});

	for (const file of ["README.md", "README.ko.md"])
		it(`is the one that ${file} tells`, () => {
			const told = readFileSync(file, "utf8").split("```js\n// settings.js")[1]?.split("```")[0] ?? "";
			assert.ok(told.includes(settingsLine), told);
			assert.ok(!told.includes("createAccess"));
		});
});
