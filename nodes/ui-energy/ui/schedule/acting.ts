import type { Reply } from "../../../asked.ts";
import type { ScheduleRequest } from "../../schedule-action.ts";
import { t } from "../shell.ts";
import { inject, onMounted, ref } from "../vue.ts";

/** Asks the plant to do something about the schedule; it answers whether it was done. */
export type Ask = (request: ScheduleRequest) => Promise<Reply>;
export const askKey = "smart-energy.ask";

/** What a card with buttons goes through. */
export interface Acting {
	/** Whether this person may act; null until the plant said so. */
	may: boolean | null;
	/** What is under way, by a name of the card's own. */
	busy: string | null;
	/** What went wrong at last, under the name of what was asked. */
	problem: { of: string; message: string; lines: readonly string[] } | null;
	/** What waits for a second press. */
	sure: string | null;
}

const idle: Acting = { may: null, busy: null, problem: null, sure: null };

/** The buttons of a card: who may press them, what is under way, what went wrong, what has to be confirmed. */
export function useActing() {
	const ask = inject<Ask>(askKey);
	const acting = ref<Acting>(idle);
	onMounted(async () => {
		const reply = await ask?.({ type: "may" });
		acting.value = { ...acting.value, may: reply?.ok ?? false };
	});
	/** @returns whether it was done */
	async function send(of: string, request: ScheduleRequest): Promise<boolean> {
		if (!ask || acting.value.busy) return false;
		acting.value = { ...acting.value, busy: of, problem: null };
		const { ok, message = t("schedule.unanswered"), lines = [] } = await ask(request);
		const problem = ok ? null : { of, message, lines };
		acting.value = { ...acting.value, busy: null, sure: ok ? null : acting.value.sure, problem };
		return ok;
	}
	const confirm = (of: string | null): void => {
		acting.value = { ...acting.value, sure: of, problem: null };
	};
	return { acting, send, confirm };
}
export type Buttons = ReturnType<typeof useActing>;
