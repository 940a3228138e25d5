import type { WindowRidge } from "../forecast/linear.ts";
import type { Lstm } from "../forecast/lstm.ts";
import { LOAD_INPUTS, type PathLstm } from "../forecast/path-lstm.ts";
import type { TreeEnsemble } from "../forecast/trees/tree-ensemble.ts";
import { encodeOnnx, ML_DOMAIN, type OnnxNode, type OnnxTensor } from "./graph.ts";

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
export function lstmToOnnx(lstm: Lstm): Uint8Array {
	const { inputs, outputs } = lstm.shape;
	return encodeOnnx({
		name: "lstm",
		inputs: [{ name: "sequence", shape: ["steps", "rows", inputs] }],
		outputs: [{ name: "forecast", shape: ["rows", outputs] }],
		...networkOf(lstm, "sequence", "forecast"),
	});
}

/**
 * The member of an ensemble as an ONNX model that knows its own scale: `sequence` [steps, rows, inputs] as
 * `PathLstm.sequence` gives it, loads in kWh, in; `forecast` [rows, blocks] in kWh out.
 */
export function pathLstmToOnnx({ lstm, scale, past, relative }: PathLstm): Uint8Array {
	const { inputs, outputs } = lstm.shape;
	const ofLoad = (value: number, otherwise: number): Float32Array =>
		Float32Array.from({ length: inputs }, (_, k) => (k < LOAD_INPUTS ? value : otherwise));
	const { nodes, constants } = networkOf(lstm, "scaled", "distance");
	const single = (value: number): Float32Array => Float32Array.of(value);
	const newest: OnnxNode[] = [
		{ op: "Slice", inputs: ["sequence", "newest", "end", "steps"], outputs: ["last"] },
		{ op: "Slice", inputs: ["last", "zero", "one", "channels"], outputs: ["lastLoad"] },
		{ op: "Squeeze", inputs: ["lastLoad", "steps"], outputs: ["base"] },
	];
	return encodeOnnx({
		name: "path-lstm",
		inputs: [{ name: "sequence", shape: [past, "rows", inputs] }],
		outputs: [{ name: "forecast", shape: ["rows", outputs] }],
		constants: [
			...constants,
			{ name: "offsets", shape: [inputs], floats: ofLoad(scale.offset, 0) },
			{ name: "sizes", shape: [inputs], floats: ofLoad(scale.size, 1) },
			{ name: "size", shape: [1], floats: single(scale.size) },
			...(relative
				? Object.entries({ newest: past - 1, end: past, zero: 0, one: 1, steps: 0, channels: 2 }).map(
						([name, value]) => ({ name, shape: [1], ints: [value] }),
					)
				: [{ name: "base", shape: [1], floats: single(scale.offset) }]),
		],
		nodes: [
			{ op: "Sub", inputs: ["sequence", "offsets"], outputs: ["centred"] },
			{ op: "Div", inputs: ["centred", "sizes"], outputs: ["scaled"] },
			...nodes,
			...(relative ? newest : []),
			{ op: "Mul", inputs: ["distance", "size"], outputs: ["path"] },
			{ op: "Add", inputs: ["path", "base"], outputs: ["forecast"] },
		],
	});
}

function networkOf({ shape: { inputs, hidden, outputs }, weights }: Lstm, input: string, output: string) {
	const single = (values: Float64Array): Float32Array => Float32Array.from(values);
	// ONNX keeps a second bias for the recurrence: zero, for one says it all.
	const bias = new Float32Array(8 * hidden);
	bias.set(single(weights.b));
	const constants: OnnxTensor[] = [
		{ name: "W", shape: [1, 4 * hidden, inputs], floats: single(weights.w) },
		{ name: "R", shape: [1, 4 * hidden, hidden], floats: single(weights.r) },
		{ name: "B", shape: [1, 8 * hidden], floats: bias },
		{ name: "head", shape: [outputs, hidden], floats: single(weights.head) },
		{ name: "headBias", shape: [outputs], floats: single(weights.headBias) },
		{ name: "direction", shape: [1], ints: [0] },
	];
	const nodes: OnnxNode[] = [
		{
			op: "LSTM",
			inputs: [input, "W", "R", "B"],
			outputs: ["", "states"],
			attributes: { hidden_size: { int: hidden } },
		},
		{ op: "Squeeze", inputs: ["states", "direction"], outputs: ["state"] },
		{ op: "Gemm", inputs: ["state", "head", "headBias"], outputs: [output], attributes: { transB: { int: 1 } } },
	];
	return { constants, nodes };
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
