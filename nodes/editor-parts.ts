// What the editor halves share: their words, how a node is named on the canvas, and lists of rows.

/** A text of a node's catalogue, by its key below the node's type. */
export type Say = (key: string, values?: Record<string, string | number>) => string;

/** Works in validators too, where the node may not be on a canvas yet. */
export function sayer(type: string): Say {
	return (key, values = {}) => RED._(`@smartfactory/node-red-energy/${type}:${type}.${key}`, values);
}

/**
 * How a node is called: by its name, else by what it does.
 *
 * @param title what it does, where its configuration says more than its type
 */
export function titled<Instance extends { name: string }>(
	say: Say,
	title: (node: Instance) => string = () => say("label"),
) {
	return {
		paletteLabel: () => say("label"),
		label(this: Instance): string {
			return this.name || title(this);
		},
		labelStyle(this: Instance): string {
			return this.name ? "node_label_italic" : "";
		},
	};
}

/** Labels of outputs, in their order, from the catalogue's `outputs`. */
export function outputsOf(say: Say, ...names: readonly string[]): (index: number) => string {
	return (index) => say(`outputs.${names[index] ?? names[0]}`);
}

/** Proposes the tariffs that are known; the list stands in the dialog as `<type>-tariffs`. */
export function proposeTariffs(type: string): void {
	$.getJSON(`smart-energy/${type}/tariffs`, (ids: string[]) => {
		$(`#${type}-tariffs`).append(ids.map((value) => $("<option>", { value })));
	});
}

/** The rows of an editable list as they are typed: its cells are marked with the class `<type>-<name>`. */
export function typedRows<Name extends string>(
	list: string,
	type: string,
	names: readonly Name[],
): Record<Name, string>[] {
	const items = $(list).editableList("items") as unknown as JQuery;
	return items.toArray().map((row) => {
		const textOf = (name: Name): string => {
			const cell = $(row).find(`.${type}-${name}`);
			return cell.is(":checkbox") ? String(cell.prop("checked")) : String(cell.val() ?? "").trim();
		};
		return Object.fromEntries(names.map((name) => [name, textOf(name)])) as Record<Name, string>;
	});
}

/** An input of a row, which says what it is for while it is empty, to the pointer and to a screen reader. */
export function cell(type: string, name: string, label: string, width: string, value: string | number = ""): JQuery {
	return $("<input>", { type: "text", class: `${type}-${name}`, placeholder: label, title: label })
		.attr("aria-label", label)
		.css({ width, marginRight: "4px" })
		.val(value);
}

/** A choice in a row. */
export function choiceCell(
	type: string,
	name: string,
	label: string,
	width: string,
	options: readonly { value: string; text: string }[],
	value: string | undefined,
): JQuery {
	return $("<select>", { class: `${type}-${name}`, title: label })
		.attr("aria-label", label)
		.css({ width, marginRight: "4px" })
		.append(options.map((each) => $("<option>", each)))
		.val(value ?? options[0]?.value ?? "");
}
