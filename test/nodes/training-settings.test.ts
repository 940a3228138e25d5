import assert from "node:assert/strict";
import { trainingSettings } from "../../nodes/training-settings.ts";

describe("What the configuration says of trainings", () => {
	it("comes from the environment that the program hands on, and is the schema's default without it", () => {
		assert.deepEqual(trainingSettings({}), { trainRatio: 0.8, scaling: "standard" });
		assert.deepEqual(
			trainingSettings({ SMARTFACTORY_DATA_TRAIN_RATIO: "0.7", SMARTFACTORY_DATA_SCALING_METHOD: "robust" }),
			{ trainRatio: 0.7, scaling: "robust" },
		);
		assert.equal(
			trainingSettings({ SMARTFACTORY_TRAIN_RATIO: "0.6", SMARTFACTORY_MEANT_ELSEWHERE: "1" }).trainRatio,
			0.6,
		);
	});

	it("is refused with its name where it can't be used", () => {
		assert.throws(() => trainingSettings({ SMARTFACTORY_DATA_TRAIN_RATIO: "1" }), { code: "config.invalid" });
		assert.throws(() => trainingSettings({ SMARTFACTORY_DATA_SCALING_METHOD: "log" }), { code: "config.invalid" });
	});
});
