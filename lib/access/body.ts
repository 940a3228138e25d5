import { EnergyError } from "../errors.ts";
import type { HttpRequest, HttpResponse } from "./http.ts";

const deepest = 20;
/** Values that one body may hold: 10,000 readings of ten quantities, twice over. */
const mostValues = 250_000;

/** So many times the limit is read and thrown away before the answer; who sends more may be cut off. */
const patience = 8;

/** Reads the whole body, at most `limit` bytes. @throws EnergyError `access.body-large`, `access.body-cut` */
export function readBody(req: HttpRequest, res: HttpResponse, limit: number): Promise<Buffer> {
	return new Promise((resolve, reject) => {
		const tooLarge = (): void => reject(new EnergyError("access.body-large", { limitMb: limit / 1_000_000 }));
		let answered = false;
		const cutOff = (): void => {
			if (answered) return;
			answered = true;
			res.setHeader("Connection", "close");
			tooLarge();
		};
		if (Number(req.headers["content-length"]) > limit * patience) cutOff();
		const chunks: Buffer[] = [];
		let size = 0;
		req.on("data", (chunk: Buffer) => {
			size += chunk.length;
			if (size <= limit) chunks.push(chunk);
			else chunks.length = 0;
			if (size > limit * patience) cutOff();
		});
		// A caller that is still sending would find its connection reset and not see why: it is answered at the end.
		req.on("end", () => (size > limit ? tooLarge() : resolve(Buffer.concat(chunks))));
		req.on("aborted", () => reject(new EnergyError("access.body-cut")));
		req.on("error", reject);
	});
}

/**
 * The body as JSON.
 *
 * @throws EnergyError `access.media-type` for anything but uncompressed `application/json`, `access.body-malformed`,
 *   `access.body-deep`, and those of `readBody`
 */
export async function readJson(req: HttpRequest, res: HttpResponse, limit: number): Promise<unknown> {
	const [type, ...parameters] = (req.headers["content-type"] ?? "").toLowerCase().split(";");
	const charset = parameters.map((part) => part.trim()).find((part) => part.startsWith("charset="));
	const plain = (req.headers["content-encoding"] ?? "identity") === "identity";
	if (type?.trim() !== "application/json" || !plain || (charset && !/^charset="?utf-8"?$/.test(charset))) {
		throw new EnergyError("access.media-type", {
			received: req.headers["content-encoding"] ?? req.headers["content-type"] ?? "–",
			allowed: "application/json",
		});
	}
	const bytes = await readBody(req, res, limit);
	let body: unknown;
	try {
		body = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
	} catch (error) {
		// V8's words quote the place, which helps whoever built the text; never more than a line of it.
		throw new EnergyError("access.body-malformed", { reason: (error as Error).message.slice(0, 160) });
	}
	refuseDangerous(body, 0, { left: mostValues });
	return body;
}

/** Depth and number of values that no caller of ours needs, and the one key that changes an object's nature when copied. */
function refuseDangerous(value: unknown, depth: number, values: { left: number }): void {
	if (--values.left < 0) throw new EnergyError("access.body-many", { max: mostValues });
	if (typeof value !== "object" || value === null) return;
	if (depth >= deepest) throw new EnergyError("access.body-deep", { max: deepest });
	if (Array.isArray(value)) {
		for (const item of value) refuseDangerous(item, depth + 1, values);
		return;
	}
	if (Object.hasOwn(value, "__proto__")) throw new EnergyError("access.body-malformed", { reason: "__proto__" });
	for (const item of Object.values(value)) refuseDangerous(item, depth + 1, values);
}
