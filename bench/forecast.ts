// `npm run bench -- forecast --csv FILE --train-until ISO [--horizon day|1h|15min]`: our learners, the ensemble and the
// baselines beside scikit-learn and XGBoost on the same rows of features, with and without a known operating plan (`--plan known|unknown`: only so); the
// speed of each (`--speed [boosting,forest,lstm,serving]` alone, `--quick` without); the gain of issuing again through the day. `--etth DIR`: the ETTh1 protocol.
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dayNumberOf } from "../lib/calendar/civil.ts";
import { koreanHolidays } from "../lib/calendar/holidays.ts";
import { QUARTER_HOUR_MS } from "../lib/telemetry/interval.ts";
import {
	FeatureBuilder as Builder,
	dayMeansOf,
	type FeatureBuilder,
	featureNames,
	operatingLevelOf,
} from "../models/forecast/features.ts";
import { type Horizon, knownPairs, type Pairs, pairsOf } from "../models/forecast/horizon.ts";
import {
	baselines,
	columnOf,
	type HorizonModel,
	memberNames,
	predictHorizon,
	trainHorizon,
} from "../models/forecast/horizon-model.ts";
import { type Bounds, issueNumber, learnsFrom, RollingIntervals } from "../models/forecast/rolling-intervals.ts";
import { CalendarGrid } from "../models/forecast/series.ts";
import type { Figures } from "./run.ts";
import { etth } from "./support/forecast-etth.ts";
import { measure, round } from "./support/forecast-measures.ts";
import { askPeers, type PeerName } from "./support/forecast-peers.ts";
import { speed } from "./support/forecast-speed.ts";

const horizons: Record<string, Horizon> = {
	day: { name: "day", fromLead: 1, toLead: 96, issueEvery: 96 },
	"1h": { name: "1h", fromLead: 4, toLead: 4, issueEvery: 1 },
	"15min": { name: "15min", fromLead: 1, toLead: 1, issueEvery: 1 },
};
const accuracyPeers: PeerName[] = ["scikit-learn HistGradientBoosting", "XGBoost pseudo-Huber"];
const WARM_UP_DAYS = 28;
const SHARE = 0.9;

interface Plant {
	grid: CalendarGrid;
	values: Float64Array;
	trainEnd: number;
	plan: Float64Array;
	operatingLevel: number;
}

export default async function bench(args: readonly string[]): Promise<Figures> {
	const option = (name: string): string | undefined => {
		const at = args.indexOf(name);
		return at < 0 ? undefined : args[at + 1];
	};
	const figures: Figures = {};
	const csv = option("--csv");
	if (csv) {
		const plant = plantOf(csv, option("--train-until") ?? "2018-08-31");
		const wanted = option("--horizon") ?? "day,1h,15min";
		for (const name of args.includes("--speed") ? [] : wanted.split(",")) {
			const horizon = horizons[name];
			if (!horizon) throw new Error(`--horizon is one of ${Object.keys(horizons).join(", ")}`);
			const plans = { known: [true], unknown: [false] }[option("--plan") ?? ""] ?? [false, true];
			for (const known of plans) {
				figures[`${name}${known ? ", operating plan known" : ""}`] = await accuracy(plant, horizon, known);
			}
			if (name === "day" && !args.includes("--quick")) figures["day, issued again"] = await reissues(plant);
		}
		if (!args.includes("--quick") || args.includes("--speed"))
			figures.speed = await speed(speedRows(plant), /^[a-z,]+$/.exec(option("--speed") ?? "")?.[0]);
	}
	const folder = option("--etth");
	if (folder) figures.etth = await etth(folder);
	if (!csv && !folder) throw new Error("needs --csv FILE --train-until ISO, or --etth DIR");
	return figures;
}

