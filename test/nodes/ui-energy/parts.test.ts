import assert from "node:assert/strict";
import { cardNames } from "../../../nodes/ui-energy/config.ts";
import { partOf } from "../../../nodes/ui-energy/part-of.ts";
import { emptyState, take } from "../../../nodes/ui-energy/picture.ts";

/** What other nodes send, as far as a shape tells it. */
const answers = {
	advice: {
		site: "demo",
		firstMonth: "2026-10",
		months: 1,
		yearKrw: 656_801_880,
		compared: [],
		items: [],
		warnings: [],
	},
	carbon: { site: "demo", kgCo2e: 116_633.7, factors: [{ year: 2023, kgCo2ePerKwh: 0.4173 }], items: [] },
	record: { site: "demo", lines: [], kpi: { alarms: 0 }, alarms: {} },
	efficiency: { site: "demo", threshold: 0.7, total: {}, items: [] },
} as const;

describe("answers on one wire", () => {
	for (const [kind, payload] of Object.entries(answers)) {
		it(`tell themselves apart: ${kind} reaches the cards that show it, and no other`, () => {
			const takers = cardNames.filter((card) => partOf(card, payload, null)?.kind === kind);
			const strangers = cardNames.filter((card) => !takers.includes(card));
			assert.ok(takers.length > 0);
			for (const card of strangers) assert.equal(partOf(card, payload, null), null, card);
			for (const card of takers) {
				const part = partOf(card, payload, null);
				assert.ok(part);
				assert.deepEqual(take(emptyState, part)[kind as keyof typeof answers], payload);
			}
		});
	}
});
