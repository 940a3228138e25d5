import { createHash } from "node:crypto";
import type { Node, NodeAPI, NodeDef } from "node-red";
import { EnergyError } from "../../lib/errors.ts";
import { explain } from "../../lib/messages.ts";
import { plantHolidays } from "../../lib/plant/holidays.ts";
import { type ModbusMeters, serveMeters } from "../../lib/plant/modbus-server.ts";
import { MqttLink } from "../../lib/plant/mqtt-link.ts";
import { commandEvent, jobEvent, obey, type PlantEvent } from "../../lib/plant/orders.ts";
import { Plant, type PlantSample, type PlantState } from "../../lib/plant/plant.ts";
import { PlantRunner } from "../../lib/plant/runner.ts";
import { toWire } from "../../lib/telemetry/reading.ts";
import { brokerTlsOf } from "../../lib/tls/broker.ts";
import { homeOf } from "../home-of.ts";
import { logLanguage, onInput, statusText } from "../on-input.ts";
import { siteOf } from "../site-of.ts";
import { StateFile } from "../state-file.ts";
import type { PlantSimulateConfig, PlantSimulateCredentials } from "./config.ts";

type SimulateNode = Node<PlantSimulateCredentials>;

/** What is kept for the next start, so that counters make no step, and faults and commands hold. */
interface Kept {
	version: 1;
	seed: number;
	site: string;
	plant: PlantState;
}

const KEEP_EVERY_MS = 30_000;
const MODBUS_RETRY_MS = 15_000;

export default (RED: NodeAPI): void => {
	function PlantSimulate(this: SimulateNode, config: PlantSimulateConfig & NodeDef): void {
		RED.nodes.createNode(this, config);
		const trouble = new Map<"mqtt" | "modbus", EnergyError>();
		// A plant in production may share flows with one that was tried out: its configuration decides.
		const off = process.env.SMARTFACTORY_SIMULATE === "false";
		let live = true;
		let simulation: Simulation | undefined;

		const show = (): void => {
			const worst = trouble.get("mqtt") ?? trouble.get("modbus");
			if (off) this.status({ fill: "grey", shape: "ring", text: "status.off" });
			else if (worst) this.status({ fill: "red", shape: "ring", text: statusText(RED, worst) });
			else if (live) this.status({ fill: "green", shape: "dot", text: "status.running" });
			else this.status({ fill: "blue", shape: "dot", text: "status.catching-up" });
		};
		const meet = (part: "mqtt" | "modbus", error: EnergyError | undefined): void => {
			const known = trouble.get(part);
			if (error) trouble.set(part, error);
			else trouble.delete(part);
			// Once per kind of trouble, not once per attempt.
			if (error && known?.code !== error.code) this.warn(explain(error, logLanguage));
			show();
		};

		try {
			if (!off)
				simulation = new Simulation(this, config, settingsOf(this, config), {
					meet,
					stepped: (samples, isLive) => {
						if (isLive !== live) {
							live = isLive;
							show();
						}
						this.send([{ payload: samples.map(({ reading }) => toWire(reading)), labels: labelsOf(samples) }, null]);
					},
					happened: (event) => this.send([null, { payload: event }]),
				});
			show();
		} catch (error) {
			this.status({ fill: "red", shape: "ring", text: statusText(RED, error) });
			this.error(explain(error, logLanguage));
		}

		onInput(RED, { node: this, site: config.site }, (msg) => {
			if (off) throw new EnergyError("plant.simulation-off");
			if (!simulation) throw new EnergyError("nodes.site-missing");
			const events = obey(simulation.plant, msg.payload);
			simulation.tellJobs();
			simulation.keep();
			msg.payload = events;
			show();
			return [null, msg];
		});
		this.on("close", (removed: boolean, done: () => void) => {
			this.status({});
			if (simulation) simulation.close(removed).finally(done);
			else done();
		});
	}

	/** Values with their defaults; the site's id and zone; who we are to the broker. */
	function settingsOf(node: SimulateNode, config: PlantSimulateConfig): Settings {
		const { site } = siteOf(RED, config.site);
		const env = process.env;
		const brokerUrl = config.publishMqtt === false ? "" : config.brokerUrl || env.SMARTFACTORY_MQTT_BROKER || "";
		const home = homeOf(RED);
		return {
			home,
			siteId: site.id,
			timeZone: site.timeZone,
			seed: Number(config.seed) || 1,
			brokerUrl,
			clientId: `sf-plant-${createHash("sha256").update(`${home}\n${node.id}`).digest("hex").slice(0, 14)}`,
			username: node.credentials?.username || env.SMARTFACTORY_MQTT_USERNAME,
			password: node.credentials?.password || env.SMARTFACTORY_MQTT_PASSWORD,
			modbusPort: Number(config.modbusPort) || 0,
		};
	}

	type Definition = PlantSimulateConfig & NodeDef;
	RED.nodes.registerType<SimulateNode, Definition, object, PlantSimulateCredentials>("plant-simulate", PlantSimulate, {
		credentials: { username: { type: "text" }, password: { type: "password" } },
	});
};

