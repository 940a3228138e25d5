import { createServer } from "node:net";

/** Whether this address can be listened on; null, or the system's error code (EADDRINUSE, EACCES …). */
export function portProblem(port: number, host: string): Promise<string | null> {
	return new Promise((resolve) => {
		const server = createServer();
		server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
		server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(null)));
	});
}
