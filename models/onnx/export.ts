import type { WindowRidge } from "../forecast/linear.ts";
import type { Lstm } from "../forecast/lstm.ts";
import type { TreeEnsemble } from "../forecast/trees/tree-ensemble.ts";
import { encodeOnnx, ML_DOMAIN, type OnnxNode } from "./graph.ts";

/**
 * Trees as an ONNX model: `features` [rows, columns] and `anchor` [rows, 1] in, `forecast` [rows, 1] out. Thresholds
 * are single-precision numbers already, so every row ends in the very leaf it ends in here.
 */
export function treesToOnnx(trees: TreeEnsemble): Uint8Array {
	return encodeOnnx({
		name: "trees",
		inputs: [
			{ name: "features", shape: ["rows", trees.columns] },
			{ name: "anchor", shape: ["rows", 1] },
		],
		outputs: [{ name: "forecast", shape: ["rows", 1] }],
		nodes: [
			regressor([trees], "features", "distance"),
			{ op: "Add", inputs: ["distance", "anchor"], outputs: ["forecast"] },
		],
	});
}

/**
 * Several ensembles on the same columns as one ONNX model, so that one run answers for all of them: `features`
 * [rows, columns] in, `answers` [rows, ensembles] out, before their anchors.
 */
export function ensemblesToOnnx(ensembles: readonly TreeEnsemble[]): Uint8Array {
	return encodeOnnx({
		name: "ensembles",
		inputs: [{ name: "features", shape: ["rows", ensembles[0]?.columns ?? 0] }],
		outputs: [{ name: "answers", shape: ["rows", ensembles.length] }],
		nodes: [regressor(ensembles, "features", "answers")],
	});
}

function regressor(ensembles: readonly TreeEnsemble[], input: string, output: string): OnnxNode {
	const nodes = ensembles.reduce((sum, { arrays }) => sum + arrays.feature.length, 0);
	const at = { trees: new Int32Array(nodes), ids: new Int32Array(nodes), features: new Int32Array(nodes) };
	const next = { yes: new Int32Array(nodes), no: new Int32Array(nodes), missing: new Int32Array(nodes) };
	const thresholds = new Float32Array(nodes);
	const modes: string[] = [];
	const leaves: { tree: number; id: number; target: number; weight: number }[] = [];
	let place = 0;
	let tree = 0;
	for (const [target, { arrays, scale }] of ensembles.entries()) {
		const { offsets, feature, value, left, missingLeft } = arrays;
		for (let t = 0; t + 1 < offsets.length; t++, tree++) {
			const root = offsets[t] as number;
			for (let node = root; node < (offsets[t + 1] as number); node++, place++) {
				at.trees[place] = tree;
				at.ids[place] = node - root;
				at.features[place] = Math.max(feature[node] as number, 0);
				next.missing[place] = missingLeft[node] as number;
				if ((feature[node] as number) < 0) {
					modes.push("LEAF");
					leaves.push({ tree, id: node - root, target, weight: (value[node] as number) * scale });
					continue;
				}
				modes.push("BRANCH_LEQ");
				thresholds[place] = value[node] as number;
				next.yes[place] = (left[node] as number) - root;
				next.no[place] = (left[node] as number) - root + 1;
			}
		}
	}
	return {
		op: "TreeEnsembleRegressor",
		domain: ML_DOMAIN,
		inputs: [input],
		outputs: [output],
		attributes: {
			aggregate_function: { text: "SUM" },
			n_targets: { int: ensembles.length },
			base_values: { floats: Float32Array.from(ensembles, ({ base }) => base) },
			nodes_treeids: { ints: at.trees },
			nodes_nodeids: { ints: at.ids },
			nodes_featureids: { ints: at.features },
			nodes_values: { floats: thresholds },
			nodes_modes: { texts: modes },
			nodes_truenodeids: { ints: next.yes },
			nodes_falsenodeids: { ints: next.no },
			nodes_missing_value_tracks_true: { ints: next.missing },
			target_treeids: { ints: leaves.map((leaf) => leaf.tree) },
			target_nodeids: { ints: leaves.map(({ id }) => id) },
			target_ids: { ints: leaves.map(({ target }) => target) },
			target_weights: { floats: Float32Array.from(leaves, ({ weight }) => weight) },
		},
	};
}

/** The network as an ONNX model: `sequence` [steps, rows, inputs] in, `forecast` [rows, outputs] out. */
export function lstmToOnnx({ shape: { inputs, hidden, outputs }, weights }: Lstm): Uint8Array {
	const single = (values: Float64Array): Float32Array => Float32Array.from(values);
	// ONNX keeps a second bias for the recurrence: zero, for one says it all.
	const bias = new Float32Array(8 * hidden);
	bias.set(single(weights.b));
	return encodeOnnx({
		name: "lstm",
		inputs: [{ name: "sequence", shape: ["steps", "rows", inputs] }],
		outputs: [{ name: "forecast", shape: ["rows", outputs] }],
		constants: [
			{ name: "W", shape: [1, 4 * hidden, inputs], floats: single(weights.w) },
			{ name: "R", shape: [1, 4 * hidden, hidden], floats: single(weights.r) },
			{ name: "B", shape: [1, 8 * hidden], floats: bias },
			{ name: "head", shape: [outputs, hidden], floats: single(weights.head) },
			{ name: "headBias", shape: [outputs], floats: single(weights.headBias) },
			{ name: "direction", shape: [1], ints: [0] },
		],
		nodes: [
			{
				op: "LSTM",
				inputs: ["sequence", "W", "R", "B"],
				outputs: ["", "states"],
				attributes: { hidden_size: { int: hidden } },
			},
			{ op: "Squeeze", inputs: ["states", "direction"], outputs: ["state"] },
			{
				op: "Gemm",
				inputs: ["state", "head", "headBias"],
				outputs: ["forecast"],
				attributes: { transB: { int: 1 } },
			},
		],
	});
}

/** The ridge as an ONNX model: `window` [rows, window] in, `forecast` [rows, horizon] out. */
export function ridgeToOnnx({ window, horizon, weights, bias }: WindowRidge): Uint8Array {
	return encodeOnnx({
		name: "ridge",
		inputs: [{ name: "window", shape: ["rows", window] }],
		outputs: [{ name: "forecast", shape: ["rows", horizon] }],
		constants: [
			{ name: "weights", shape: [horizon, window], floats: Float32Array.from(weights) },
			{ name: "bias", shape: [horizon], floats: Float32Array.from(bias) },
			{ name: "from", shape: [1], ints: [window - 1] },
			{ name: "to", shape: [1], ints: [window] },
			{ name: "axis", shape: [1], ints: [1] },
		],
		nodes: [
			{ op: "Slice", inputs: ["window", "from", "to", "axis"], outputs: ["last"] },
			{ op: "Sub", inputs: ["window", "last"], outputs: ["relative"] },
			{
				op: "Gemm",
				inputs: ["relative", "weights", "bias"],
				outputs: ["path"],
				attributes: { transB: { int: 1 } },
			},
			{ op: "Add", inputs: ["path", "last"], outputs: ["forecast"] },
		],
	});
}
