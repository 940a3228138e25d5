/** How columns are brought to one size before a learner that minds sizes sees them. */
export const scalingMethods = ["standard", "minmax", "robust", "none"] as const;

export type ScalingMethod = (typeof scalingMethods)[number];

/** What the configuration says of every training: `data.train_ratio` and `data.scaling_method`. */
export type TrainingSettings = {
	/** Share of the history, oldest first, that is fitted on; what comes after it validates. Above 0, below 1. */
	trainRatio: number;
	scaling: ScalingMethod;
};

/** As in `lib/config/schema.json`. */
export const defaultTraining: Readonly<TrainingSettings> = { trainRatio: 0.8, scaling: "standard" };
