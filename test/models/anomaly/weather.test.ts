import assert from "node:assert/strict";
import type { Reading } from "../../../lib/telemetry/reading.ts";
import { Featurizer, freshMemory } from "../../../models/anomaly/features.ts";
import { machineModelKind } from "../../../models/anomaly/machine-model.ts";
import { columnsOf } from "../../../models/anomaly/readings.ts";
import { MachineWatch } from "../../../models/anomaly/watch.ts";
import { WeatherDependence } from "../../../models/anomaly/weather.ts";
import { Random } from "../../../models/random.ts";

const DAY = 1_440;
const MINUTE_MS = 60_000;
/** A Monday. */
const FROM_MS = Date.UTC(2026, 9, 5);
const DAYS = 28;

/** Warmest at three, each day by its own weather. */
const outside = (minute: number): number => {
	const day = Math.floor(minute / DAY);
	const weather = 6 * Math.sin(day * 1.7) + 3 * Math.sin(day * 0.6);
	return 18 + weather + 5 * Math.sin(((minute % DAY) / DAY) * 2 * Math.PI - 2.36);
};
const works = (minute: number): boolean => {
	const hour = Math.floor((minute % DAY) / 60);
	return Math.floor(minute / DAY) % 7 < 5 && hour >= 8 && hour < 18;
};

/** A chiller: 2 kW a degree above 15 °C in a shift, 0.5 else. */
function chiller(fromDay: number, days: number, change: (minute: number) => number = () => 1): Reading[] {
	const random = new Random(1 + fromDay);
	return Array.from({ length: days * DAY }, (_, n) => {
		const minute = fromDay * DAY + n;
		const airC = outside(minute);
		const warm = Math.max(0, airC - 15);
		const kw = (works(minute) ? 30 + 2 * warm : 10 + 0.5 * warm) * (1 + 0.04 * (random.unit() - 0.5));
		return {
			...{ site: "demo", machine: "chiller", timeMs: FROM_MS + minute * MINUTE_MS, state: "running" },
			...{ powerKw: kw * change(minute), temperatureC: Math.round(airC * 10) / 10 },
		};
	});
}

function learnt(readings: readonly Reading[]): WeatherDependence | undefined {
	const { powerKw, temperatureC, timeMs } = columnsOf(readings);
	const hours = Uint8Array.from(timeMs, (ms) => Math.floor((ms - FROM_MS) / 3_600_000) % 168);
	const days = Int32Array.from(timeMs, (ms) => Math.floor((ms - FROM_MS) / 86_400_000));
	return WeatherDependence.fit(powerKw, temperatureC, hours, days);
}

describe("how power follows the weather", () => {
	it("is found out: kW a degree in a shift and beside it, from the balance point on", () => {
		const weather = learnt(chiller(0, DAYS));
		assert(weather);
		const perDegree = (hour: number): number => (weather.at(24, hour) - weather.at(20, hour)) / 4;
		assert(Math.abs(perDegree(10) - 2) < 0.2, String(perDegree(10)));
		assert(Math.abs(perDegree(3) - 0.5) < 0.1, String(perDegree(3)));
		assert(Math.abs(weather.at(11, 10) - weather.at(9, 10)) < 0.3, "nothing to cool below the balance point");
		const copy = WeatherDependence.fromState(structuredClone(weather.state));
		assert.equal(copy.at(22, 12), weather.at(22, 12));
	});
	it("adds nothing where the temperature is not known, and is believed only a little beyond what was seen", () => {
		const weather = learnt(chiller(0, DAYS));
		assert.equal(weather?.at(Number.NaN, 10), 0);
		assert.equal(weather?.at(60, 10), weather?.at(45, 10));
	});
	it("is none where the temperature is the machine's own, at once or an hour behind its power", () => {
		for (const lag of [0, 45]) {
			const own = chiller(0, DAYS).map((one, minute) => ({
				...one,
				temperatureC: 40 + (works(Math.max(0, minute - lag)) ? 25 : 0) + outside(minute) / 10,
			}));
			assert.equal(learnt(own), undefined, `lag ${lag}`);
		}
	});
	it("is none where the weather says nothing of power, and where too few days are known", () => {
		const random = new Random(3);
		assert.equal(learnt(chiller(0, DAYS).map((one) => ({ ...one, powerKw: 20 + random.unit() }))), undefined);
		assert.equal(learnt(chiller(0, 6)), undefined);
	});
});

describe("a chiller's model", () => {
	it("is quiet in warmer weather, finds what the weather does not explain, and says powers as they are", function () {
		this.timeout(60_000);
		const outcome = machineModelKind.fit(
			columnsOf(chiller(0, DAYS)),
			{ timeZone: "UTC" },
			{ seed: 1, progress: () => undefined },
		);
		assert(!(outcome instanceof Promise));
		const watching = (): MachineWatch => {
			const watch = new MachineWatch(100);
			watch.use(outcome.model, "m");
			return watch;
		};
		assert.deepEqual(watching().add(chiller(DAYS, 14)).alerts, []);
		// A Tuesday from ten on: a fifth more than the weather asks for.
		const begins = (DAYS + 1) * DAY + 600;
		const faulty = chiller(DAYS, 2, (minute) => (minute >= begins ? 1.2 : 1));
		const { scored, alerts } = watching().add(faulty);
		const [first] = alerts;
		assert(first && first.timeMs >= FROM_MS + begins * MINUTE_MS, JSON.stringify(first));
		assert(first.timeMs < FROM_MS + (begins + 180) * MINUTE_MS, "within three hours");
		const part = first.contributions.find(({ feature }) => /Gap$/.test(feature) && !/Factor|temperature/.test(feature));
		assert(part && "usual" in part, JSON.stringify(first.contributions));
		const expected = 30 + 2 * Math.max(0, outside((first.timeMs - FROM_MS) / MINUTE_MS) - 15);
		assert(Math.abs(part.usual - expected) < 0.15 * expected, `${part.usual} beside ${expected}`);
		const excessKw = scored[DAY + 14 * 60]?.excessKw ?? 0;
		assert(excessKw > 0.1 * expected && excessKw < 0.3 * expected, `${excessKw} of ${expected}`);
	});
	it("is read back with what it knows of the weather", () => {
		const { featurizer } = Featurizer.learn(columnsOf(chiller(0, DAYS)), "UTC");
		const copy = Featurizer.fromState(featurizer.state);
		const later = columnsOf(chiller(DAYS, 1));
		const added = (one: Featurizer): readonly number[] =>
			Array.from(one.apply(later, freshMemory()).means[0]?.weatherKw ?? []).filter(Number.isFinite);
		assert.deepEqual(added(copy), added(featurizer));
		assert(added(featurizer).some((kw) => Math.abs(kw) > 0.5));
	});
});
