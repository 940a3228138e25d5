import { randomUUID } from "node:crypto";
import { Outbox, type Post } from "../../lib/alarms/outbox.ts";
import { type Letter, letterOf, Mailer, postWebhook, SinkError, type Webhook } from "../../lib/alarms/sinks.ts";
import { isHigher } from "../../lib/alarms/state.ts";
import type { Change, Priority } from "../../lib/alarms/types.ts";
import type { WireAlarm } from "../../lib/alarms/wire.ts";
import { EnergyError } from "../../lib/errors.ts";
import type { Language } from "../../lib/language.ts";
import type { Site } from "../../lib/telemetry/site.ts";
import type { EnergyAlarmConfig, EnergyAlarmCredentials } from "./config.ts";

/** Brings alarms to people and systems; what cannot be delivered waits in the outbox, which the desk keeps. */
export class Delivery {
	outbox = new Outbox();
	readonly #tellFrom: Priority;
	readonly #language: Language;
	readonly #site: Site;
	readonly #webhook: Webhook | undefined;
	readonly #mailer: Mailer | undefined;
	readonly #failed: (error: EnergyError) => void;
	readonly #busy = new Set<Post["sink"]>();

	/** @param failed is told once a sink begins to fail, and of every post that is given up */
	constructor(
		config: EnergyAlarmConfig,
		credentials: EnergyAlarmCredentials,
		site: Site,
		failed: (error: EnergyError) => void,
	) {
		this.#site = site;
		this.#tellFrom = config.tellFrom ?? "medium";
		this.#language = config.language ?? "en-US";
		this.#failed = failed;
		if (config.webhookUrl) this.#webhook = { url: config.webhookUrl, secret: credentials.webhookSecret };
		if (!config.mailTo || !config.smtpHost) return;
		const { mailTo: to, mailFrom: from, smtpHost: host, smtpPort, smtpSecure } = config;
		const { smtpUser: user, smtpPassword: password } = credentials;
		const port = Number(smtpPort) || (smtpSecure ? 465 : 587);
		this.#mailer = new Mailer({ host, port, secure: Boolean(smtpSecure), user, password, from: from || to, to });
	}

	/** @returns whether something was put into the outbox */
	tell({ announce }: Change, event: object, alarm: WireAlarm, nowMs: number): boolean {
		if (!announce || isHigher(this.#tellFrom, alarm.priority)) return false;
		const posts: Pick<Post, "sink" | "body">[] = [];
		if (this.#webhook) posts.push({ sink: "webhook", body: event });
		if (this.#mailer) posts.push({ sink: "mail", body: this.#letter(alarm) });
		for (const post of posts) {
			const lost = this.outbox.add({ ...post, id: randomUUID() }, nowMs);
			if (lost.length > 0)
				this.#failed(new EnergyError("alarms.sink-full", { most: this.outbox.size, sink: post.sink }));
		}
		return posts.length > 0;
	}

	/** Tries what is due, one post of each sink at a time. @param changed is called whenever the outbox is another */
	pump(changed: () => void): void {
		for (const sink of ["webhook", "mail"] as const) {
			if (this.#busy.has(sink)) continue;
			this.#busy.add(sink);
			void this.#drain(sink, changed).finally(() => this.#busy.delete(sink));
		}
	}

	close(): void {
		this.#mailer?.close();
	}

	async #drain(sink: Post["sink"], changed: () => void): Promise<void> {
		for (let post = this.outbox.due(sink, Date.now()); post; post = this.outbox.due(sink, Date.now())) {
			try {
				await this.#deliver(post);
				this.outbox.delivered(post.id);
			} catch (error) {
				const first = post.tries === 0;
				const lasting = error instanceof SinkError && error.lasting;
				const givenUp = this.outbox.failed(post.id, Date.now(), lasting);
				if (first || givenUp) this.#failed(this.#problem(sink, error));
			}
			changed();
		}
	}

	#problem(sink: Post["sink"], error: unknown): EnergyError {
		if (error instanceof EnergyError) return error;
		const message = error instanceof Error ? error.message : String(error);
		return new EnergyError("alarms.sink-failed", { sink, count: this.outbox.size, message });
	}

	async #deliver({ sink, id, body }: Post): Promise<void> {
		if (sink === "mail") await this.#mailer?.send(body as Letter);
		else if (this.#webhook) await postWebhook(this.#webhook, id, body);
	}

	#letter(alarm: WireAlarm): Letter {
		const machine = this.#site.machines.find(({ id }) => id === alarm.machine);
		const name = machine?.names?.[this.#language] ?? machine?.name ?? (alarm.machine || this.#site.name);
		return letterOf(alarm, name, this.#site.timeZone, this.#language);
	}
}
