import type { HorizonRows } from "../forecast/load-model.ts";
import type { TreeEnsemble } from "../forecast/trees/tree-ensemble.ts";
import { ensemblesToOnnx } from "./export.ts";
import { type ExecutionProvider, onnxSession } from "./runtime.ts";

/**
 * Has the trees of our own models answered by onnxruntime, one run a horizon for all of them: the rows with the answers
 * beside them. Everything else of a forecast is arithmetic that stays in TypeScript.
 *
 * @param key unique for the model's content
 * @throws EnergyError `models.onnx-missing`, `models.onnx-corrupt` (an execution provider that is not there),
 *   `models.onnx-run`
 */
export async function withTreesRun(
	key: string,
	rows: readonly HorizonRows[],
	provider: ExecutionProvider,
): Promise<HorizonRows[]> {
	const answered: HorizonRows[] = [];
	for (const { model, builder, asked } of rows) {
		const ensembles = [...model.learners, ...model.bounds].map(({ trees }) => trees);
		const session = await onnxSession(`${key} ${model.horizon.name}`, () => ensemblesToOnnx(ensembles), provider);
		const { data, rows: count, columns } = asked.x;
		const { data: all } = await session.run({ features: { data, shape: [count, columns] } });
		const said = new Map<TreeEnsemble, Float64Array>();
		for (const [k, trees] of ensembles.entries()) {
			said.set(
				trees,
				Float64Array.from({ length: count }, (_, i) => all[i * ensembles.length + k] as number),
			);
		}
		answered.push({ model, builder, asked: { ...asked, said } });
	}
	return answered;
}
