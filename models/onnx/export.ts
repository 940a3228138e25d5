import type { WindowRidge } from "../forecast/linear.ts";
import type { Lstm } from "../forecast/lstm.ts";
import type { TreeEnsemble } from "../forecast/trees/tree-ensemble.ts";
import { encodeOnnx, ML_DOMAIN } from "./graph.ts";

/**
 * Trees as an ONNX model: `features` [rows, columns] and `anchor` [rows, 1] in, `forecast` [rows, 1] out. Thresholds
 * are single-precision numbers already, so every row ends in the very leaf it ends in here.
 */
export function treesToOnnx(trees: TreeEnsemble): Uint8Array {
	const { offsets, feature, value, left, missingLeft } = trees.arrays;
	const nodes = feature.length;
	const treeIds = new Int32Array(nodes);
	const nodeIds = new Int32Array(nodes);
	const trueIds = new Int32Array(nodes);
	const falseIds = new Int32Array(nodes);
	const modes: string[] = [];
	const thresholds = new Float32Array(nodes);
	const leaves: number[] = [];
	for (let tree = 0; tree + 1 < offsets.length; tree++) {
		const root = offsets[tree] as number;
		for (let node = root; node < (offsets[tree + 1] as number); node++) {
			treeIds[node] = tree;
			nodeIds[node] = node - root;
			if ((feature[node] as number) < 0) {
				modes.push("LEAF");
				leaves.push(node);
				continue;
			}
			modes.push("BRANCH_LEQ");
			thresholds[node] = value[node] as number;
			trueIds[node] = (left[node] as number) - root;
			falseIds[node] = (left[node] as number) - root + 1;
		}
	}
	return encodeOnnx({
		name: "trees",
		inputs: [
			{ name: "features", shape: ["rows", trees.columns] },
			{ name: "anchor", shape: ["rows", 1] },
		],
		outputs: [{ name: "forecast", shape: ["rows", 1] }],
		nodes: [
			{
				op: "TreeEnsembleRegressor",
				domain: ML_DOMAIN,
				inputs: ["features"],
				outputs: ["distance"],
				attributes: {
					aggregate_function: { text: "SUM" },
					n_targets: { int: 1 },
					base_values: { floats: Float32Array.of(trees.base) },
					nodes_treeids: { ints: treeIds },
					nodes_nodeids: { ints: nodeIds },
					nodes_featureids: { ints: feature.map((column) => Math.max(column, 0)) },
					nodes_values: { floats: thresholds },
					nodes_modes: { texts: modes },
					nodes_truenodeids: { ints: trueIds },
					nodes_falsenodeids: { ints: falseIds },
					nodes_missing_value_tracks_true: { ints: missingLeft },
					target_treeids: { ints: leaves.map((node) => treeIds[node] as number) },
					target_nodeids: { ints: leaves.map((node) => nodeIds[node] as number) },
					target_ids: { ints: new Int32Array(leaves.length) },
					target_weights: { floats: Float32Array.from(leaves, (node) => (value[node] as number) * trees.scale) },
				},
			},
			{ op: "Add", inputs: ["distance", "anchor"], outputs: ["forecast"] },
		],
	});
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
