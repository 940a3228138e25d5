import assert from "node:assert/strict";
import { readData } from "../../../lib/data.ts";
import { EnergyError } from "../../../lib/errors.ts";
import { explain } from "../../../lib/messages.ts";
import type { TariffBook } from "../../../lib/tariff/book.ts";
import { checkBook, type Problem } from "../../../lib/tariff/check.ts";
import { shippedBooks, shippedTariffs, tariffsWith } from "../../../lib/tariff/registry.ts";
import { dynamicBook, simpleBook } from "../../../lib/tariff/simple.ts";

const kepco = (): TariffBook => structuredClone(readData<TariffBook>("lib/tariff/data/kepco.json"));

/** Problems of the shipped book after a change for the worse. */
function problemsAfter(spoil: (book: TariffBook) => void): Problem[] {
	const book = kepco();
	spoil(book);
	try {
		checkBook(book, "spoilt.json");
	} catch (error) {
		assert.ok(error instanceof EnergyError);
		assert.equal(error.code, "tariff.file");
		assert.ok(explain(error, "ko").includes("spoilt.json"));
		return error.details.problems as Problem[];
	}
	return [];
}

describe("the shipped tariffs", () => {
	const tariffs = shippedTariffs();
	it("have every contract, voltage and option of the rate book", () => {
		const of = (contract: string): string[] => tariffs.ids().filter((id) => id.startsWith(`kepco/${contract}/`));
		assert.equal(of("industrial-b").length, 9);
		assert.equal(of("industrial-a2").length, 4);
		assert.equal(of("general-b").length, 6);
	});
	it("have their versions, each with a source and how far to trust it", () => {
		const versions = (id: string): string[] => tariffs.get(id).versions.map(({ effective }) => effective);
		assert.deepEqual(versions("kepco/industrial-b/high-c/III"), [
			"2023-05-16",
			"2023-11-09",
			"2024-10-24",
			"2026-04-16",
		]);
		assert.deepEqual(versions("kepco/industrial-a2/high-b/II"), ["2024-10-24", "2026-06-01"]);
		assert.deepEqual(versions("kepco/general-b/high-b/III"), ["2023-05-16", "2026-06-01"]);
		for (const { versions: all } of kepco().contracts)
			for (const { source } of all) assert.ok(source.text && source.confidence);
	});
	it("changed the hours of 일반용(을) and 산업용(갑)Ⅱ, not their rates", () => {
		for (const id of ["kepco/general-b/high-a/II", "kepco/industrial-a2/high-a/I"]) {
			const [before, after] = tariffs.get(id).versions;
			assert.deepEqual(before?.rates, after?.rates);
			assert.notEqual(before?.scheduleName, after?.scheduleName);
		}
	});
	it("name what looks alike where an id is unknown", () =>
		assert.throws(
			() => tariffs.get("kepco/industrial-b/high-d/I"),
			(error: EnergyError) => String(error.details.known).includes("kepco/industrial-b/high-a/I"),
		));
});

describe("a tariff file that doesn't fit", () => {
	it("is told path, value and rule, everything at once", () => {
		const problems = problemsAfter((book) => {
			Object.assign(book, { currency: "won", colour: "green" });
			Object.assign(book.contracts[0]?.versions[0] ?? {}, { effective: "yesterday" });
		});
		assert.deepEqual(
			problems.map(({ path, value }) => [path, value]).sort(),
			[
				["/colour", "colour"],
				["/contracts/0/versions/0/effective", "yesterday"],
				["/currency", "won"],
			].sort(),
		);
		for (const { rule } of problems) assert.ok(rule.length > 5);
	});
	it("must give every quarter-hour exactly one band", () => {
		const [problem] = problemsAfter((book) => {
			const period = book.schedules["reform-2026"]?.periods[0];
			if (period) period.hours["on-peak"] = ["15:00-20:45"];
		});
		assert.equal(problem?.path, "/schedules/reform-2026/periods/0/hours");
		assert.match(problem?.rule ?? "", /20:45/);
	});
	it("must put every month into one season and price every band of it", () => {
		const problems = problemsAfter((book) => {
			const seasons = book.schedules["hours-2013"]?.seasons;
			if (seasons) seasons.summer = [6, 7];
			delete book.contracts[0]?.versions[0]?.rates["high-a/I"]?.energy.winter?.["on-peak"];
		});
		assert.deepEqual(
			problems.map(({ path }) => path),
			["/schedules/hours-2013/seasons", "/contracts/0/versions/0/rates/high-a~1I/energy/winter"],
		);
	});
	it("must name bands, schedules and charges that exist, versions in order", () => {
		const problems = problemsAfter((book) => {
			const [contract] = book.contracts;
			contract?.versions.reverse();
			if (contract?.versions[0]) contract.versions[0].schedule = "nowhere";
			if (book.terms.demand[0]) book.terms.demand[0].bands = ["shoulder"];
		});
		const paths = problems.map(({ path }) => path);
		assert.ok(paths.includes("/contracts/0/versions/0/schedule"));
		assert.ok(paths.includes("/contracts/0/versions/1/effective"));
		assert.ok(paths.includes("/terms/demand/0/bands"));
	});
});

describe("what is taken without a check", () => {
	for (const path of shippedBooks) {
		it(`fits: ${path}`, () => {
			assert.ok(checkBook(readData(path), path));
		});
	}
});

describe("tariffs from elsewhere", () => {
	it("the configuration's two rates multiply the base rate", () => {
		const book = simpleBook({
			baseRateKrwPerKwh: 120,
			touPeakRate: 1.5,
			touOffPeakRate: 0.7,
			peakHours: ["10:00-12:00", "13:00-17:00"],
		});
		const tariff = tariffsWith({ book, origin: "configuration" }).get("simple/two-rate");
		assert.deepEqual(tariff.versions[0]?.rates.energy.year, { "off-peak": 84, "on-peak": 180 });
		assert.throws(() => simpleBook({ baseRateKrwPerKwh: 120, touPeakRate: -1, touOffPeakRate: 1 }), {
			code: "tariff.simple-rates",
		});
		assert.throws(
			() => simpleBook({ baseRateKrwPerKwh: 120, touPeakRate: 1, touOffPeakRate: 1, peakHours: ["9-21"] }),
			{
				code: "tariff.simple-rates",
			},
		);
	});
	it("dynamic prices need no rates of their own", () => {
		assert.ok(checkBook(dynamicBook(), "dynamic"));
	});
});
