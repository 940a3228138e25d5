// What the nodes of a site know at this moment, side by side: the whole picture that GET /api/v1/monitoring/dashboard
// answers. A node offers its part; nobody has to wire it.
import type { Language } from "../messages.ts";

export type PartOf = (language: Language) => unknown;

// One for the process, however often the package is loaded.
const key = Symbol.for("smartfactory.live.board");
const holder = globalThis as { [key]?: Map<string, Map<string, PartOf>> };
holder[key] ??= new Map();
const boards = holder[key];

/** Offers a part of a site's picture under a name, the last one of a name counts; returns how to stop. */
export function offerPart(site: string, name: string, part: PartOf): () => void {
	const board = boards.get(site) ?? new Map<string, PartOf>();
	boards.set(site, board.set(name, part));
	return () => {
		if (board.get(name) === part) board.delete(name);
	};
}

export interface Board {
	/** Parts by name; null for one that could not be told now. */
	parts: Record<string, unknown>;
	/** Errors of those that could not, by name. */
	errors: Record<string, unknown>;
}

/** Every part of these names; what nobody offers, or fails, is null. */
export async function boardOf(site: string, names: readonly string[], language: Language): Promise<Board> {
	const board: Board = { parts: {}, errors: {} };
	await Promise.all(
		names.map(async (name) => {
			try {
				board.parts[name] = (await boards.get(site)?.get(name)?.(language)) ?? null;
			} catch (error) {
				board.parts[name] = null;
				board.errors[name] = error;
			}
		}),
	);
	return board;
}
