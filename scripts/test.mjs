// `npm test` runs everything that needs no program beside Node; `npm test -- test/lib/tariff` a part of it.
// test/e2e (a browser) and test/system (broker, database, crashes) run by name: `npm test -- test/e2e`.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

const args = process.argv.slice(2);
const named = args.filter((arg) => !arg.startsWith("-") && existsSync(arg));
const options = args.filter((arg) => !named.includes(arg));
const spec =
	named.length > 0
		? named.map((path) => (path.endsWith(".ts") ? path : `${path}/**/*.test.ts`))
		: ["test/**/*.test.ts"];
const ignore = named.length > 0 ? [] : ["--ignore", "test/e2e/**", "--ignore", "test/system/**"];
const { status } = spawnSync(process.execPath, ["node_modules/mocha/bin/mocha.js", ...options, ...ignore, ...spec], {
	stdio: "inherit",
});
process.exit(status ?? 1);
