// A node's dialog is written as its fields; what every row repeats — ids, labels, keys of the catalogue — is filled in
// here, so that what ships is one static page per node.
//
//   <field name="seconds" icon="clock-o" type="number" min="1" width="7em" unit="s" />
//     a row: label <node>.seconds of the catalogue, its input, and what stands behind it
//   icon="…"     a Font Awesome name before the label         row="…"    a class of the row, to show and hide it by
//   width="…"    of the input                                 unit="kW"  a text behind the input
//   hint="key"   a text of the catalogue behind the input     empty="key"  one inside the empty input
//   select="kinds: day, month"   a choice of catalogue texts <node>.kinds.day …; select="pdf=PDF, csv=CSV" of fixed ones,
//                  select="" of what the editor half puts in
//   choices="tariffs"            an input that proposes what the editor half puts into <datalist id="<node>-tariffs">
//   anything else                goes to the input as it is
//   <row>…</row>                 several fields in one row
//   <items name="loads" icon="…" />   a caption and the list that the editor half makes editable
//
// Everything else is HTML and stays as it is.

const attributesOf = (text) =>
	Object.fromEntries([...text.matchAll(/([\w-]+)=("[^"]*"|'[^']*')/g)].map(([, key, value]) => [key, value]));
const bare = (quoted) => quoted?.slice(1, -1);

function optionsOf(node, select) {
	const [, group, values] = /^(?:([\w-]+): )?(.*)$/.exec(select);
	if (values === "") return [];
	return values.split(", ").map((each) => {
		const [value, text] = each.split("=");
		return group
			? `<option value="${value}" data-i18n="${node}.${group}.${value}"></option>`
			: `<option value="${value}">${text}</option>`;
	});
}

function controlOf(node, id, { select, choices, width, type = '"text"', ...rest }) {
	const style = width ? ` style="width: ${bare(width)}"` : "";
	const attributes = Object.entries(rest).map(([key, value]) => ` ${key}=${value}`);
	if (select) return `<select id="${id}"${style}>${optionsOf(node, bare(select)).join("")}</select>`;
	const list = choices ? `${node}-${bare(choices)}` : undefined;
	const box = type === '"checkbox"' ? ' style="width: auto; vertical-align: top"' : style;
	const input = `<input id="${id}" type=${type}${list ? ` list="${list}"` : ""}${attributes.join("")}${box} />`;
	return list ? `${input}<datalist id="${list}"></datalist>` : input;
}

function fieldOf(node, prefix, text, isFirst) {
	const { name: quoted, icon, unit, hint, empty, row, ...rest } = attributesOf(text);
	const name = bare(quoted);
	if (!name) throw new Error(`${node}: a field without a name: ${text}`);
	const id = `${prefix}${name}`;
	const said = (key, attributes = "") => `<span${attributes} data-i18n="${node}.${key}"></span>`;
	const drawn = icon ? `<i class="fa fa-${bare(icon)}"></i> ` : "";
	const beside = isFirst ? "" : ' style="width: auto; margin-left: 1em"';
	if (empty) rest["data-i18n"] = `"[placeholder]${node}.${bare(empty)}"`;
	const parts = [`<label for="${id}"${beside}>${drawn}${said(name)}</label>`, controlOf(node, id, rest)];
	if (unit) parts.push(bare(unit));
	// The hint of a box belongs to it: a click on either ticks it.
	if (hint && rest.type === '"checkbox"')
		parts.push(`<label for="${id}" style="width: auto">${said(bare(hint))}</label>`);
	else if (hint) parts.push(said(bare(hint)));
	return { html: parts.join(" "), row: bare(row) };
}

const rowOf = (classes, html) => `<div class="form-row${classes ? ` ${classes}` : ""}">${html}</div>`;

/**
 * The dialog of a node as the editor loads it.
 *
 * @param node its type
 * @param isConfig whether it is a config node, whose inputs the editor names otherwise
 * @param source the dialog as it is written
 */
export function dialogOf(node, isConfig, source) {
	const prefix = isConfig ? "node-config-input-" : "node-input-";
	const field = /<field\s+(.+?)\s*\/>/g;
	const html = source
		.replace(/<row(?:\s+class="([^"]*)")?>([\s\S]*?)<\/row>/g, (_, classes, inner) => {
			const fields = [...inner.matchAll(field)].map(([, text], index) => fieldOf(node, prefix, text, index === 0).html);
			return rowOf(classes, fields.join(" "));
		})
		.replace(field, (_, text) => {
			const { html: inner, row } = fieldOf(node, prefix, text, true);
			return rowOf(row, inner);
		})
		.replace(/<items name="(\w+)" icon="([\w-]+)" \/>/g, (_, name, icon) =>
			[
				`<div class="form-row" style="margin-bottom: 0"><label style="width: 100%"><i class="fa fa-${icon}"></i> <span data-i18n="${node}.${name}"></span></label></div>`,
				rowOf(`node-input-${name}-row`, `<ol id="${prefix}${name}-list"></ol>`),
			].join("\n"),
		);
	const left = /<(field|row|items)\b[^>]*>/.exec(html);
	if (left) throw new Error(`${node}: the dialog's ${left[0]} is not understood`);
	return `<script type="text/html" data-template-name="${node}">\n${html.trimEnd()}\n</script>\n`;
}
