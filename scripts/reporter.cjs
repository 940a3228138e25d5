// Mocha's spec reporter, which also writes what became of each file's tests to the path in TEST_REPORT:
// { file: { passed, failed: [full title, …] } }.
const { relative } = require("node:path");
const { writeFileSync } = require("node:fs");
const { reporters, Runner } = require("mocha");

module.exports = class extends reporters.Spec {
	constructor(runner, options) {
		super(runner, options);
		const files = {};
		const of = ({ file = "" }) => {
			const name = relative(process.cwd(), file);
			files[name] ??= { passed: 0, failed: [] };
			return files[name];
		};
		runner.on(Runner.constants.EVENT_TEST_PASS, (test) => {
			of(test).passed++;
		});
		runner.on(Runner.constants.EVENT_TEST_FAIL, (test) => {
			of(test).failed.push(test.fullTitle());
		});
		runner.once(Runner.constants.EVENT_RUN_END, () => {
			if (process.env.TEST_REPORT) writeFileSync(process.env.TEST_REPORT, JSON.stringify(files));
		});
	}
};
