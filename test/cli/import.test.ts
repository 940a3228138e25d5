import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { openStore } from "../../lib/store/open.ts";
import { sharedData } from "../shared-data.ts";
import { run, useHome } from "./run.ts";

const two = (n: number): string => String(n).padStart(2, "0");

describe("npm run import", () => {
	const home = useHome();
	const tool = (...options: string[]) => run("import", home.path(), options).ended;
	const file = (lines: string[]) => {
		const path = join(home.path(), "load.csv");
		writeFileSync(path, lines.join("\n"));
		return path;
	};
	const plain = () =>
		file([
			"time,kWh",
			...Array.from(
				{ length: 96 },
				(_, i) => `2024-08-01 ${two(Math.floor(i / 4))}:${two((i % 4) * 15)},${i === 5 ? "x" : i === 50 ? 2000 : 2}`,
			),
		]);

	it("writes quarter-hours into the application's database, and nothing more when run again", async () => {
		const path = plain();
		const first = await tool(path, "--machine", "press");
		assert.equal(first.code, 0, first.stderr);
		assert.match(first.stdout, /Written: 94 new, 0 already there, 0 replaced; 2 rows in quarantine/);
		assert.match(first.stdout, /line 7: “x” in column kWh is not a number/);
		assert.match(first.stdout, /line 52: press: powerKw 8000 is about 1000 times off/);
		assert.match(first.stdout, /Plausibility: .* 1 turned away \(.*Uncertain_UnitSuspect 1\)/);
		const second = await tool(path, "--machine", "press");
		assert.match(second.stdout, /Written: 0 new, 94 already there, 0 replaced/);
		const store = await openStore(`sqlite://${join(home.path(), "energy.db")}`);
		try {
			const range = { site: "demo", machine: "press", fromMs: 0, toMs: Date.UTC(2030, 0, 1) };
			const { items } = await store.intervals({ ...range, resolution: "day" });
			assert.equal(
				items.reduce((sum, one) => sum + one.energyKwh, 0),
				188,
			);
			const { items: kept } = await store.quarantined({ site: "demo" });
			assert.deepEqual(kept.map(({ source, machine }) => [source, machine]).sort(), [
				["load.csv:52", "press"],
				["load.csv:7", "press"],
			]);
		} finally {
			await store.close();
		}
	});

	it("leaves the plant's days where they are, whatever zone the file's times are in", async () => {
		const { code, stderr } = await tool(plain(), "--machine", "press", "--zone", "UTC");
		assert.equal(code, 0, stderr);
		const store = await openStore(`sqlite://${join(home.path(), "energy.db")}`);
		try {
			const range = { site: "demo", machine: "press", fromMs: 0, toMs: Date.UTC(2030, 0, 1) };
			const { items } = await store.intervals({ ...range, resolution: "day" });
			assert.deepEqual(
				items.map(({ startMs }) => new Date(startMs).toISOString()),
				["2024-07-31T15:00:00.000Z", "2024-08-01T15:00:00.000Z"],
			);
		} finally {
			await store.close();
		}
	});

	it("reads what Korean spreadsheets save: CP949, and UTF-16", async () => {
		const path = file([]);
		// 시간,사용량
		const header = Buffer.from([0xbd, 0xc3, 0xb0, 0xa3, 0x2c, 0xbb, 0xe7, 0xbf, 0xeb, 0xb7, 0xae, 0x0a]);
		const rows = "2024-08-01 00:00,1.5\n2024-08-01 00:15,2.5\n";
		const utf16 = Buffer.from(`\uFEFF시간,사용량\n${rows}`, "utf16le");
		for (const bytes of [Buffer.concat([header, Buffer.from(rows)]), utf16]) {
			writeFileSync(path, bytes);
			const { code, stdout, stderr } = await tool(path, "--machine", "press", "--dry-run");
			assert.equal(code, 0, stderr);
			assert.match(stdout, /column 사용량/);
			assert.match(stdout, /2 rows → 2 quarter-hours, 4 kWh/);
		}
	});

	it("only shows what it would do in a dry run", async () => {
		const { code, stdout } = await tool(plain(), "--machine", "press", "--dry-run");
		assert.equal(code, 0);
		assert.match(stdout, /2\s+2024-08-01 00:00\s+2\s+2024-08-01T00:00:00\+09:00\s+2/);
		assert.match(stdout, /Dry run: nothing was written/);
	});

	it("explains itself, and names what is wrong with a command", async () => {
		assert.match((await tool("--help")).stdout, /npm run import -- FILE/);
		assert.equal((await tool()).code, 2);
		for (const [options, words] of [
			[["--machine", "a/b"], /--machine is a\/b/],
			[["--machine", "m", "--map", "torque=x"], /--map is torque=x.*energyKwh=COLUMN/],
			[["--machine", "m", "--label", "middle"], /--label is middle/],
			[["--machine", "m", "--time", "when"], /no column when/],
			[["--machine", "m", "--start", "2018-01-01"], /--start/],
			[["--machine", "m", "--zone", "Mars/Base"], /Mars\/Base/],
		] as const) {
			const { code, stderr } = await tool(plain(), ...options);
			assert.equal(code, 1, options.join(" "));
			assert.match(stderr, words);
		}
		const slip = await tool(plain(), "--machine", "m", "--step", "10min", "--dry-run");
		assert.match(slip.stdout, /10 minutes long, but the file's rows stand 15 minutes apart/);
		assert.match((await tool("nowhere.csv", "--machine", "m")).stderr, /nowhere\.csv can't be read/);
	});

	it("takes a real steel plant's year, whose dates slip at midnight", async function () {
		const steel = sharedData(this, "steel/steel-2018-jan-oct.csv");
		const asked = await tool(steel, "--machine", "steel");
		assert.equal(asked.code, 2);
		assert.match(asked.stdout, /after 01-01-2018 23:45 comes 01-01-2018 00:00/);
		assert.match(asked.stdout, /--yes or with --grid 15min --start 2018-01-01T00:00/);
		const { stdout } = await tool(steel, "--machine", "steel", "--yes");
		assert.match(
			stdout,
			/29184 rows → 29184 quarter-hours, 813982\.32 kWh from 2018-01-01T00:00:00\+09:00 to 2018-11-01/,
		);
		assert.match(stdout, /Written: 29184 new/);
	});
});
