// Notes when each reading was published, and tells when it is committed: one probe on either side of the store.
module.exports = (RED) => {
	RED.nodes.registerType("bench-probe", function (config) {
		RED.nodes.createNode(this, config);
		this.on("input", (msg, send, done) => {
			if (config.side === "before") {
				msg.publishedMs = msg.payload.map((reading) => Date.parse(reading.time));
				send(msg);
			} else globalThis.benchCommitted(msg.publishedMs, msg.payload);
			done();
		});
	});
};