interface Settings {
	home: string;
	siteId: string;
	timeZone: string;
	seed: number;
	brokerUrl: string;
	clientId: string;
	username: string | undefined;
	password: string | undefined;
	modbusPort: number;
}

interface Ears {
	/** A line to the outside failed, or (undefined) works. */
	meet(part: "mqtt" | "modbus", error: EnergyError | undefined): void;
	stepped(samples: PlantSample[], live: boolean): void;
	happened(event: PlantEvent): void;
}

/** A running plant with its lines to the outside: what a node starts and closes. */
class Simulation {
	readonly plant: Plant;
	readonly #node: SimulateNode;
	readonly #settings: Settings;
	readonly #ears: Ears;
	readonly #host: string;
	readonly #runner: PlantRunner;
	readonly #file: StateFile;
	#link: MqttLink | undefined;
	#meters: ModbusMeters | undefined;
	#opening: Promise<void> = Promise.resolve();
	#retry: NodeJS.Timeout | undefined;
	#closed = false;
	#keptMs = 0;
	#last: PlantSample[] = [];

	constructor(node: SimulateNode, config: PlantSimulateConfig, settings: Settings, ears: Ears) {
		this.#node = node;
		this.#settings = settings;
		this.#ears = ears;
		this.#host = config.modbusHost || "127.0.0.1";
		const { siteId, timeZone, seed } = settings;
		this.plant = new Plant({ seed, siteId, timeZone, isHoliday: plantHolidays(timeZone) });
		this.#file = new StateFile(settings.home, `plant-simulate-${node.id}`, (error) =>
			node.warn(explain(error, logLanguage)),
		);
		const kept = this.#file.read() as Kept | undefined;
		if (kept?.version === 1 && kept.seed === seed && kept.site === siteId) this.plant.restore(kept.plant);
		if (settings.brokerUrl) this.#openLink();
		if (settings.modbusPort > 0) this.#openMeters();
		const options = {
			periodMs: Math.max(100, (Number(config.periodS) || 1) * 1000),
			speed: Math.max(1, Number(config.speed) || 1),
			startMs: Date.now() - Math.max(0, Number(config.startHoursAgo) || 0) * 3_600_000,
		};
		this.#runner = new PlantRunner(this.plant, options, (samples) => this.#step(samples));
	}

	/** @param removed the node is gone for good, and nobody asks for its state */
	async close(removed: boolean): Promise<void> {
		this.#closed = true;
		this.#runner.stop();
		clearTimeout(this.#retry);
		await this.#opening;
		const kept = removed ? this.#file.remove() : this.#file.write(this.#kept()).catch(() => undefined);
		await Promise.all([kept, this.#link?.close(), this.#meters?.close()]);
	}

	#step(samples: PlantSample[]): void {
		this.#last = samples;
		this.#meters?.update(samples);
		if (this.#link) {
			for (const { reading, machine } of samples) {
				if (machine.path === "mqtt")
					this.#link.publish(this.#topic(machine.area, machine.id, "telemetry"), toWire(reading));
			}
		}
		this.tellJobs();
		this.#ears.stepped(samples, this.#runner.live);
		if (Date.now() - this.#keptMs > KEEP_EVERY_MS) this.keep();
	}

	/** What became of jobs goes where answers to commands go. */
	tellJobs(): void {
		for (const report of this.plant.takeReports()) {
			const event = jobEvent(this.plant, report);
			const area = this.plant.definition.machines.find(({ id }) => id === report.machine)?.area ?? "plant";
			this.#link?.publish(this.#topic(area, report.machine, "event"), event);
			this.#ears.happened(event);
		}
	}

	#topic(area: string, machine: string, leaf: string): string {
		return `smartfactory/${this.#settings.siteId}/${area}/${machine}/${leaf}`;
	}

	keep(): void {
		this.#keptMs = Date.now();
		this.#file.keep(this.#kept());
	}

	#kept(): Kept {
		const { seed, siteId } = this.#settings;
		return { version: 1, seed, site: siteId, plant: this.plant.state };
	}

	#openLink(): void {
		const { brokerUrl, clientId, username, password, siteId } = this.#settings;
		try {
			this.#link = new MqttLink(
				{
					url: brokerUrl,
					clientId,
					commandTopic: `smartfactory/${siteId}/+/+/command`,
					...(username ? { username } : {}),
					...(password ? { password } : {}),
					tls: brokerTlsOf(process.env),
				},
				{
					command: (topic, payload) => this.#command(topic, payload),
					connected: () => this.#ears.meet("mqtt", undefined),
					disconnected: (reason) => {
						if (!this.#closed) this.#ears.meet("mqtt", reason);
					},
				},
			);
		} catch (error) {
			if (!(error instanceof EnergyError)) throw error;
			this.#ears.meet("mqtt", error);
		}
	}

	/** A command from the broker; the answer goes to the machine's event topic, a refusal too. */
	#command(topic: string, payload: Buffer): void {
		const [, , area = "", machine = ""] = topic.split("/");
		let event: PlantEvent;
		try {
			event = commandEvent(this.plant, this.plant.command(machine, parse(payload)));
		} catch (error) {
			const { siteId } = this.#settings;
			const reason = explain(error, logLanguage);
			this.#node.warn(`${topic}: ${reason}`);
			event = {
				event: "command",
				site: siteId,
				machine,
				time: new Date().toISOString(),
				accepted: false,
				code: error instanceof EnergyError ? error.code : "nodes.unexpected",
				reason,
			};
		}
		this.#link?.publish(this.#topic(area, machine, "event"), event);
		this.#ears.happened(event);
		this.tellJobs();
		this.keep();
	}

	/** Serves the meters; where the port is taken, tries again now and then while the rest goes on. */
	#openMeters(): void {
		this.#opening = serveMeters(this.plant.definition.machines, {
			host: this.#host,
			port: this.#settings.modbusPort,
		}).then(
			(meters) => {
				this.#meters = meters;
				meters.update(this.#last);
				this.#ears.meet("modbus", undefined);
			},
			(error: unknown) => {
				if (this.#closed) return;
				const known = error instanceof EnergyError ? error : new EnergyError("nodes.unexpected", {}, { cause: error });
				this.#ears.meet("modbus", known);
				if (known.code === "plant.modbus-port") {
					this.#retry = setTimeout(() => this.#openMeters(), MODBUS_RETRY_MS);
				}
			},
		);
	}
}

/** A payload that is no JSON is a command that was not understood. */
function parse(payload: Buffer): unknown {
	try {
		return JSON.parse(payload.toString("utf8"));
	} catch {
		return undefined;
	}
}

/** Ground truth of a step: faults at work by machine, healthy ones left out. */
function labelsOf(samples: readonly PlantSample[]): Record<string, PlantSample["labels"]> {
	return Object.fromEntries(
		samples.filter(({ labels }) => labels.length > 0).map(({ machine, labels }) => [machine.id, labels]),
	);
}
