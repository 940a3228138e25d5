import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = new URL("../../", import.meta.url).pathname;

export const password = "correct horse battery";

export interface System {
	base: string;
	port: number;
	home: string;
	mqttPort: number;
	modbusPort: number;
	child: ChildProcess;
	/** Everything it printed so far. */
	output(): string;
	/** A JWT of the admin. */
	token(): Promise<string>;
	/** Sends a signal and resolves with the exit code and the milliseconds it took. */
	stop(signal?: NodeJS.Signals): Promise<{ code: number | null; ms: number }>;
}

export interface SystemOptions {
	args?: readonly string[];
	env?: Readonly<Record<string, string>>;
	/** A home to share with another system; removed at the end only where it was made here. */
	home?: string;
	mqttPort?: number;
	/** `node-red-4` runs the same settings under Node-RED 4.1. */
	nodeRed?: "node-red" | "node-red-4";
	/** How to see that it answers, where it speaks TLS. */
	answers?: (port: number, home: string) => Promise<boolean>;
}

/** Ports that nobody listens on, each another: they are held together before they are let go. */
export async function freePorts(count: number): Promise<number[]> {
	const servers = Array.from({ length: count }, () => createServer());
	await Promise.all(
		servers.map((server) => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()))),
	);
	const ports = servers.map((server) => (server.address() as { port: number }).port);
	await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
	return ports;
}

export async function freePort(): Promise<number> {
	const [port = 0] = await freePorts(1);
	return port;
}

/** Starts the built application as `npm start` does and resolves when it answers. */
export async function startSystem(options: SystemOptions = {}): Promise<System> {
	const home = options.home ?? mkdtempSync(join(tmpdir(), "smart-energy-"));
	const [port = 0, ownMqttPort = 0, modbusPort = 0] = await freePorts(3);
	const mqttPort = options.mqttPort ?? ownMqttPort;
	const child = spawn(process.execPath, [join(root, "dist/cli/start.js"), ...(options.args ?? [])], {
		cwd: root,
		env: {
			PATH: process.env.PATH,
			LANG: "C",
			SMARTFACTORY_HOME: home,
			SMARTFACTORY_ADMIN_PASSWORD: password,
			SMARTFACTORY_SYSTEM_API_PORT: String(port),
			SMARTFACTORY_SYSTEM_MQTT_PORT: String(mqttPort),
			SMARTFACTORY_SYSTEM_MODBUS_PORT: String(modbusPort),
			SMARTFACTORY_DATA_HISTORY_DAYS: "2",
			...(options.nodeRed ? { SMARTFACTORY_NODE_RED: options.nodeRed } : {}),
			...options.env,
		},
	});
	let output = "";
	child.stdout?.on("data", (chunk: Buffer) => {
		output += chunk;
	});
	child.stderr?.on("data", (chunk: Buffer) => {
		output += chunk;
	});
	const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
	const base = `http://127.0.0.1:${port}`;
	const system: System = {
		base,
		port,
		home,
		mqttPort,
		modbusPort,
		child,
		output: () => output,
		token: async () => {
			const answer = await fetch(`${base}/api/v1/auth/login`, {
				method: "POST",
				headers: { "content-type": "application/json" },
				body: JSON.stringify({ username: "admin", password }),
			});
			return ((await answer.json()) as { accessToken: string }).accessToken;
		},
		stop: async (signal = "SIGINT") => {
			const before = Date.now();
			child.kill(signal);
			const code = await exited;
			if (!options.home) rmSync(home, { recursive: true, force: true });
			return { code, ms: Date.now() - before };
		},
	};
	await until(
		async () => {
			if (child.exitCode !== null) throw new Error(`the system ended with ${child.exitCode}:\n${output}`);
			if (!output.includes("Ready after")) return false;
			if (options.answers) return await options.answers(port, home).catch(() => false);
			return (await fetch(`${base}/health`).catch(() => null))?.ok === true;
		},
		() => `the system did not start:\n${output}`,
		// Some seconds on a quiet machine; a loaded one takes its time.
		90_000,
	).catch((error: unknown) => {
		child.kill("SIGKILL");
		throw error;
	});
	return system;
}

/** Polls until the condition holds; fails with a reason, not with a bare time-out. */
export async function until(
	condition: () => boolean | Promise<boolean>,
	otherwise: () => string,
	withinMs = 30_000,
): Promise<void> {
	const deadline = Date.now() + withinMs;
	while (!(await condition())) {
		if (Date.now() > deadline) throw new Error(otherwise());
		await new Promise((resolve) => setTimeout(resolve, 100));
	}
}