/** One series of the steel format: times follow from the row's index, because the file's labels are interval ends. */
function plantOf(path: string, trainUntil: string): Plant {
	const lines = readFileSync(path, "utf8").trim().split(/\r?\n/).slice(1);
	const values = Float64Array.from(lines, (line) => {
		const field = line.split(",")[1];
		return field?.trim() ? Number(field) : Number.NaN;
	});
	const [, day, month, year, hour, minute] = /^(\d\d)[-/](\d\d)[-/](\d{4}) (\d\d):(\d\d)/.exec(lines[0] ?? "") ?? [];
	if (!year) throw new Error(`${path}: the first row has no time DD-MM-YYYY HH:MM`);
	const local = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute));
	const startMs = local - 9 * 3_600_000 - QUARTER_HOUR_MS;
	const korea = koreanHolidays();
	const firstKnown = dayNumberOf(2018, 1, 1);
	const holidays = { isHoliday: (date: number) => date >= firstKnown && korea.isHoliday(date) };
	const grid = new CalendarGrid(startMs, QUARTER_HOUR_MS, values.length, { timeZone: "Asia/Seoul", holidays });
	const end = /T/.test(trainUntil) ? Date.parse(trainUntil) : Date.parse(`${trainUntil}T24:00:00+09:00`);
	const trainEnd = Math.round((end - startMs) / QUARTER_HOUR_MS);
	if (!(trainEnd > 0 && trainEnd < values.length))
		throw new Error(`--train-until ${trainUntil} leaves nothing to test`);
	const operatingLevel = operatingLevelOf(dayMeansOf(grid, values, trainEnd));
	const means = dayMeansOf(grid, values, values.length);
	const plan = Float64Array.from(grid.day, (d) => ((means[d] ?? Number.NaN) >= operatingLevel ? 1 : 0));
	return { grid, values, trainEnd, plan, operatingLevel };
}

const builderOf = ({ grid, values, operatingLevel, plan }: Plant, known: boolean): FeatureBuilder =>
	new Builder(grid, values, { operatingLevel, known: known ? ["plan"] : [] }, known ? { plan } : {});

function testPairs({ grid, values, trainEnd }: Plant, horizon: Horizon): Pairs {
	const pairs = knownPairs(pairsOf(grid, horizon, trainEnd - horizon.toLead, values.length), values);
	const keep = [...pairs.targets.keys()].filter((i) => (pairs.targets[i] as number) >= trainEnd);
	return {
		origins: Int32Array.from(keep, (i) => pairs.origins[i] as number),
		targets: Int32Array.from(keep, (i) => pairs.targets[i] as number),
	};
}

/** Rows enough for the fit times that are published: two issues a day. */
function speedRows(plant: Plant) {
	const builder = builderOf(plant, false);
	const rows = (pairs: Pairs) => ({
		x: builder.matrix(pairs.origins, pairs.targets),
		y: Float64Array.from(pairs.targets, (target) => plant.values[target] as number),
	});
	const twice: Horizon = { ...(horizons.day as Horizon), issueEvery: 48 };
	const train = pairsOf(plant.grid, twice, WARM_UP_DAYS * 96, plant.trainEnd);
	return { train: rows(knownPairs(train, plant.values)), test: rows(testPairs(plant, horizons.day as Horizon)) };
}

async function train(plant: Plant, builder: FeatureBuilder, horizon: Horizon): Promise<HorizonModel> {
	const { grid, values, trainEnd } = plant;
	const options = { seed: 1, share: SHARE, from: WARM_UP_DAYS * 96, to: trainEnd };
	const model = await trainHorizon(builder, grid, values, horizon, options);
	if (!model) throw new Error("too little data to train on");
	return model;
}

