import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { contrast, dashboardColours, machineStyle, type Tone } from "../../../nodes/ui-energy/ui/theme.ts";

const css = readFileSync("nodes/ui-energy/ui/style/page.css", "utf8");

/** The colours of one block of the style sheet, by name. */
function tokens(selector: string): Record<string, string> {
	const block = css.slice(css.indexOf(`${selector} {`)).split("}")[0] ?? "";
	return Object.fromEntries([...block.matchAll(/--se-([\w-]+): (#[0-9a-f]{6})/g)].map((m) => [m[1] ?? "", m[2] ?? ""]));
}

const tones: Record<Tone, Record<string, string>> = {
	light: tokens(":root"),
	dark: tokens(':root[data-se-tone="dark"]'),
};

describe("colours of the dashboard", () => {
	for (const [tone, colours] of Object.entries(tones) as [Tone, Record<string, string>][]) {
		const card = colours.card ?? "";
		it(`${tone}: every text is readable on its card (4.5:1)`, () => {
			for (const name of ["ink", "soft", "accent", "alarm", "good"]) {
				const found = contrast(colours[name] ?? "", card);
				assert.ok(found >= 4.5, `${name} ${found.toFixed(2)}`);
			}
			assert.ok(contrast(colours.soft ?? "", dashboardColours[tone].bgPage) >= 4.5);
			assert.ok(contrast(colours.ink ?? "", colours["shade-2"] ?? "") >= 4.5);
		});

		it(`${tone}: signs and lines stand out of their card (3:1)`, () => {
			assert.ok(contrast(colours.warn ?? "", card) >= 3);
			assert.ok(contrast(colours.fill ?? "", card) >= 3);
			for (let place = 0; place < 8; place++) {
				const { colour } = machineStyle(place, tone);
				assert.ok(contrast(colour, card) >= 3, `machine ${place} ${contrast(colour, card).toFixed(2)}`);
			}
		});

		it(`${tone}: the card is the card of Dashboard's theme`, () => {
			assert.equal(card, dashboardColours[tone].groupBg.toLowerCase());
		});
	}

	it("no two machines look the same until there are more than 32", () => {
		const looks = Array.from({ length: 32 }, (_, place) => JSON.stringify(machineStyle(place, "light")));
		assert.equal(new Set(looks).size, 32);
	});
});
