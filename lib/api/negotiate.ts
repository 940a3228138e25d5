/** Weight of each entry of an Accept or Accept-Encoding header, by name; `*` and `text/*` as they stand. */
function weights(header: string): Map<string, number> {
	const found = new Map<string, number>();
	for (const entry of header.toLowerCase().slice(0, 1_000).split(",")) {
		const [name = "", ...parameters] = entry.split(";").map((part) => part.trim());
		const q = parameters.find((part) => part.startsWith("q="))?.slice(2);
		const weight = q === undefined ? 1 : Number(q);
		if (name) found.set(name, weight >= 0 && weight <= 1 ? weight : 0);
	}
	return found;
}

/**
 * The media type that a caller would rather have, of those that there are; the first of them where none is asked for,
 * because an answer in another form serves better than none.
 */
export function preferredType(accept: string | undefined, offered: readonly string[]): string | undefined {
	if (!accept) return offered[0];
	const wanted = weights(accept);
	const weightOf = (type: string): number =>
		wanted.get(type) ?? wanted.get(`${type.split("/", 1)[0]}/*`) ?? wanted.get("*/*") ?? 0;
	let best = offered[0];
	for (const type of offered) if (weightOf(type) > weightOf(best ?? "")) best = type;
	return best;
}

export type Encoding = "br" | "gzip" | undefined;

/** How to compress for a caller; undefined where it takes the plain answer alone. */
export function encodingOf(acceptEncoding: string | undefined): Encoding {
	if (!acceptEncoding) return undefined;
	const wanted = weights(acceptEncoding);
	const weightOf = (name: string): number => wanted.get(name) ?? wanted.get("*") ?? 0;
	const [br, gzip] = [weightOf("br"), weightOf("gzip")];
	if (br <= 0 && gzip <= 0) return undefined;
	return br >= gzip ? "br" : "gzip";
}
