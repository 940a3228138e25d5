import assert from "node:assert/strict";
import type { Signal } from "../../../lib/alarms/book.ts";
import { type RuleRow, rulesOf } from "../../../lib/alarms/rules.ts";
import { Sentinel } from "../../../lib/alarms/sentinel.ts";
import { causeText } from "../../../lib/alarms/words.ts";
import { start } from "./signals.ts";

const machines = [
	{ id: "main", name: "Main meter", area: "grid", role: "main" as const },
	{ id: "compressor-1", name: "Compressor 1", area: "utilities", role: "sub" as const, ratedKw: 75 },
	{ id: "mill-1", name: "Mill 1", area: "rolling", role: "sub" as const, ratedKw: 320 },
];
const site = { id: "demo", machines, unknownMachines: "reject" as const };
const sentinel = (...rows: Partial<RuleRow>[]): Sentinel => new Sentinel(site, rulesOf(rows, site));
const reading = (more = {}) => ({ site: "demo", machine: "compressor-1", timeMs: start, ...more });
const only = (signals: readonly Signal[]): Signal => {
	assert.equal(signals.length, 1);
	return signals[0] as Signal;
};

describe("the rules over what comes in", () => {
	it("watch each machine by itself, and only the machines that they name", () => {
		const guard = sentinel({ id: "hot", condition: "temperatureC > 90", machines: "mill-1" });
		assert.deepEqual(guard.read(reading({ temperatureC: 99 }), undefined, start), []);
		assert.equal(only(guard.read(reading({ machine: "mill-1", temperatureC: 99 }), undefined, start)).on, true);
	});

	it("know a machine's load in per cent of its rating, and what is above the limit", () => {
		const guard = sentinel({ id: "overload", condition: "loadPercent > 110 clears 105" });
		const said = only(guard.read(reading({ powerKw: 90 }), undefined, start));
		assert.equal(said.on, true);
		assert.ok(Math.abs((said.excessKw ?? 0) - 7.5) < 1e-9, "90 kW less 110 % of 75 kW");
		assert.equal(causeText(said.cause, "en-US"), "Load is 120 %, above 110 %.");
		assert.equal(causeText(said.cause, "ko"), "부하율(정격 대비) 120 %, 기준 110 % 초과");
	});

	it("take the score and the efficiency beside the reading", () => {
		const guard = sentinel(
			{ id: "score", condition: "score >= 0.7" },
			{ id: "efficiency", condition: "efficiency < 0.7" },
		);
		const signals = guard.read(reading({ powerKw: 60, score: 0.8 }), { efficiency: 0.5 }, start);
		assert.deepEqual(
			signals.map(({ on, excessKw }) => [on, excessKw]),
			[
				[true, null],
				[true, 30],
			],
		);
	});

	it("are not raised by history, by bad values, or by what comes out of order", () => {
		const guard = sentinel({ id: "high", condition: "powerKw > 50" });
		assert.deepEqual(guard.read(reading({ powerKw: 99 }), undefined, start + 600_000), []);
		assert.deepEqual(guard.read(reading({ powerKw: 99, quality: "bad" }), undefined, start), []);
		assert.equal(only(guard.read(reading({ powerKw: 10 }), undefined, start)).on, false);
		assert.deepEqual(guard.read(reading({ powerKw: 99, timeMs: start - 1 }), undefined, start), []);
	});

	it("forget what was told too long ago instead of mixing it with now", () => {
		const guard = sentinel({ id: "both", condition: "powerKw > 50 and state is idle" });
		guard.read(reading({ powerKw: 10, state: "idle" }), undefined, start);
		const later = start + 400_000;
		assert.equal(only(guard.read(reading({ powerKw: 60, timeMs: later }), undefined, later)).on, null);
	});

	it("say when a machine's state explains what is seen", () => {
		const guard = sentinel({ id: "pf", condition: "powerFactor < 0.85", suppressWhen: "off, idle, starting" });
		const said = only(guard.read(reading({ powerFactor: 0.5, state: "idle" }), undefined, start));
		assert.equal(said.on, true);
		assert.equal(said.suppress, "state:idle");
	});

	it("make one alarm of an anomaly, with its cause, its urgency and its waste", () => {
		const guard = sentinel({ id: "anomaly", source: "anomaly" });
		const contributions = [{ feature: "powerKw", value: 68.4, usual: 51.2 }];
		const alert = { machine: "compressor-1", score: 0.913, method: "ensemble", contributions, excessKw: 17.2 };
		const critical = only(guard.alert({ ...alert, level: "critical" }, start));
		assert.deepEqual([critical.on, critical.priority, critical.excessKw], [true, "high", 17.2]);
		assert.equal(causeText(critical.cause, "en-US"), "Power is 68.4 kW, usually 51.2 kW at this time: score 0.91.");
		assert.equal(only(guard.alert({ ...alert, level: "normal" }, start)).on, false);
	});

	it("tell a mean of power in kW beside what it usually is, in both languages", () => {
		const guard = sentinel({ id: "anomaly", source: "anomaly" });
		const contributions = [{ feature: "meanGap", value: 43.2, usual: 22.5, deviations: 12 }];
		const alert = { machine: "compressor-1", score: 0.94, method: "ensemble", contributions, excessKw: 20.7 };
		const { cause } = only(guard.alert({ ...alert, level: "critical" }, start));
		const kw = "Mean power of the last half-hour is 43.2 kW, usually 22.5 kW at this time: score 0.94.";
		assert.equal(causeText(cause, "en-US"), kw);
		assert.match(causeText(cause, "ko"), /최근 30분 평균 전력 43\.2 kW, 이 시간대 평소 22\.5 kW보다 높음/);
	});

	it("follow the scored readings of an anomaly: it keeps the cause of its beginning, its excess is a mean", () => {
		const guard = sentinel({ id: "anomaly", source: "anomaly" });
		const anomaly = { machine: "compressor-1", level: "warning" as const, score: 0.8, method: "ensemble" };
		const say = (second: number, feature: string, excessKw: number | null) => {
			const timeMs = start + second * 1000;
			const contributions = [{ feature, value: 4, usual: 0, deviations: 12.34 }];
			return only(
				guard.read(
					reading({ powerKw: 60, timeMs, anomaly: { ...anomaly, contributions, excessKw } }),
					undefined,
					timeMs,
				),
			);
		};
		const first = say(0, "powerGap", 20);
		assert.equal(
			causeText(first.cause, "en-US"),
			"Power for this hour and state: 12.34 times its usual spread above usual; score 0.8.",
		);
		const later = say(60, "unchanged", null);
		assert.deepEqual(later.cause, first.cause);
		assert.ok((later.excessKw ?? 0) > 10 && (later.excessKw ?? 0) < 15, `${later.excessKw}`);
	});

	it("say in the words of a limit what a rule of anomaly detection found", () => {
		const guard = sentinel({ id: "anomaly", source: "anomaly" });
		const alert = { machine: "mill-1", level: "critical" as const, score: 1, method: "rules", excessKw: 20 };
		const over = guard.alert({ ...alert, contributions: [{ feature: "powerKw", value: 372, limit: 352 }] }, start);
		assert.equal(causeText(only(over).cause, "en-US"), "Power is 372 kW, above 352 kW.");
		const ends = guard.alert({ ...alert, level: "normal", contributions: [] }, start);
		assert.equal(only(ends).on, false);
		const fault = guard.alert({ ...alert, contributions: [{ feature: "state" }] }, start);
		assert.equal(only(fault).cause.code, "alarms.cause.fault");
	});

	it("raise silence of a meter and end it when it speaks again", () => {
		const guard = sentinel({ id: "silent", source: "silent" });
		const main = only(guard.silence(new Map([["main", 95]])));
		assert.deepEqual([main.machine, main.on, main.priority], ["main", true, "high"]);
		assert.deepEqual([only(guard.silence(new Map())).on, guard.silence(new Map())], [false, []]);
	});

	it("end a silence alarm of before a restart", () => {
		const guard = sentinel({ id: "silent", source: "silent" });
		guard.expect({ rule: "silent", machine: "mill-1" });
		assert.equal(only(guard.silence(new Map())).on, false);
	});

	it("hold the demand against its limit, not in the first minutes", () => {
		const guard = sentinel({ id: "demand", source: "demand", group: "site" });
		const word = { state: "watch", predictedKw: 912.3, limitKw: 880, krw: 268_736 };
		const said = only(guard.demand(word));
		assert.deepEqual([said.on, said.machine, said.group, said.priority], [true, "", "site:demo", "high"]);
		assert.match(causeText(said.cause, "ko"), /912\.3 kW.*880 kW.*₩268,736/);
		assert.equal(only(guard.demand({ ...word, state: "lockout" })).on, null);
		assert.equal(only(guard.demand({ ...word, predictedKw: 800 })).on, false);
		assert.equal(only(guard.demand({ ...word, state: "silent", predictedKw: null })).on, true);
	});

	it("name a load that does not follow demand control, until the quarter-hour is over", () => {
		const guard = sentinel({ id: "demand", source: "demand" });
		const text = { "en-US": "mill-1 still draws its power.", ko: "mill-1 전력이 줄지 않습니다." };
		const said = only(guard.demandEvent("demand.not-followed", { machine: "mill-1" }, text));
		assert.deepEqual([said.on, said.machine, causeText(said.cause, "ko")], [true, "mill-1", text.ko]);
		guard.demandEvent("demand.not-enough", { needKw: 30 }, { ko: "부족" });
		const word = { state: "shed", predictedKw: 900, limitKw: 880, krw: null };
		assert.equal(causeText(only(guard.demand(word)).cause, "ko"), "부족");
		assert.equal(only(guard.demandEvent("demand.closed", {}, undefined)).on, false);
		assert.match(causeText(only(guard.demand(word)).cause, "ko"), /900 kW/);
	});

	it("hold efficiency against the threshold of the node", () => {
		const rules = rulesOf([{ id: "efficiency", source: "efficiency" }], site, 0.8);
		const guard = new Sentinel(site, rules);
		const at = (minutes: number, efficiency: number) =>
			only(guard.read(reading({ powerKw: 60, timeMs: start + minutes }), { efficiency }, start)).on;
		assert.deepEqual([at(0, 0.82), at(1, 0.79), at(2, 0.82), at(3, 0.86)], [false, true, true, false]);
	});

	it("group by machine, area or site", () => {
		const row = { condition: "powerKw > 50" };
		const groups = (["machine", "area", "site"] as const).map(
			(group) => only(sentinel({ ...row, id: group, group }).read(reading({ powerKw: 60 }), undefined, start)).group,
		);
		assert.deepEqual(groups, ["machine:compressor-1", "area:utilities", "site:demo"]);
	});
});

describe("rules as people write them", () => {
	const row = { id: "a", condition: "powerKw > 1" };
	for (const [field, rows] of [
		["id", [{ ...row, id: "two words" }]],
		["id", [{ ...row, id: "flood" }]],
		["id", [row, row]],
		["machines", [{ ...row, machines: "nobody" }]],
		["onDelayS", [{ ...row, onDelayS: "soon" }]],
		["offDelayS", [{ ...row, offDelayS: -1 }]],
		["priority", [{ ...row, priority: "urgent" as never }]],
		["source", [{ ...row, source: "rumour" as never }]],
	] as const) {
		it(`are refused with the field: ${JSON.stringify(rows.at(-1))}`, () => {
			assert.throws(
				() => rulesOf(rows, site),
				(error: { code: string; details: { field: string } }) =>
					error.code === "alarms.bad-rule" && error.details.field === field,
			);
		});
	}
});
