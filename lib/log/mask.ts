/** Names of values that nobody may read in a log. */
const secretName = /pass(word|phrase)?$|secret|token|authori[sz]ation|cookie|api[-_]?key|credential|private[-_]?key/i;

const shown = "***";

/** What stands in running text: headers, tokens, URLs with a password, and `name=value` or `"name":"value"` of secrets. */
const inText: readonly [RegExp, string][] = [
	[/\b(Bearer|Basic)\s+[\w.~+/=-]{4,}/gi, `$1 ${shown}`],
	[/\beyJ[\w-]{5,}\.[\w-]+\.[\w-]*/g, shown],
	[/\bsfk?_[\w-]{8,}/g, shown],
	[/([a-z][a-z0-9+.-]*:\/\/)[^\s/@:]*:[^\s/@]+@/gi, `$1${shown}@`],
	[
		/(["']?\b\w*(?:password|passphrase|secret|token|api[-_]?key|credential)\w*["']?\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s,;&}\]]+)/gi,
		`$1${shown}`,
	],
	// People: an address of mail, a mobile number of Korea.
	[/\b([\p{L}\p{N}])[\p{L}\p{N}._%+-]*@((?:[\w-]+\.)+[a-z]{2,})\b/giu, `$1${shown}@$2`],
	[/\b(01[016-9])[ -]?\d{3,4}[ -]?(\d{2})(\d{2})\b/g, `$1-${shown}-**$3`],
	[/(smartfactory_session=)[^\s;]+/gi, `$1${shown}`],
];

/** A text without the secrets that it quotes. */
export function maskText(text: string): string {
	let masked = text;
	for (const [pattern, instead] of inText) masked = masked.replace(pattern, instead);
	return masked;
}

/** A value without its secrets: those under a telling name, and those in its texts. Copies; at most eight levels deep. */
export function mask(value: unknown, depth = 0): unknown {
	if (typeof value === "string") return maskText(value);
	if (typeof value !== "object" || value === null) return value;
	if (depth >= 8) return "…";
	if (Array.isArray(value)) return value.map((item) => mask(item, depth + 1));
	return Object.fromEntries(
		Object.entries(value).map(([name, each]) => [name, secretName.test(name) ? shown : mask(each, depth + 1)]),
	);
}
