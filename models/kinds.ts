import { EnergyError } from "../lib/errors.ts";
import type { Json, Model, ModelKind } from "./model.ts";

/** A kind whose types only its own folder knows. */
export type AnyKind = ModelKind<never, never, never, unknown, Model<never, unknown>>;

const kinds = new Map<string, AnyKind>();

/**
 * Makes a kind known to the registry and the training thread.
 *
 * @throws EnergyError `models.kind-taken`
 */
export function registerKind<Data, Options extends Json, Input, Output, Fitted extends Model<Input, Output>>(
	kind: ModelKind<Data, Options, Input, Output, Fitted>,
): void {
	if (kinds.has(kind.kind)) throw new EnergyError("models.kind-taken", { kind: kind.kind });
	kinds.set(kind.kind, kind as unknown as AnyKind);
}

/** @throws EnergyError `models.kind-unknown` */
export function kindOf(name: string): AnyKind {
	const kind = kinds.get(name);
	if (!kind) throw new EnergyError("models.kind-unknown", { kind: name, known: [...kinds.keys()].join(", ") });
	return kind;
}

export function kindNames(): string[] {
	return [...kinds.keys()];
}
