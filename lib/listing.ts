import { EnergyError } from "./errors.ts";

/** What items are ordered by; null is not known, and comes last whichever way a list is sorted. */
export type Key = string | number | boolean | null;

/** How a list of things that are all in memory may be read. */
export interface Listing<T> {
	/** What a caller may sort by. */
	fields: Readonly<Record<string, (item: T) => Key>>;
	/** Their order where nothing else is asked for, ascending. */
	usual: (item: T) => readonly Key[];
	/** Tells items apart that are equal otherwise; unique. */
	id: (item: T) => string;
}

export interface ListRequest {
	/** Fields with `-` before those that descend, as a list or with commas. */
	sort?: unknown;
	limit: number;
	cursor?: string | undefined;
}

interface Step<T> {
	of: (item: T) => Key;
	sign: 1 | -1;
}

/**
 * A page of a list, in the order that is asked for. A page begins behind the last item of the one before, whatever was
 * added or taken away meanwhile; items that are equal by all that is asked for are ordered by their id.
 *
 * @throws EnergyError `api.sort-unknown`, `api.cursor-unfit` where the cursor is that of another order
 */
export function pageOf<T>(
	items: Iterable<T>,
	listing: Listing<T>,
	{ sort, limit, cursor }: ListRequest,
): { items: T[]; nextCursor?: string } {
	const wanted = sortFrom(sort, Object.keys(listing.fields));
	const steps = stepsOf(listing, wanted);
	const placeOf = (item: T): Key[] =>
		wanted.length > 0
			? [...steps.map(({ of }) => of(item)), listing.id(item)]
			: [...listing.usual(item), listing.id(item)];
	const compare = (a: readonly Key[], b: readonly Key[]): number => comparePlaces(a, b, steps);
	const after = cursor === undefined ? undefined : placeFrom(cursor, wanted);
	const placed = [...items].map((item) => ({ item, place: placeOf(item) }));
	if (after && placed[0] && placed[0].place.length !== after.length) throw unfit(cursor ?? "");
	const rest = after ? placed.filter(({ place }) => compare(place, after) > 0) : placed;
	const page = rest.sort((a, b) => compare(a.place, b.place)).slice(0, limit);
	const last = rest.length > limit ? page.at(-1) : undefined;
	return {
		items: page.map(({ item }) => item),
		...(last && { nextCursor: Buffer.from(JSON.stringify([wanted.join(","), last.place])).toString("base64url") }),
	};
}

/**
 * What a caller wants to sort by.
 *
 * @throws EnergyError `api.sort-unknown`
 */
export function sortFrom(value: unknown, known: readonly string[]): string[] {
	if (value === undefined || value === null || value === "") return [];
	const names = (Array.isArray(value) ? value : String(value).split(",")).map((name: unknown) => String(name).trim());
	for (const name of names) {
		if (!known.includes(name.replace(/^-/, ""))) {
			throw new EnergyError("api.sort-unknown", { field: "sort", value: name, rule: known.join(", ") });
		}
	}
	return names;
}

/**
 * Whether the newest come first, for lists that a store reads along its index of time. `sort` says more than the older
 * parameter `order`.
 *
 * @param field what the list calls its time
 * @throws EnergyError `api.sort-unknown`
 */
export function orderFrom(
	{ sort, order }: Readonly<Record<string, unknown>>,
	usual: "asc" | "desc",
	field = "time",
): "asc" | "desc" {
	const [wanted] = sortFrom(sort, [field]);
	if (wanted !== undefined) return wanted.startsWith("-") ? "desc" : "asc";
	return order === "asc" || order === "desc" ? order : usual;
}

function stepsOf<T>({ fields }: Listing<T>, wanted: readonly string[]): Step<T>[] {
	return wanted.flatMap((name) => {
		const of = fields[name.replace(/^-/, "")];
		return of ? [{ of, sign: name.startsWith("-") ? (-1 as const) : (1 as const) }] : [];
	});
}

function comparePlaces<T>(a: readonly Key[], b: readonly Key[], steps: readonly Step<T>[]): number {
	for (const [index, one] of a.entries()) {
		const other = b[index] ?? null;
		if (one === other) continue;
		if (one === null) return 1;
		if (other === null) return -1;
		return (one < other ? -1 : 1) * (steps[index]?.sign ?? 1);
	}
	return 0;
}

const unfit = (cursor: string): EnergyError =>
	new EnergyError("api.cursor-unfit", { field: "cursor", value: cursor.slice(0, 100) });

function placeFrom(cursor: string, wanted: readonly string[]): Key[] {
	let found: unknown;
	try {
		found = JSON.parse(Buffer.from(cursor, "base64url").toString("utf8"));
	} catch {
		throw unfit(cursor);
	}
	const [sort, place] = Array.isArray(found) ? (found as unknown[]) : [];
	const isPlace = Array.isArray(place) && place.length > 0 && place.every(isKey);
	if (sort !== wanted.join(",") || !isPlace) throw unfit(cursor);
	return place;
}

const isKey = (value: unknown): value is Key =>
	value === null || ["string", "number", "boolean"].includes(typeof value);
