import type { Figures } from "../run.ts";
export async function etth(folder: string): Promise<Figures> {
	return { folder };
}
