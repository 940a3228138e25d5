import type { Node, NodeAPI, NodeDef } from "node-red";
import { EnergyError } from "../../lib/errors.ts";
import { MeterPoll, meterProfile, meterProfiles, meterReading, registersOf } from "../../lib/telemetry/meter.ts";
import { type MeterProfile, parseProfileText } from "../../lib/telemetry/meter-profile.ts";
import type { Quantities, WireReading } from "../../lib/telemetry/reading.ts";
import { type EnergyMessage, onInput } from "../on-input.ts";
import { siteOf } from "../site-of.ts";
import type { MeterDecodeConfig } from "./config.ts";

interface ModbusMessage extends EnergyMessage {
	responseBuffer?: unknown;
	input?: unknown;
	error?: unknown;
}

/** A meter is given up after three missed polls: at least this long, and this long while its rhythm is not known. */
const SHORTEST_SILENCE_MS = 30_000;
const FIRST_SILENCE_MS = 120_000;

export default (RED: NodeAPI): void => {
	function MeterDecode(this: Node, config: MeterDecodeConfig & NodeDef): void {
		RED.nodes.createNode(this, config);
		const mergeMs = Math.max(1, Number(config.mergeMs) || 1000);
		let poll: MeterPoll | undefined;
		let timer: NodeJS.Timeout | undefined;
		let silence: NodeJS.Timeout | undefined;
		let heardMs: number | undefined;
		let shown = "";
		const show = (text: string, fill: "green" | "red" | "yellow"): void => {
			if (shown !== text) this.status({ fill, shape: fill === "red" ? "ring" : "dot", text });
			shown = text;
		};

		onInput(RED, { node: this, site: config.site }, (received) => {
			const msg: ModbusMessage = received;
			clearTimeout(timer);
			try {
				const { site } = siteOf(RED, config.site);
				if (!config.machine) throw new EnergyError("telemetry.no-machine");
				poll ??= new MeterPoll(profileOf(config));
				if (isFailure(msg)) {
					// No reading is the truth about a meter that does not answer; sensor-validate tells who is silent.
					poll.drop();
					show("status.not-connected", "red");
					return null;
				}
				const only = poll.profile.blocks.length === 1 ? poll.profile.blocks[0] : undefined;
				const polls = poll.add(registersOf(msg, only), Date.now());
				if (poll.pending) timer = setTimeout(() => finish(site.id), mergeMs).unref();
				return answer(msg, readingsOf(site.id, polls));
			} catch (error) {
				shown = "";
				throw error;
			}
		});
		this.on("close", () => {
			clearTimeout(timer);
			clearTimeout(silence);
		});

		/** A read node whose meter is gone sends nothing at all: without this the last value would stay green for ever. */
		const listen = (): void => {
			const nowMs = Date.now();
			const allowedMs = heardMs === undefined ? FIRST_SILENCE_MS : Math.max(SHORTEST_SILENCE_MS, 3 * (nowMs - heardMs));
			heardMs = nowMs;
			clearTimeout(silence);
			silence = setTimeout(() => show("status.not-connected", "red"), allowedMs).unref();
		};

		const readingsOf = (site: string, polls: readonly (Quantities & { timeMs: number })[]): WireReading[] =>
			polls.map((one) => meterReading(site, config.machine, one));

		const answer = (msg: EnergyMessage, readings: readonly WireReading[]): EnergyMessage | null => {
			const [first] = readings;
			if (!first) {
				if (!poll?.pending) show("status.no-values", "yellow");
				return null;
			}
			show(statusText(readings.at(-1) ?? first), "green");
			listen();
			msg.payload = readings.length === 1 ? first : readings;
			return msg;
		};

		/** The rest of a poll did not come in time: what came is sent, the rest stays absent. */
		const finish = (site: string): void => {
			const message = answer({} as EnergyMessage, readingsOf(site, poll?.flush() ?? []));
			if (message) this.send(message);
		};
	}
	RED.nodes.registerType("meter-decode", MeterDecode);

	RED.httpAdmin.get("/smartfactory/meter-profiles", RED.auth.needsPermission("flows.read"), (_req, res) => {
		res.json(meterProfiles());
	});
};

function profileOf(config: MeterDecodeConfig): MeterProfile {
	const profile = config.profile === "custom" ? parseProfileText(config.customProfile) : meterProfile(config.profile);
	return config.wordOrder ? { ...profile, wordOrder: config.wordOrder } : profile;
}

/** The modbus nodes send an empty payload with `error` where they are told to do so on failure. */
function isFailure(msg: ModbusMessage): boolean {
	return msg.error !== undefined && msg.error !== null && !Array.isArray(msg.payload) && !Buffer.isBuffer(msg.payload);
}

function statusText({ powerKw, energyKwh }: WireReading): string {
	if (powerKw !== undefined) return `${Number(powerKw.toPrecision(4))} kW`;
	return `${Math.round(energyKwh ?? 0)} kWh`;
}
