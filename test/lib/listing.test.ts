import assert from "node:assert/strict";
import fc from "fast-check";
import { EnergyError } from "../../lib/errors.ts";
import { type Listing, orderFrom, pageOf, sortFrom } from "../../lib/listing.ts";

interface Item {
	id: string;
	name: string;
	size: number | null;
}

const listing: Listing<Item> = {
	fields: { name: ({ name }) => name, size: ({ size }) => size },
	usual: ({ size }) => [-(size ?? 0)],
	id: ({ id }) => id,
};
const items = fc.uniqueArray(
	fc.record({
		id: fc.stringMatching(/^[a-z]{1,4}$/),
		name: fc.constantFrom("a", "b", "가"),
		size: fc.option(fc.integer({ min: 0, max: 3 })),
	}),
	{ selector: ({ id }) => id, maxLength: 30 },
);
const sorts = fc.constantFrom(undefined, "name", "-size", "size,-name", "-name,size");

/** Every page, in turn. */
function readAll(all: readonly Item[], sort: string | undefined, limit: number): Item[] {
	const seen: Item[] = [];
	let cursor: string | undefined;
	do {
		const page = pageOf(all, listing, { sort, limit, cursor });
		assert(page.items.length <= limit);
		seen.push(...page.items);
		cursor = page.nextCursor;
	} while (cursor !== undefined);
	return seen;
}

describe("a sorted list", () => {
	it("read page by page is the whole list once, in the order that is asked for", () => {
		fc.assert(
			fc.property(items, sorts, fc.integer({ min: 1, max: 7 }), (all, sort, limit) => {
				const whole = readAll(all, sort, Number.POSITIVE_INFINITY);
				assert.deepEqual(readAll(all, sort, limit), whole);
				assert.deepEqual(new Set(whole), new Set(all));
			}),
		);
	});

	it("orders by one field, then the next, what is not known last, then by id", () => {
		const all: Item[] = [
			{ id: "5", name: "a", size: null },
			{ id: "4", name: "b", size: 1 },
			{ id: "3", name: "a", size: 2 },
			{ id: "2", name: "b", size: 2 },
			{ id: "1", name: "b", size: 2 },
		];
		const ids = (sort?: unknown) =>
			pageOf(all, listing, { sort, limit: 9 })
				.items.map(({ id }) => id)
				.join("");
		assert.equal(ids("-size,name"), "31245");
		assert.equal(ids("size"), "41235");
		assert.equal(ids(["name", "-size"]), "35124");
		assert.equal(ids(), "12345");
	});

	it("goes on behind the last item where others come and go meanwhile", () => {
		fc.assert(
			fc.property(items, items, sorts, fc.integer({ min: 1, max: 5 }), (all, late, sort, limit) => {
				const { items: first, nextCursor } = pageOf(all, listing, { sort, limit });
				const seen = new Set(first.map(({ id }) => id));
				const left = all.slice(1).filter(({ id }) => !late.some((one) => one.id === id));
				const rest = nextCursor
					? pageOf([...left, ...late], listing, { sort, limit: 99, cursor: nextCursor }).items
					: [];
				const missed = left.filter(({ id }) => !seen.has(id) && !rest.some((one) => one.id === id));
				assert.deepEqual(missed, []);
				assert.deepEqual(
					rest.filter(({ id }) => seen.has(id) && !late.some((one) => one.id === id)),
					[],
				);
			}),
		);
	});

	it("takes no cursor of another order, and none that it did not make", () => {
		const all: Item[] = [1, 2, 3].map((size) => ({ id: String(size), name: "a", size }));
		const { nextCursor: cursor = "" } = pageOf(all, listing, { sort: "-size", limit: 1 });
		const forged = Buffer.from(JSON.stringify(["-size", [1]])).toString("base64url");
		for (const [sort, given] of [
			["size", cursor],
			[undefined, cursor],
			["-size,name", cursor],
			["-size", "nonsense"],
			["-size", forged],
			["-size", Buffer.from('["-size",[{}]]').toString("base64url")],
		] as const) {
			assert.throws(() => pageOf(all, listing, { sort, limit: 1, cursor: given }), { code: "api.cursor-unfit" });
		}
	});

	it("names what it can be sorted by", () => {
		assert.throws(
			() => sortFrom("-price", ["name", "size"]),
			(error: unknown) =>
				error instanceof EnergyError && error.code === "api.sort-unknown" && error.details.rule === "name, size",
		);
		assert.throws(() => sortFrom("constructor", Object.keys(listing.fields)), { code: "api.sort-unknown" });
	});

	it("along an index of time goes one way or the other; `sort` says more than `order`", () => {
		assert.equal(orderFrom({}, "desc"), "desc");
		assert.equal(orderFrom({ order: "asc" }, "desc"), "asc");
		assert.equal(orderFrom({ order: "asc", sort: ["-time"] }, "asc"), "desc");
		assert.throws(() => orderFrom({ sort: "machine" }, "asc"), { code: "api.sort-unknown" });
	});
});
