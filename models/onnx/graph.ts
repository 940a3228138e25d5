import { ProtoWriter } from "./protobuf.ts";

/** Attribute of an ONNX node: a float, whole numbers or texts, alone or in lists. */
export type Attribute =
	| { float: number }
	| { int: number }
	| { text: string }
	| { floats: Float32Array }
	| { ints: ArrayLike<number> }
	| { texts: readonly string[] };

export interface OnnxNode {
	op: string;
	domain?: string;
	inputs: readonly string[];
	outputs: readonly string[];
	attributes?: Readonly<Record<string, Attribute>>;
}

/** A tensor that the graph takes or gives; a text names a dimension that is free. */
export interface OnnxValue {
	name: string;
	shape: readonly (number | string)[];
}

/** Constants of the graph. */
export type OnnxTensor = { name: string; shape: readonly number[] } & (
	| { floats: Float32Array }
	| { ints: readonly number[] }
);

export interface OnnxGraph {
	name: string;
	inputs: readonly OnnxValue[];
	outputs: readonly OnnxValue[];
	nodes: readonly OnnxNode[];
	constants?: readonly OnnxTensor[];
	/** Shown by viewers; kept with the file. */
	metadata?: Readonly<Record<string, string>>;
}

const FLOAT = 1;
const INT64 = 7;
export const ML_DOMAIN = "ai.onnx.ml";

/**
 * The graph as an ONNX file: IR 8, operators of set 17 and ai.onnx.ml 3, which every onnxruntime since 1.12 reads.
 * @see https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 */
export function encodeOnnx(graph: OnnxGraph): Uint8Array {
	const model = new ProtoWriter().int(1, 8).text(2, "node-red-energy").message(7, graphOf(graph));
	model.message(8, new ProtoWriter().text(1, "").int(2, 17));
	model.message(8, new ProtoWriter().text(1, ML_DOMAIN).int(2, 3));
	for (const [key, value] of Object.entries(graph.metadata ?? {})) {
		model.message(14, new ProtoWriter().text(1, key).text(2, value));
	}
	return model.finish();
}

function graphOf({ name, inputs, outputs, nodes, constants = [] }: OnnxGraph): ProtoWriter {
	const graph = new ProtoWriter();
	for (const node of nodes) graph.message(1, nodeOf(node));
	graph.text(2, name);
	for (const constant of constants) graph.message(5, tensorOf(constant));
	for (const input of inputs) graph.message(11, valueInfoOf(input));
	for (const output of outputs) graph.message(12, valueInfoOf(output));
	return graph;
}

function nodeOf({ op, domain = "", inputs, outputs, attributes = {} }: OnnxNode): ProtoWriter {
	const node = new ProtoWriter();
	for (const input of inputs) node.text(1, input);
	for (const output of outputs) node.text(2, output);
	node.text(4, op);
	for (const [name, attribute] of Object.entries(attributes)) node.message(5, attributeOf(name, attribute));
	return domain ? node.text(7, domain) : node;
}

function attributeOf(name: string, attribute: Attribute): ProtoWriter {
	const out = new ProtoWriter().text(1, name);
	if ("float" in attribute) return out.float(2, attribute.float).int(20, 1);
	if ("int" in attribute) return out.int(3, attribute.int).int(20, 2);
	if ("text" in attribute) return out.text(4, attribute.text).int(20, 3);
	if ("floats" in attribute) return out.floats(7, attribute.floats).int(20, 6);
	if ("ints" in attribute) return out.ints(8, attribute.ints).int(20, 7);
	for (const text of attribute.texts) out.text(9, text);
	return out.int(20, 8);
}

function tensorOf(tensor: OnnxTensor): ProtoWriter {
	const out = new ProtoWriter().ints(1, tensor.shape);
	if ("floats" in tensor) {
		const { floats } = tensor;
		out.int(2, FLOAT).text(8, tensor.name);
		return out.bytes(9, new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength));
	}
	const ints = BigInt64Array.from(tensor.ints, BigInt);
	return out.int(2, INT64).text(8, tensor.name).bytes(9, new Uint8Array(ints.buffer));
}

function valueInfoOf({ name, shape }: OnnxValue): ProtoWriter {
	const dims = new ProtoWriter();
	for (const size of shape) {
		dims.message(1, typeof size === "number" ? new ProtoWriter().int(1, size) : new ProtoWriter().text(2, size));
	}
	const tensor = new ProtoWriter().int(1, FLOAT).message(2, dims);
	return new ProtoWriter().text(1, name).message(2, new ProtoWriter().message(1, tensor));
}
