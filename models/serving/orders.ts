import "../all-kinds.ts";
import { tried } from "../onnx/brought-model.ts";
import { ForeignModel } from "../onnx/foreign.ts";
import { dropSession } from "../onnx/runtime.ts";
import type { ServeOrder, ServeReply } from "./protocol.ts";
import { failureFrom, ModelShelf, serveAll } from "./serve.ts";

/** Works orders off one after the other: what a serving thread and a serving process have in common. */
export class OrderBook {
	readonly #shelf = new ModelShelf();
	#turn: Promise<unknown> = Promise.resolve();

	/** @param reply gets one answer for each order, and never throws */
	take(order: ServeOrder, reply: (reply: ServeReply) => void): void {
		this.#turn = this.#turn.then(async () => {
			let answer: ServeReply;
			try {
				answer = { id: order.id, ...(await this.#work(order)) };
			} catch (error) {
				answer = { id: order.id, failure: failureFrom(error) };
			}
			reply(answer);
		});
	}

	async #work(order: ServeOrder): Promise<Omit<Extract<ServeReply, { answers: unknown }>, "id"> | { tried: Tried }> {
		if (order.what === "serve") return { answers: await serveAll(this.#shelf, order.questions, order.choice) };
		if (order.what === "try") return { tried: await tried(order.data, order.options) };
		const [key, { provider }] = [`check ${order.id}`, order.choice];
		try {
			await ForeignModel.open(key, order.file, order.manifest, provider);
		} finally {
			// Held, each file that somebody tried to bring would stay in memory.
			await dropSession(key, provider);
		}
		return { answers: [] };
	}
}

type Tried = Awaited<ReturnType<typeof tried>>;
