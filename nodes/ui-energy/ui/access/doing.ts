import type { Acting } from "../schedule/acting.ts";
import { ref } from "../vue.ts";
import { call, type Done } from "./api.ts";

const idle: Acting = { may: true, busy: null, problem: null, sure: null };

/** The buttons of a card of access: what is under way, what went wrong, what has to be confirmed. */
export function useDoing() {
	const acting = ref<Acting>(idle);
	/** @param of what it is, by a name of the card's own; one thing at a time */
	async function send<T>(
		of: string,
		method: string,
		path: string,
		given?: object,
		accept?: string,
	): Promise<Done<T> | null> {
		if (acting.value.busy) return null;
		acting.value = { ...acting.value, busy: of, problem: null };
		const done = await call<T>(method, path, given, accept);
		const problem = done.ok ? null : { of, message: done.message, lines: [] };
		acting.value = { ...acting.value, busy: null, sure: done.ok ? null : acting.value.sure, problem };
		return done;
	}
	const confirm = (of: string | null): void => {
		acting.value = { ...acting.value, sure: of, problem: null };
	};
	const fail = (of: string, message: string): void => {
		acting.value = { ...acting.value, problem: { of, message, lines: [] } };
	};
	return { acting, send, confirm, fail };
}
export type Doing = ReturnType<typeof useDoing>;
