import { icon } from "../cards/card.ts";
import { t } from "../shell.ts";
import { h, type VNode } from "../vue.ts";
import type { Acting, Buttons } from "./acting.ts";

interface ButtonOptions {
	disabled?: boolean;
	first?: boolean;
	label?: string;
	expanded?: boolean;
}

export function button(text: string, onClick: () => void, options: ButtonOptions = {}): VNode {
	const { disabled = false, first = false, label, expanded } = options;
	return h(
		"button",
		{
			type: "button",
			class: ["se-act", { "se-act-first": first }],
			disabled,
			onClick,
			"aria-label": label,
			"aria-expanded": expanded,
		},
		text,
	);
}

/** What a button asks before it does what cannot be taken back by another: what will happen, and the two ways on. */
export function sureness(
	question: string,
	yes: string,
	onYes: () => void,
	{ acting, confirm }: Pick<Buttons, "acting" | "confirm">,
): VNode {
	return h("div", { class: "se-sure", role: "group", "aria-label": question }, [
		h("p", question),
		h("div", { class: "se-acts" }, [
			button(yes, onYes, { first: true, disabled: acting.value.busy !== null }),
			button(t("schedule.not-now"), () => confirm(null)),
		]),
	]);
}

/** Why what was asked was not done, every mistake on a line of its own. */
export function trouble({ problem }: Acting, of: (name: string) => boolean): VNode | null {
	if (!problem || !of(problem.of)) return null;
	return h("div", { class: "se-trouble", role: "alert" }, [
		h("p", [icon("warn", "alarm"), problem.message]),
		problem.lines.length > 0
			? h(
					"ul",
					problem.lines.map((line) => h("li", line)),
				)
			: null,
	]);
}

export function fact(name: string, value: VNode | string, more = ""): VNode {
	return h("div", { class: ["se-fact se-fact-text", more] }, [h("dt", name), h("dd", value)]);
}
