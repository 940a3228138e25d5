// Publishes single-reading QoS-1 messages at a steady rate from a process of its own, written straight to the socket
// so that it costs the two cores as little as it can. Prints {sent, acknowledged, seconds} as JSON when all is acknowledged.
import { once } from "node:events";
import { connect } from "node:net";
import { generate } from "mqtt-packet";

const [port = "1883", rate = "10000", seconds = "60", machines = "1000", site = "bench"] = process.argv.slice(2);
const perSecond = Number(rate);
const total = perSecond * Number(seconds);
const machineCount = Number(machines);
const SLICE_MS = 10;
/** Unacknowledged messages at most; packet ids end at 65,535. */
const WINDOW = 40_000;

const socket = connect(Number(port), "127.0.0.1");
socket.setNoDelay(true);
await once(socket, "connect");
socket.write(
	generate({
		cmd: "connect",
		protocolId: "MQTT",
		protocolVersion: 4,
		clientId: "bench",
		clean: true,
		keepalive: 0,
		username: process.env.MQTT_USERNAME ?? "bench",
		password: Buffer.from(process.env.MQTT_PASSWORD ?? "bench"),
	}),
);
await once(socket, "data");

let acknowledged = 0;
let rest = 0;
socket.on("data", (chunk: Buffer) => {
	// The broker sends nothing but PUBACKs, of four bytes each in MQTT 3.1.1.
	rest += chunk.length;
	acknowledged += Math.floor(rest / 4);
	rest %= 4;
});

const topics = Array.from({ length: machineCount }, (_, index) =>
	Buffer.from(`smartfactory/${site}/area-${index % 10}/machine-${index}/telemetry`),
);

/** PUBLISH, QoS 1: type and flags, remaining length, topic, packet id, payload. */
function publishPacket(topic: Buffer, packetId: number, payload: string): Buffer {
	const body = Buffer.byteLength(payload);
	const remaining = 2 + topic.length + 2 + body;
	const packet = Buffer.allocUnsafe(3 + remaining);
	packet[0] = 0x32;
	packet[1] = (remaining & 0x7f) | 0x80;
	packet[2] = remaining >> 7;
	let at = packet.writeUInt16BE(topic.length, 3);
	at += topic.copy(packet, at);
	at = packet.writeUInt16BE(packetId, at);
	packet.write(payload, at);
	return packet;
}

const startedAt = performance.now();
let sent = 0;
let lastMs = 0;
while (sent < total) {
	const due = Math.min(total, Math.floor(((performance.now() - startedAt) / 1000) * perSecond));
	const packets: Buffer[] = [];
	while (sent < due && sent - acknowledged < WINDOW) {
		// One machine never reports twice in the same millisecond, as the store would count that once.
		const timeMs = Math.max(Date.now(), lastMs);
		lastMs = sent % machineCount === machineCount - 1 ? timeMs + 1 : timeMs;
		const topic = topics[sent % machineCount] as Buffer;
		const payload = `{"time":"${new Date(timeMs).toISOString()}","powerKw":${(40 + (sent % 97) / 10).toFixed(1)},"energyKwh":${(sent / 100).toFixed(2)}}`;
		packets.push(publishPacket(topic, (sent % 65_535) + 1, payload));
		sent++;
	}
	if (packets.length > 0 && !socket.write(Buffer.concat(packets))) await once(socket, "drain");
	await new Promise((resolve) => setTimeout(resolve, SLICE_MS));
}
const elapsed = (performance.now() - startedAt) / 1000;
const deadline = Date.now() + 30_000;
while (acknowledged < sent && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
console.log(JSON.stringify({ sent, acknowledged, seconds: elapsed }));
socket.destroy();
