import type { EditorRED } from "node-red";

declare global {
	/** The editor's own object; every editor half registers its node with it. */
	const RED: EditorRED;
}
