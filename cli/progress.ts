const WIDTH = 30;

/** A bar on a terminal; where there is none, a log gets no bar. */
export function progressBar(): { show(share: number): void; clear(): void } {
	const { stderr } = process;
	return {
		show(share) {
			if (!stderr.isTTY) return;
			const done = Math.round(Math.min(1, share) * WIDTH);
			stderr.write(`\r${"█".repeat(done)}${"░".repeat(WIDTH - done)} ${Math.round(Math.min(1, share) * 100)} % `);
		},
		clear() {
			if (stderr.isTTY) stderr.write("\r\x1b[K");
		},
	};
}
