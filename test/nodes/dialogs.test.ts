import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { dialogOf } from "../../scripts/dialog.mjs";

const pages = globSync("dist/nodes/*/*.html").filter((path) => basename(path, ".html") === path.split("/").at(-2));

describe("the editor's page of a node", () => {
	it("is one static page a node, which registers it by a literal name", () => {
		assert.ok(pages.length >= 18);
		for (const path of pages) {
			const type = basename(path, ".html");
			const page = readFileSync(path, "utf8");
			assert.equal(page.split(`data-template-name="${type}"`).length, 2, path);
			assert.equal(page.split(`RED.nodes.registerType("${type}", {`).length, 2, path);
		}
	});

	it("asks for nothing that its node does not save", () => {
		for (const path of pages) {
			const page = readFileSync(path, "utf8");
			const [dialog = "", script = ""] = page.split('<script type="text/javascript">');
			for (const [, name] of dialog.matchAll(/<(?:input|select|textarea) id="node-(?:config-)?input-(\w+)"/g)) {
				assert.match(script, new RegExp(`\\b${name}: \\{`), `${path}: ${name}`);
			}
		}
	});
});

describe("a dialog that is written as its fields", () => {
	it("becomes rows with ids, labels and words of the node's catalogue", () => {
		assert.equal(
			dialogOf(
				"a-node",
				false,
				'<field name="kw" icon="bolt" type="number" min="1" width="5em" unit="kW" row="limit" />\n',
			),
			[
				'<script type="text/html" data-template-name="a-node">',
				'<div class="form-row limit"><label for="node-input-kw"><i class="fa fa-bolt"></i> <span data-i18n="a-node.kw"></span></label> <input id="node-input-kw" type="number" min="1" style="width: 5em" /> kW</div>',
				"</script>\n",
			].join("\n"),
		);
		const choice = dialogOf("a-node", true, '<field name="kind" select="kinds: day, month" />');
		assert.match(choice, /<select id="node-config-input-kind"><option value="day" data-i18n="a-node.kinds.day">/);
	});

	it("stops the build where a field has no name, or is not closed", () => {
		assert.throws(() => dialogOf("a-node", false, '<field icon="bolt" />'), /a field without a name/);
		assert.throws(() => dialogOf("a-node", false, '<field name="kw">'), /is not understood/);
	});
});
