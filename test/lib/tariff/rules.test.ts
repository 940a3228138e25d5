import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { ruleIn } from "../../../lib/rules.ts";

describe("rules of the tariff", () => {
	const files = ["cost-input", "load", "load-csv", "series", "check", "urdb", "bill"];
	// A rule is a literal that stands after a path and a value, or in the field `rule`.
	const literal =
		/(?:wrong|report|at)\([^()]*(?:\([^()]*\)[^()]*)*?,?\s*(["`])([a-z][^"`]* [^"`]*)\1,?\s*\)|rule: (["`])([^"`]+)\3/g;
	const rules = files.flatMap((name) => {
		const source = readFileSync(new URL(`../../../lib/tariff/${name}.ts`, import.meta.url), "utf8");
		return [...source.matchAll(literal)].map((match) => (match[2] ?? match[4] ?? "").replace(/\$\{[^}]+\}/g, "7"));
	});

	it("are said in Korean, every one", () => {
		assert.ok(rules.length > 25, String(rules.length));
		assert.deepEqual(
			rules.filter((rule) => ruleIn("ko", rule) === rule),
			[],
		);
		assert.equal(ruleIn("en-US", "must be text"), "must be text");
	});
});
