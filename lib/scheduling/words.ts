import { type Language, languages, text } from "../messages.ts";
import type { Conflict, Requirement } from "./conflict.ts";
import type { Answer } from "./optimize.ts";
import type { Reason } from "./reasons.ts";

type InWords<Text> = Record<Language, Text>;

/** An answer that also says, in each language of ours, why its operations are when they are, or why there is no plan. */
export type ExplainedAnswer = Omit<Answer, "reasons" | "conflict"> & {
	reasons: (Reason & { text: InWords<string> })[];
	/** Its text: what cannot hold together, a line each, then the ways out. */
	conflict: (Conflict & { text: InWords<string[]> }) | null;
};

export function explained(answer: Answer): ExplainedAnswer {
	const { reasons, conflict } = answer;
	return {
		...answer,
		reasons: reasons.map((each) => ({ ...each, text: inWords((language) => text(each.code, each.details, language)) })),
		conflict: conflict && { ...conflict, text: inWords((language) => conflictText(conflict, language)) },
	};
}

function inWords<Text>(say: (language: Language) => Text): InWords<Text> {
	return Object.fromEntries(languages.map((language) => [language, say(language)])) as InWords<Text>;
}

function conflictText(conflict: Conflict, language: Language): string[] {
	const say = (requirement: Requirement) => text(requirement.code, { ...requirement }, language);
	return [
		text(conflict.irreducible ? "scheduling.conflict" : "scheduling.conflict-open", {}, language),
		...conflict.requirements.map((requirement) => `- ${say(requirement)}`),
		...conflict.relaxations.map((way) =>
			text(
				way.code,
				{ ...way.requirement, amount: Math.round(way.amount * 10) / 10, costKrw: Math.round(way.costKrw ?? 0) },
				language,
			),
		),
	];
}
