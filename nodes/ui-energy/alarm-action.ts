import { type AccessContext, mayAt } from "../../lib/access/context.ts";
import { type AlarmCommand, commandOf } from "../../lib/alarms/commands.ts";
import { EnergyError } from "../../lib/errors.ts";
import { type Language, languages } from "../../lib/messages.ts";
import { type Reply, refusal } from "../asked.ts";

/** As much of a page's socket as is used; access marked it when it connected. */
export interface PageSocket {
	data?: { access?: AccessContext };
}

/** What a page asks: whether it may act, or an act. */
export interface ActionRequest {
	type: "may" | "ack" | "shelve" | "unshelve";
	id?: string;
	minutes?: number;
	language?: Language;
}

const acts: readonly string[] = ["ack", "shelve", "unshelve"] satisfies AlarmCommand["type"][];

/** The name of a card's socket event: each card hears its own alone. */
export const actionEvent = (id: string): string => `smart-energy-act:${id}`;

/**
 * Judges what a page wants: an operator may act, in their own name; a viewer may look. Whoever came past the sign-in
 * may nothing.
 *
 * @param act is called with a command that may be done, and answers by `reply`
 * @param site whose alarms they are; without one it takes the role everywhere
 */
export function judgeAction(
	socket: PageSocket,
	given: unknown,
	act: (command: AlarmCommand, language: Language, reply: (reply: Reply) => void) => void,
	reply: (reply: Reply) => void,
	site = "",
): void {
	const access = socket.data?.access;
	const request = (typeof given === "object" && given !== null ? given : {}) as Partial<ActionRequest>;
	const language = languages.find((one) => one === request.language) ?? access?.language ?? "en-US";
	try {
		if (!access?.user || !mayAt(access, site, "operator")) throw new EnergyError("alarms.operator-only");
		const { type, id, minutes } = request;
		if (type === "may") reply({ ok: true });
		else if (type && acts.includes(type)) {
			act(commandOf(type, minutes === undefined ? {} : { minutes }, id, access.user), language, reply);
		} else throw new EnergyError("alarms.bad-command", { field: "type", value: String(type), rule: acts.join(", ") });
	} catch (error) {
		reply(refusal(error, language));
	}
}
