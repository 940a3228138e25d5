// `npm test` runs everything that needs no program beside Node; `npm test -- test/lib/tariff` a part of it.
// test/e2e (a browser) and test/system (broker, database, crashes) run by name: `npm test -- test/e2e`.
//
// What fails in a run of a whole suite is tried a second time, its files alone: a live plant on a loaded machine meets
// moments that no test foresaw, and a fault is what fails twice. Whatever passed only then is named at the end, for it
// wants mending as well. With TEST_TOTALS, the totals are written there as `passed failed`.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** More files than these are no accident of the moment. */
const mostAgain = 5;

const args = process.argv.slice(2);
const named = args.filter((arg) => !arg.startsWith("-") && existsSync(arg));
const options = args.filter((arg) => !named.includes(arg));
const whole = options.length === 0 && named.every((path) => ["test/e2e", "test/system"].includes(path));
const spec =
	named.length > 0 ? named.map((path) => (/\.ts$/.test(path) ? path : `${path}/**/*.test.ts`)) : ["test/**/*.test.ts"];
const ignore = named.length > 0 ? [] : ["--ignore", "test/e2e/**", "--ignore", "test/system/**"];

const scratch = mkdtempSync(join(tmpdir(), "tests-"));
const report = join(scratch, "report.json");

/** Runs mocha; answers its exit status and, by file, what passed and failed (undefined where it died before the end). */
const mocha = (...more) => {
	rmSync(report, { force: true });
	const { status } = spawnSync(
		process.execPath,
		["node_modules/mocha/bin/mocha.js", "--reporter", "scripts/reporter.cjs", ...more],
		{ stdio: "inherit", env: { ...process.env, TEST_REPORT: report } },
	);
	return { status: status ?? 1, files: existsSync(report) ? JSON.parse(readFileSync(report, "utf8")) : undefined };
};
const failing = (files) =>
	Object.entries(files).flatMap(([file, { failed }]) => failed.map((title) => `${file}: ${title}`));

let { status, files } = mocha(...options, ...ignore, ...spec);
const first = failing(files ?? {});
const again = [...new Set(first.map((line) => line.slice(0, line.indexOf(": "))))];
if (whole && again.length > 0 && again.length <= mostAgain) {
	console.log(`\nA second time, alone: ${again.join(", ")}`);
	const second = mocha(...again);
	if (second.files) {
		files = { ...files, ...second.files };
		status = second.status;
		const still = failing(files);
		for (const line of first) if (!still.includes(line)) console.log(`passed only at the second try: ${line}`);
	}
}
rmSync(scratch, { recursive: true });
for (const line of failing(files ?? {})) console.log(`failed: ${line}`);
if (process.env.TEST_TOTALS) {
	const passed = Object.values(files ?? {}).reduce((sum, file) => sum + file.passed, 0);
	// a run that died before it could count, or counted nothing, has failed
	const failed = failing(files ?? {}).length || (status !== 0 || passed === 0 ? 1 : 0);
	writeFileSync(process.env.TEST_TOTALS, `${passed} ${failed}\n`);
}
process.exit(status);
