/** Signs of a CSV file's numbers. */
export interface NumberStyle {
	decimal: "." | ",";
}

/** The decimal sign that these cells use; a point where they do not tell. */
export function detectDecimal(cells: readonly string[]): "." | "," {
	let commas = 0;
	let points = 0;
	for (const cell of cells) {
		const text = cell.trim();
		if (/^-?\d+,\d+$/.test(text) && !/^-?\d{1,3}(,\d{3})+$/.test(text)) commas++;
		if (/^-?[\d,]*\.\d+$/.test(text)) points++;
		if (/^-?\d{1,3}(\.\d{3})+,\d+$/.test(text)) commas++;
	}
	return commas > points ? "," : ".";
}

/** A cell as a number; undefined where it is empty or none. Thousands signs are let go where they stand right. */
export function readNumber(cell: string, { decimal }: NumberStyle): number | undefined {
	const text = cell.trim().replace(/^"|"$/g, "");
	const grouped = decimal === "." ? /^[-+]?\d{1,3}(,\d{3})+(\.\d+)?$/ : /^[-+]?\d{1,3}([. ]\d{3})+(,\d+)?$/;
	const plain = decimal === "." ? /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i : /^[-+]?(\d+,?\d*|,\d+)(e[-+]?\d+)?$/i;
	let digits: string;
	if (grouped.test(text))
		digits = decimal === "." ? text.replaceAll(",", "") : text.replace(/[. ]/g, "").replace(",", ".");
	else if (plain.test(text)) digits = text.replace(",", ".");
	else return undefined;
	const value = Number(digits);
	return Number.isFinite(value) ? value : undefined;
}
