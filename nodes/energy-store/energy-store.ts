import type { Node, NodeAPI, NodeDef } from "node-red";
import { EnergyError } from "../../lib/errors.ts";
import type { WriteOutcome } from "../../lib/store/store.ts";
import { quarantinable, sortedOut, storable } from "../../lib/store/wire.ts";
import { onInput } from "../on-input.ts";
import { isTagged, settle, unsettle } from "../settlement.ts";
import { siteOf } from "../site-of.ts";
import { type EnergyStoreConfig, type Operation, operations } from "./config.ts";
import { Imports } from "./imports.ts";
import type { StoreMessage } from "./message.ts";
import { answer } from "./questions.ts";

const listOf = (payload: unknown): readonly unknown[] => (Array.isArray(payload) ? payload : [payload]);

export default (RED: NodeAPI): void => {
	function EnergyStore(this: Node, config: EnergyStoreConfig & NodeDef): void {
		RED.nodes.createNode(this, config);
		const status = statusOf(this);
		let imports: Imports | undefined;
		const opened = (): Imports => {
			imports ??= new Imports(siteOf(RED, config.site));
			return imports;
		};
		// Jobs of before this start are asked for, too.
		if (config.operation === "import") {
			try {
				opened();
			} catch {
				// The first message says that the site is missing.
			}
		}

		onInput(RED, { node: this, site: config.site }, async (received) => {
			const msg: StoreMessage = received;
			try {
				const operation = operationOf(config, msg);
				if (operation === "write") await write(msg);
				else if (operation === "quarantine") await quarantine(msg);
				else {
					if (operation === "import") await opened().take(msg);
					else await answer(msg, operation, siteOf(RED, config.site));
					status.answered();
				}
				return msg;
			} catch (error) {
				status.failed();
				throw error;
			}
		});
		this.on("close", (done: () => void) => {
			status.stop();
			const closing = imports?.close() ?? Promise.resolve();
			imports = undefined;
			closing.then(done, done);
		});

		/** A batch either settles here, or is told to have failed, so that its sender keeps it. */
		async function committing<T>(msg: StoreMessage, count: number, work: () => Promise<T>): Promise<T> {
			try {
				const outcome = await work();
				settle(msg.ingest, count);
				status.wrote(count);
				return outcome;
			} catch (error) {
				unsettle(msg.ingest, error);
				throw error;
			}
		}

		async function write(msg: StoreMessage): Promise<void> {
			const given = listOf(msg.payload);
			const outcome = await committing(msg, given.length, async () => {
				if (given.length === 0) return { inserted: 0, duplicates: 0, replaced: 0 };
				const siteNode = siteOf(RED, config.site);
				const store = await siteNode.store();
				try {
					return await store.write(given.map(storable));
				} catch (error) {
					// The broker would deliver it again and again, and nothing behind it.
					if (!isTagged(msg.ingest) || !(error instanceof EnergyError && error.code === "store.bad-reading"))
						throw error;
					const { readings, refused } = sortedOut(given, siteNode.site.id, Date.now());
					await store.quarantine(refused);
					return store.write(readings);
				}
			});
			if (msg.req && msg.validation) Object.assign(msg, answerTo(msg.validation, outcome, given.length));
			else msg.payload = outcome;
		}

		async function quarantine(msg: StoreMessage): Promise<void> {
			const given = listOf(msg.payload);
			await committing(msg, given.length, async () => {
				const entries = given.map(quarantinable);
				if (entries.length > 0) await (await siteOf(RED, config.site).store()).quarantine(entries);
			});
			msg.payload = { quarantined: given.length };
		}
	}
	RED.nodes.registerType("energy-store", EnergyStore);
};

/** What POST /api/v1/data/sensors answers: 200 all taken, 207 some, 422 none. */
function answerTo(validation: NonNullable<StoreMessage["validation"]>, outcome: WriteOutcome, written: number) {
	const rejected = validation.rejected ?? [];
	const accepted = validation.accepted ?? written;
	const statusCode = rejected.length === 0 ? 200 : accepted > 0 ? 207 : 422;
	return { statusCode, payload: { accepted, ...outcome, rejected } };
}

function operationOf(config: EnergyStoreConfig, msg: StoreMessage): Operation {
	const wanted = config.operation === "from-message" ? msg.operation : config.operation;
	const known = operations.find((operation) => operation === wanted);
	if (known) return known;
	throw new EnergyError("store.bad-query", {
		field: "operation",
		value: wanted ?? "",
		rule: `one of ${operations.join(", ")}`,
	});
}

/** Status at most once a second: a flow of readings must not become a flow of status messages. */
function statusOf(node: Node) {
	let count = 0;
	let shown = "";
	let timer: NodeJS.Timeout | undefined;
	const show = (text: string, fill: "green" | "blue") => {
		if (shown !== text) node.status({ fill, shape: "dot", text });
		shown = text;
	};
	return {
		wrote(readings: number): void {
			count += readings;
			timer ??= setTimeout(() => {
				show(`${count}/s`, "green");
				count = 0;
				timer = undefined;
			}, 1000).unref();
		},
		answered(): void {
			show("status.answered", "blue");
		},
		/** The funnel shows the error; the next success has to be shown again. */
		failed(): void {
			shown = "";
			count = 0;
			clearTimeout(timer);
			timer = undefined;
		},
		stop(): void {
			clearTimeout(timer);
		},
	};
}
