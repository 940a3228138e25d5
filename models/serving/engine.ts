import type { EngineChoice } from "./protocol.ts";

/**
 * Whether onnxruntime answers for our own trees. Measured, TypeScript is faster on a processor (docs/decisions.md), so
 * `auto` takes onnxruntime only where it was given something better to run on.
 */
export function runsOnnx({ engine, provider }: EngineChoice): boolean {
	return engine === "onnx" || (engine === "auto" && provider !== "cpu");
}
