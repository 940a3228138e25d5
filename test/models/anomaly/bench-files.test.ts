import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { nabSection, readNab } from "../../../bench/anomaly/nab.ts";
import { readSet } from "../../../bench/anomaly/outliers.ts";
import { readSkab } from "../../../bench/anomaly/skab.ts";
import { filesBelow, readEach } from "../../../bench/anomaly/tables.ts";
import { Random } from "../../../models/random.ts";

describe("the benchmark's files of other people", () => {
	let folder: string;
	beforeEach(() => {
		folder = mkdtempSync(join(tmpdir(), "bench-files-"));
	});
	afterEach(() => rmSync(folder, { recursive: true, force: true }));
	const put = (name: string, text: string): void => {
		mkdirSync(dirname(join(folder, name)), { recursive: true });
		writeFileSync(join(folder, name), text);
	};

	describe("of SKAB", () => {
		const rows = (count: number, row: (n: number) => string): string =>
			Array.from({ length: count }, (_, n) => row(n)).join("\n");
		const read = () => readEach(filesBelow(folder, [".csv"]), (name) => ({ name, ...readSkab(folder, name) }));

		it("are read however they are sorted into folders, with any number of channels and any separator", () => {
			put(
				"valve1/0.csv",
				`datetime;Current;Pressure;anomaly;changepoint\n${rows(500, (n) => `2020-03-09 10:00:00;${n};1.5;0.0;0.0`)}`,
			);
			put(
				"valve2/10.csv",
				`\uFEFFdatetime,A,B,C,anomaly\r\n${rows(401, (n) => `2020-03-09,1,2,${n},${n > 400 ? "1.0" : "0"}`)}\r\n`,
			);
			put("valve2/2.csv", `"A";"Anomaly"\n${rows(450, (n) => `${n};1`)}`);
			const { read: files, skipped } = read();
			assert.deepEqual(skipped, []);
			assert.deepEqual(
				files.map(({ name, x }) => [name, x.rows, x.columns]),
				[
					["valve1/0.csv", 500, 2],
					["valve2/2.csv", 450, 1],
					["valve2/10.csv", 401, 3],
				],
			);
		});
		it("are left out with the reason where nothing can be judged by them, and the rest goes on", () => {
			put("anomaly-free/anomaly-free.csv", `datetime;Current\n${rows(500, () => "2020;1")}`);
			put("broken.csv", `Current;anomaly\n${rows(3, () => "1;0")}\n1;0;7`);
			put("empty.csv", "\n");
			put("few.csv", `Current;anomaly\n${rows(400, () => "1;0")}`);
			put("labels.csv", `Current;anomaly\n${rows(500, () => "1;2")}`);
			put("good.csv", `Current;anomaly\n${rows(500, (n) => `${n % 7 === 0 ? "" : n};${n % 9 === 0 ? "" : 0}`)}`);
			const { read: files, skipped } = read();
			assert.deepEqual(
				files.map(({ name }) => name),
				["good.csv"],
			);
			assert.deepEqual(skipped, [
				{ file: "anomaly-free/anomaly-free.csv", why: 'has no column "anomaly": nothing to judge by' },
				{ file: "broken.csv", why: "line 5 has 3 cells and not 2" },
				{ file: "empty.csv", why: "is empty" },
				{ file: "few.csv", why: "has 400 rows: more than the 400 to learn from are needed" },
				{ file: "labels.csv", why: '"anomaly" is no column of labels: "2" is neither 0 nor 1' },
			]);
		});
	});

	describe("of labelled outlier sets", () => {
		const random = new Random(1);
		const row = (separator: string, label: string): string =>
			[random.unit(), random.unit(), random.unit()]
				.map((value) => value.toFixed(4))
				.concat(label)
				.join(separator);
		const body = (separator: string, labels: readonly [string, string]): string =>
			Array.from({ length: 200 }, (_, n) => row(separator, labels[n % 10 === 0 ? 1 : 0])).join("\n");

		it("have the label last or in a column named so, as a number or a word, with a header or none", () => {
			put("a.csv", body(",", ["0", "1"]));
			put("b.tsv", `x\ty\tz\toutlier\n${body("\t", ["n", "o"])}`);
			put(
				"deep/c.csv",
				`label,x,y\n${Array.from({ length: 200 }, (_, n) => `${n % 5 === 0 ? "1.0" : "0.0"},${n},${n * n}`).join("\n")}`,
			);
			const sets = filesBelow(folder, [".csv", ".tsv"]).map((name) => readSet(folder, name));
			assert.deepEqual(
				sets.map(({ name, x, y }) => [name, x.rows, x.columns, y.filter(Boolean).length]),
				[
					["a", 200, 3, 20],
					["b", 200, 3, 20],
					["deep/c", 200, 2, 40],
				],
			);
		});
		it("lose rows with gaps, and are refused where a split would hold no outlier", () => {
			put(
				"gaps.csv",
				`x,y,label\n1,,0\n${Array.from({ length: 150 }, (_, n) => `${n},${-n},${n % 4 === 0 ? 1 : 0}`).join("\n")}`,
			);
			assert.equal(readSet(folder, "gaps.csv").x.rows, 150);
			put("none.csv", `x,y,label\n${Array.from({ length: 150 }, (_, n) => `${n},${-n},0`).join("\n")}`);
			assert.throws(() => readSet(folder, "none.csv"), /has 150 rows with 0 outliers: too few for split 1/);
		});
	});

	describe("of NAB", () => {
		const series = (count: number): string =>
			`timestamp,value\n${Array.from({ length: count }, (_, n) => `${new Date(n * 300_000).toISOString().slice(0, 19).replace("T", " ")},${n % 12}`).join("\n")}`;

		it("are found as given with a list beside them, and in NAB's own folders", () => {
			const span = [["1970-01-01 10:00:00.000000", "1970-01-01 12:00:00.000000"]];
			put(
				"labels/combined_windows.json",
				JSON.stringify({ "realAWS/a.csv": span, "realAWS/quiet.csv": [], "realAWS/gone.csv": [] }),
			);
			put("data/realAWS/a.csv", series(300));
			put("data/realAWS/quiet.csv", series(300));
			put("data/realAWS/unlisted.csv", series(300));
			const { read: files, skipped, absent } = readNab(folder);
			assert.deepEqual(
				files.map(({ name, windows }) => [name, windows]),
				[
					["data/realAWS/a.csv", [[120, 144]]],
					["data/realAWS/quiet.csv", []],
				],
			);
			assert.deepEqual(skipped, [
				{ file: "data/realAWS/unlisted.csv", why: "is not named in labels/combined_windows.json" },
			]);
			assert.equal(absent, 1);
			assert.equal(readNab(join(folder, "data")).read.length, 2);
		});
		it("go on where one is broken, and say so where nothing can be judged by", () => {
			put(
				"windows.json",
				JSON.stringify({
					"a.csv": [["1970-01-01 10:00:00", "1970-01-01 12:00:00"]],
					"b.csv": [],
					"c.csv": [["2030-01-01 00:00:00", "2030-01-02 00:00:00"]],
				}),
			);
			put("a.csv", series(300));
			put("b.csv", "timestamp,value\nyesterday,1");
			put("c.csv", series(300));
			const figures = nabSection(folder);
			assert.equal(figures?.files, 1);
			assert.deepEqual(figures?.skipped, [
				{ file: "b.csv", why: 'row 1 begins with "yesterday", which is no time' },
				{ file: "c.csv", why: "holds no row of the window from 2030-01-01 00:00:00 to 2030-01-02 00:00:00" },
			]);
			rmSync(join(folder, "windows.json"));
			assert.match(JSON.stringify(nabSection(folder)), /no list of windows beside it/);
		});
	});
});
