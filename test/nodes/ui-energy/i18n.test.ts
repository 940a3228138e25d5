import assert from "node:assert/strict";
import { ago, nameOf, preferred, translate } from "../../../nodes/ui-energy/ui/i18n.ts";
import en from "../../../nodes/ui-energy/ui/locales/en-US.json" with { type: "json" };
import ko from "../../../nodes/ui-energy/ui/locales/ko.json" with { type: "json" };

const places = (text: string): string[] => [...text.matchAll(/\{\w+\}/g)].map(([place]) => place).sort();

describe("texts of the dashboard", () => {
	it("exist in both languages, with the same places to fill", () => {
		assert.deepEqual(Object.keys(ko), Object.keys(en));
		for (const [key, text] of Object.entries(en)) {
			assert.deepEqual(places((ko as Record<string, string>)[key] ?? ""), places(text), key);
		}
	});

	it("follow the reader's first language of ours", () => {
		assert.equal(preferred(["fr-FR", "ko-KR", "en-US"]), "ko");
		assert.equal(preferred(["en-GB", "ko"]), "en-US");
		assert.equal(preferred(["de"]), "en-US");
	});

	it("leave a place visible that was not filled", () => {
		assert.equal(translate("en-US", "ago.s", {}), "{n} s ago");
		assert.equal(translate("ko", "ago.s", { n: 3 }), "3초 전");
	});

	it("say how long ago in the largest whole unit", () => {
		assert.deepEqual(
			[0, 89_000, 120_000, 2 * 3_600_000, 3 * 86_400_000].map((ms) => ago("en-US", ms)),
			["0 s ago", "89 s ago", "2 min ago", "2 h ago", "3 days ago"],
		);
	});

	it("call a machine by its name in the language, else by its name, else by its id", () => {
		const furnace = { machine: "furnace-1", name: "Arc furnace 1", names: { ko: "전기로 1호" } };
		assert.equal(nameOf(furnace, "ko"), "전기로 1호");
		assert.equal(nameOf(furnace, "en-US"), "Arc furnace 1");
		assert.equal(nameOf({ machine: "x-1", name: "" }, "ko"), "x-1");
	});
});
