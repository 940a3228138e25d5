import assert from "node:assert/strict";
import type { IntervalColumns } from "../../../lib/store/columns.ts";
import { encodeReadings } from "../../../lib/store/columns.ts";
import { Engine } from "../../../lib/store/sqlite/engine.ts";
import type { ColumnPage, Request, Response } from "../../../lib/store/sqlite/protocol.ts";

const HOUR = 3_600_000;
const start = Date.parse("2026-11-22T10:00:00Z");

describe("writes that share a transaction", () => {
	let engine: Engine;
	beforeEach(() => {
		engine = new Engine({ path: ":memory:", role: "writer", batchSize: 10_000, synchronous: "NORMAL" });
	});
	afterEach(() => engine.close());

	/** Asked together, as what waits for the thread is. */
	function ask(...requests: object[]): unknown[] {
		const answers: unknown[] = [];
		const numbered = requests.map((request, id) => ({ ...request, id }) as Request);
		engine.answer(numbered, (response: Response) => {
			assert("answer" in response, JSON.stringify(response));
			answers.push(response.answer);
		});
		return answers;
	}
	const write = (fromMs: number, hours: number) => ({
		operation: "write",
		argument: encodeReadings(
			Array.from({ length: hours * 60 + 1 }, (_, i) => ({
				...{ site: "works", machine: "press", timeMs: fromMs + i * 60_000, powerKw: 60 },
			})),
		),
	});
	function energies(resolution: "15min" | "hour" | "day"): number[] {
		const argument = { site: "works", fromMs: start - 48 * HOUR, toMs: start + 48 * HOUR, resolution };
		const [answer] = ask({ operation: "intervals", argument }) as ColumnPage<IntervalColumns>[];
		const { values = new Float64Array(), length = 0 } = answer?.columns ?? {};
		return Array.from(values.subarray(length, 2 * length), Math.round);
	}
	const zone = (timeZone: string) => ({ operation: "defineSite", argument: { id: "works", timeZone } });

	it("keep hours and days with their quarter-hours where old months go in the same one", () => {
		ask(zone("UTC"), write(start - 60 * 24 * HOUR, 1));
		ask(write(start, 2), { operation: "dropReadingsBefore", argument: start - 24 * HOUR });
		assert.deepEqual(energies("hour"), [60, 60, 0]);
		assert.deepEqual(energies("day"), [120]);
	});

	it("count nothing twice where the site's hours move by half of one", () => {
		ask(write(start, 2), zone("Asia/Kolkata"));
		assert.equal(
			energies("hour").reduce((sum, kwh) => sum + kwh, 0),
			120,
		);
		assert.deepEqual(energies("day"), [120]);
	});
});
