/**
 * What `msg.ingest` carries through a flow: plain values, so that it survives the cloning of messages. The node named
 * by `source` waits until as many readings as it sent in that batch are settled: stored, or kept in quarantine.
 */
export interface IngestTag {
	source: string;
	batch: number;
}

export interface Waiting {
	/** So many readings of the batch are committed. */
	settled(batch: number, count: number): void;
	/** Committing failed; the batch will not be settled. */
	failed(batch: number, error: unknown): void;
}

const waiting = new Map<string, Waiting>();

/** An ingest node waits for its batches; returns how it stops waiting. */
export function waitForSettlement(source: string, node: Waiting): () => void {
	waiting.set(source, node);
	return () => {
		if (waiting.get(source) === node) waiting.delete(source);
	};
}

function tagOf(value: unknown): IngestTag | undefined {
	const tag = value as Partial<IngestTag> | null | undefined;
	return typeof tag?.source === "string" && typeof tag.batch === "number" ? (tag as IngestTag) : undefined;
}

/** Whether somebody waits for a message: what can't be stored of it would be delivered again for ever. */
export const isTagged = (tag: unknown): boolean => tagOf(tag) !== undefined;

/** Readings of a tagged message were committed. Anything that is no tag is ignored: not every message came over MQTT. */
export function settle(tag: unknown, count: number): void {
	const known = tagOf(tag);
	if (known) waiting.get(known.source)?.settled(known.batch, count);
}

/** Committing a tagged message failed; its batch will be delivered again. */
export function unsettle(tag: unknown, error: unknown): void {
	const known = tagOf(tag);
	if (known) waiting.get(known.source)?.failed(known.batch, error);
}
