type Child = Node | string | undefined | false;
type Attributes = Readonly<Record<string, string | boolean | ((event: Event) => void)>>;

/** An element; functions among its attributes listen to the event of that name. Text stays text. */
export function h<K extends keyof HTMLElementTagNameMap>(
	name: K,
	attributes: Attributes = {},
	...children: readonly Child[]
): HTMLElementTagNameMap[K] {
	const element = document.createElement(name);
	for (const [key, value] of Object.entries(attributes)) {
		if (typeof value === "function") element.addEventListener(key, value);
		else if (value === true) element.setAttribute(key, "");
		else if (value !== false) element.setAttribute(key, value);
	}
	for (const child of children) if (child !== undefined && child !== false) element.append(child);
	return element;
}

/** `code`, **strong** and text. */
function spans(text: string): Node[] {
	return text.split(/(`[^`]+`|\*\*[^*]+\*\*)/).map((part) => {
		if (part.startsWith("`")) return h("code", {}, part.slice(1, -1));
		if (part.startsWith("**")) return h("strong", {}, part.slice(2, -2));
		return document.createTextNode(part);
	});
}

/** As much of Markdown as the contract's descriptions use: paragraphs, lists, code and strong words. */
export function prose(text: string): HTMLElement {
	const box = h("div", { class: "prose" });
	for (const block of text.trim().split(/\n\s*\n/)) {
		const lines = block.split("\n");
		if (lines[0]?.startsWith("- ")) {
			const items = block.split(/^- /m).filter((item) => item.trim() !== "");
			box.append(h("ul", {}, ...items.map((item) => h("li", {}, ...spans(item.replaceAll("\n", " "))))));
		} else box.append(h("p", {}, ...spans(lines.join(" "))));
	}
	return box;
}
