import type { Reading } from "../../lib/telemetry/reading.ts";

/** Thresholds that watch a machine without a model, and beside one. */
export interface RuleOptions {
	/** kW above which a machine draws too much; default 110 % of its rating, 200 kW where it has none. */
	powerThresholdKw?: number;
}

const POWER_SHARE_OF_RATING = 1.1;
const POWER_WITHOUT_RATING_KW = 200;

export interface RuleVerdict {
	/** 0…1: 0.7 at the threshold, 1 from 1.43 times it. */
	score: number;
	/** `power` above its threshold, or the machine itself says that it has a fault. */
	rule: "power" | "state";
	limitKw: number;
}

export function powerThresholdOf(ratedKw: number | undefined, { powerThresholdKw }: RuleOptions): number {
	return powerThresholdKw ?? (ratedKw ? POWER_SHARE_OF_RATING * ratedKw : POWER_WITHOUT_RATING_KW);
}

/** Judges one reading by thresholds alone. */
export function ruleScore(reading: Reading, limitKw: number): RuleVerdict {
	const byPower = Math.min(1, 0.7 * (Math.max(0, reading.powerKw ?? 0) / limitKw));
	if (reading.state === "fault" && byPower < 0.9) return { score: 0.9, rule: "state", limitKw };
	return { score: byPower, rule: "power", limitKw };
}
