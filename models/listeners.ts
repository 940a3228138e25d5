/**
 * Tells all listeners. One that throws is named in a warning of the process: it must neither keep the news from the
 * others nor undo what it was told of.
 */
export function tellAll<Given extends unknown[]>(
	listeners: Iterable<(...given: Given) => void>,
	...given: Given
): void {
	for (const listener of listeners) {
		try {
			listener(...given);
		} catch (error) {
			process.emitWarning(error instanceof Error ? error : String(error));
		}
	}
}
