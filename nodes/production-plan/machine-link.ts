import { createHash } from "node:crypto";
import type { EnergyError } from "../../lib/errors.ts";
import type { JobMessage, MachineEvent } from "../../lib/operation/records.ts";
import { MqttLink } from "../../lib/plant/mqtt-link.ts";
import type { Site } from "../../lib/telemetry/site.ts";
import { brokerTlsOf } from "../../lib/tls/broker.ts";

export interface MachineLinkOptions {
	url: string;
	username?: string | undefined;
	password?: string | undefined;
	/** The same for this node in this installation, and no other. */
	identity: string;
	site: Site;
}

/** The way to the machines and back: commands on `…/command`, what becomes of them on `…/event`. */
export class MachineLink {
	private readonly link: MqttLink;
	private readonly areas: ReadonlyMap<string, string>;
	private readonly site: string;
	connected = false;

	/** @throws EnergyError `plant.broker-url`, `tls.unreadable` */
	constructor(
		{ url, username, password, identity, site }: MachineLinkOptions,
		told: (event: MachineEvent) => void,
		changed: (reason: EnergyError | undefined) => void,
	) {
		this.site = site.id;
		this.areas = areasOf(site);
		const clientId = `sf-plan-${createHash("sha256").update(identity).digest("hex").slice(0, 14)}`;
		this.link = new MqttLink(
			{
				...{ url, clientId, commandTopic: `smartfactory/${site.id}/+/+/event` },
				...(username ? { username } : {}),
				...(password ? { password } : {}),
				tls: brokerTlsOf(process.env),
			},
			{
				command: (topic, payload) => {
					const event = machineEvent(topic.split("/")[3] ?? "", parsed(payload));
					if (event) told(event);
				},
				connected: () => {
					this.connected = true;
					changed(undefined);
				},
				disconnected: (reason) => {
					this.connected = false;
					changed(reason);
				},
			},
		);
	}

	send(message: JobMessage): void {
		this.link.publish(topicOf(this.site, this.areas, message), wireCommand(message));
	}

	close(): Promise<void> {
		return this.link.close();
	}
}

export const areasOf = (site: Site): ReadonlyMap<string, string> =>
	new Map(site.machines.map(({ id, area }) => [id, area || "plant"]));

export const topicOf = (site: string, areas: ReadonlyMap<string, string>, { machine }: JobMessage): string =>
	`smartfactory/${site}/${areas.get(machine) ?? "plant"}/${machine}/command`;

/** A command as it travels; the machine stands in its topic, too. */
export const wireCommand = (message: JobMessage): object => ({
	...message,
	time: new Date().toISOString(),
	source: "production-plan",
});

/** What a machine says of a job: `{event: "job", …}`, or the answer to a start that it refuses. */
export function machineEvent(machine: string, payload: unknown): MachineEvent | undefined {
	if (typeof payload !== "object" || payload === null) return undefined;
	const { event, job, operation = "1", state, accepted, reason, command } = payload as Record<string, unknown>;
	if (typeof job !== "string" || typeof operation !== "string") return undefined;
	if (event === "job") {
		const known = (["started", "finished", "stopped", "failed"] as const).find((each) => each === state);
		return known && { machine, job, operation, state: known };
	}
	if (event !== "command" || accepted !== false || (command !== undefined && command !== "start")) return undefined;
	return { machine, job, operation, state: "refused", ...(typeof reason === "string" ? { reason } : {}) };
}

function parsed(payload: Buffer): unknown {
	try {
		return JSON.parse(payload.toString("utf8"));
	} catch {
		return undefined;
	}
}
