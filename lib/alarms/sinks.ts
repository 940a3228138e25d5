import { createHmac } from "node:crypto";
import { EnergyError } from "../errors.ts";
import { type Language, text } from "../messages.ts";
import type { WireAlarm } from "./wire.ts";

/** Delivering failed. */
export class SinkError extends Error {
	/** Trying again cannot help. */
	readonly lasting: boolean;

	constructor(message: string, lasting: boolean, options?: ErrorOptions) {
		super(message, options);
		this.name = "SinkError";
		this.lasting = lasting;
	}
}

const TIMEOUT_MS = 10_000;

export interface Webhook {
	url: string;
	/** Signs the body: `X-Smartfactory-Signature: sha256=<hex of HMAC-SHA256>`; empty: no signature. */
	secret: string;
}

/**
 * Posts JSON. The id travels as `Idempotency-Key`, so that a receiver can tell what it has seen.
 *
 * @throws SinkError lasting for a 4xx other than 408, 425 and 429
 */
export async function postWebhook({ url, secret }: Webhook, id: string, body: unknown): Promise<void> {
	const json = JSON.stringify(body);
	const headers: Record<string, string> = { "content-type": "application/json; charset=utf-8", "idempotency-key": id };
	if (secret) headers["x-smartfactory-signature"] = `sha256=${createHmac("sha256", secret).update(json).digest("hex")}`;
	const { address, login } = addressed(url);
	if (login) headers.authorization = login;
	let status: number;
	try {
		const signal = AbortSignal.timeout(TIMEOUT_MS);
		const response = await fetch(address, { method: "POST", headers, body: json, redirect: "manual", signal });
		status = response.status;
		await response.body?.cancel();
	} catch (cause) {
		const reason =
			cause instanceof Error ? ((cause.cause as Error | undefined)?.message ?? cause.message) : String(cause);
		throw new SinkError(reason, false, { cause });
	}
	if (status >= 200 && status < 300) return;
	throw new SinkError(`HTTP ${status}`, status >= 400 && status < 500 && ![408, 425, 429].includes(status));
}

/** User and password of an address go into a header: fetch refuses them where they are, and says them in its error. */
function addressed(url: string): { address: URL; login?: string } {
	const address = URL.parse(url);
	if (!address) throw new SinkError("the address is no URL", false);
	const { username, password } = address;
	if (username === "" && password === "") return { address };
	address.username = "";
	address.password = "";
	const plain = [username, password].map(decodeURIComponent).join(":");
	return { address, login: `Basic ${Buffer.from(plain).toString("base64")}` };
}

export interface MailServer {
	host: string;
	port: number;
	/** TLS from the first byte; without it STARTTLS is used where the server offers it. */
	secure: boolean;
	user: string;
	password: string;
	from: string;
	to: string;
}

export interface Letter {
	subject: string;
	text: string;
}

/** Sends letters over one SMTP server; the package nodemailer is asked for only when there is one to send. */
export class Mailer {
	readonly #server: MailServer;
	#transport: Promise<{ sendMail(letter: object): Promise<unknown>; close(): void }> | undefined;

	constructor(server: MailServer) {
		this.#server = server;
	}

	/** @throws EnergyError `alarms.mail-missing`; SinkError, lasting where the server refuses the letter for good */
	async send(letter: Letter): Promise<void> {
		this.#transport ??= this.#open();
		const transport = await this.#transport;
		const { from, to } = this.#server;
		try {
			await transport.sendMail({ from, to, ...letter });
		} catch (cause) {
			const code = (cause as { responseCode?: unknown }).responseCode;
			const lasting = typeof code === "number" && code >= 500 && code !== 535;
			throw new SinkError(cause instanceof Error ? cause.message : String(cause), lasting, { cause });
		}
	}

	close(): void {
		this.#transport?.then((transport) => transport.close()).catch(() => {});
	}

	async #open(): Promise<{ sendMail(letter: object): Promise<unknown>; close(): void }> {
		const { host, port, secure, user, password } = this.#server;
		let nodemailer: typeof import("nodemailer");
		try {
			nodemailer = await import("nodemailer");
		} catch (cause) {
			this.#transport = undefined;
			throw new EnergyError("alarms.mail-missing", {}, { cause });
		}
		return nodemailer.createTransport({
			...{ host, port, secure, connectionTimeout: TIMEOUT_MS, socketTimeout: TIMEOUT_MS, greetingTimeout: TIMEOUT_MS },
			...(user ? { auth: { user, pass: password } } : {}),
		});
	}
}

/** An alarm as a letter: the subject says it all, the text what it costs and since when. */
export function letterOf(alarm: WireAlarm, machineName: string, timeZone: string, language: Language): Letter {
	const what = alarm.cause?.text[language] ?? alarm.rule;
	const priority = text(`alarms.priority.${alarm.priority}`, {}, language);
	const time = alarm.raised
		? new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium", timeZone }).format(
				new Date(alarm.raised),
			)
		: "–";
	const lines = [text("alarms.letter.since", { time }, language)];
	if (alarm.krwPerHour !== null) {
		lines.push(text("alarms.letter.cost", { krw: alarm.krwPerHour.toLocaleString(language) }, language));
	}
	lines.push(text("alarms.letter.do", {}, language), "", `${alarm.site} · ${alarm.machine || "–"} · ${alarm.id}`);
	// A subject is one line, whatever a machine is called.
	const subject = `[${priority}] ${machineName}: ${what}`.replace(/[\r\n]+/g, " ").slice(0, 200);
	return { subject, text: [what, "", ...lines].join("\n") };
}