async function accuracy(plant: Plant, horizon: Horizon, known: boolean): Promise<Figures> {
	const { grid, values, trainEnd } = plant;
	const builder = builderOf(plant, known);
	const names = featureNames(builder.spec);
	const started = performance.now();
	const model = await train(plant, builder, horizon);
	const fitSeconds = (performance.now() - started) / 1_000;
	const pairs = testPairs(plant, horizon);
	const x = builder.matrix(pairs.origins, pairs.targets);
	const actual = Float64Array.from(pairs.targets, (target) => values[target] as number);
	const answers = predictHorizon(model, { x, names, view: { grid, values, plan: builder.plan }, pairs });
	const issued = issueIntervals(model, plant, pairs, answers);
	const rows = [
		{ what: "ensemble", ...measure(answers.forecast, actual, issued), fitSeconds: round(fitSeconds) },
	] as Figures[];
	for (const [k, id] of memberNames(model).entries()) {
		rows.push({ what: id, ...measure(answers.learners[k] as Float64Array, actual) });
	}
	for (const [name, column] of Object.entries(baselines)) {
		rows.push({ what: name, ...measure(columnOf(x, names.indexOf(column)), actual) });
	}
	const pastPairs = knownPairs(pairsOf(grid, horizon, WARM_UP_DAYS * 96, trainEnd), values);
	const past = {
		x: builder.matrix(pastPairs.origins, pastPairs.targets),
		y: Float64Array.from(pastPairs.targets, (target) => values[target] as number),
	};
	const peers = askPeers(accuracyPeers, past, x, availableParallelism());
	for (const { name, forecast, fitSeconds } of peers) {
		rows.push({ what: name, ...measure(forecast, actual), fitSeconds: round(fitSeconds) });
	}
	const best = Math.min(...peers.map(({ forecast }) => measure(forecast, actual).mae));
	return {
		trainRows: past.y.length,
		testRows: actual.length,
		...(peers.length > 0 ? { maeRatioToBetterPeer: round(measure(answers.forecast, actual).mae / best, 4) } : {}),
		combinedBy: model.combination.by,
		weights: Object.fromEntries(
			memberNames(model).map((id, k) => [id, round(model.combination.weights[k] as number, 3)]),
		),
		backtestMae: Object.fromEntries(Object.entries(model.backtest).map(([name, mae]) => [name, round(mae, 3)])),
		errors: rows,
	};
}

/**
 * Intervals as they would have been issued, by the very class that serves: each issue knows only the values before it,
 * and what it said is learned from when its time has passed.
 */
function issueIntervals(model: HorizonModel, { grid, values }: Plant, { origins, targets }: Pairs, bounds: Bounds) {
	const { horizon, floor, intervals } = model;
	const rolling = new RollingIntervals(SHARE, floor, intervals);
	const lower = new Float64Array(targets.length);
	const upper = new Float64Array(targets.length);
	const at = (i: number): number => grid.startMs + i * grid.stepMs;
	const valueAt = (ms: number): number => values[(ms - grid.startMs) / grid.stepMs] ?? Number.NaN;
	for (const [row, target] of targets.entries()) {
		const origin = origins[row] as number;
		if (origin !== origins[row - 1]) rolling.settle(at(origin), valueAt);
		const learned = [bounds.lower[row] as number, bounds.upper[row] as number] as const;
		const issue = issueNumber(at(origin), grid.stepMs, horizon);
		const [low, high] = learnsFrom(horizon, grid.perDay, issue, target - origin + 1)
			? rolling.issue(at(target), ...learned)
			: rolling.bounds(...learned);
		lower[row] = low;
		upper[row] = high;
	}
	return { lower, upper };
}

/** The rest of the day forecast anew every two hours, beside what was said of it at midnight. */
async function reissues(plant: Plant): Promise<Figures[]> {
	const { grid, values } = plant;
	const builder = builderOf(plant, false);
	const names = featureNames(builder.spec);
	const horizon: Horizon = { name: "rest of the day", fromLead: 1, toLead: 96, issueEvery: 8, sameDay: true };
	const model = await train(plant, builder, horizon);
	const pairs = testPairs(plant, horizon);
	const x = builder.matrix(pairs.origins, pairs.targets);
	const actual = Float64Array.from(pairs.targets, (target) => values[target] as number);
	const { forecast } = predictHorizon(model, { x, names, view: { grid, values, plan: builder.plan }, pairs });
	const atMidnight = new Map<number, number>();
	for (const [i, target] of pairs.targets.entries()) {
		if (grid.slot[pairs.origins[i] as number] === 0) atMidnight.set(target, forecast[i] as number);
	}
	const rows: Figures[] = [];
	for (let slot = 0; slot < grid.perDay; slot += horizon.issueEvery) {
		const own = [...pairs.targets.keys()].filter((i) => grid.slot[pairs.origins[i] as number] === slot);
		const now = Float64Array.from(own, (i) => forecast[i] as number);
		const before = Float64Array.from(own, (i) => atMidnight.get(pairs.targets[i] as number) ?? Number.NaN);
		const real = Float64Array.from(own, (i) => actual[i] as number);
		const maeNow = measure(now, real).mae;
		const maeBefore = measure(before, real).mae;
		rows.push({
			issuedAt: `${slot / 4}:00`,
			mae: maeNow,
			maeOfMidnight: maeBefore,
			gain: round(1 - maeNow / maeBefore),
		});
	}
	return rows;
}
