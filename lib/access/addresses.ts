import type { IncomingMessage } from "node:http";
import { BlockList, isIP, isIPv4, isIPv6 } from "node:net";
import { EnergyError } from "../errors.ts";

/** Whose `X-Forwarded-…` headers are believed. */
export interface Proxies {
	/** Whether this neighbour may say for whom it asks. */
	trusts(address: string): boolean;
	/** How many steps back along X-Forwarded-For may be taken at most. */
	steps: number;
}

/** Nobody's. */
const noProxies: Proxies = { trusts: () => false, steps: 0 };

/**
 * @param given `true`: whoever is our neighbour is the proxy, one step away; a text of addresses and networks with
 *   commas (`10.0.0.5, fd00::/8`): these, however many stand in a row; nothing or `false`: none
 * @throws EnergyError `access.proxy-invalid`
 */
export function proxiesFrom(given: boolean | string | undefined): Proxies {
	const text = String(given ?? "").trim();
	if (text === "" || text === "false") return noProxies;
	if (text === "true") return { trusts: () => true, steps: 1 };
	const known = new BlockList();
	for (const entry of text.split(",").map((each) => each.trim())) {
		const [network = "", bits, ...more] = entry.split("/");
		const family = isIPv6(network) ? "ipv6" : "ipv4";
		const longest = family === "ipv6" ? 128 : 32;
		const length = bits === undefined ? longest : /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN;
		if (isIP(network) === 0 || more.length > 0 || !(length <= longest)) {
			throw new EnergyError("access.proxy-invalid", { value: entry });
		}
		known.addSubnet(network, length, family);
	}
	return {
		trusts: (address) => isIP(address) !== 0 && known.check(address, isIPv6(address) ? "ipv6" : "ipv4"),
		steps: Number.POSITIVE_INFINITY,
	};
}

/** As much of a request as says where it comes from. */
export type Asker = Pick<IncomingMessage, "headers"> & { socket?: { remoteAddress?: string | undefined } };

/** What the neighbour says in such a header, where it is a trusted proxy; the last entry is its own. */
export function forwarded(req: Asker, header: `x-forwarded-${"proto" | "host"}`, proxies: Proxies): string | undefined {
	return proxies.trusts(neighbour(req)) ? entriesOf(req.headers[header]).at(-1) : undefined;
}

/** Whoever asks: the neighbour, or behind trusted proxies the one that the first of them heard. */
export function addressOf(req: Asker, { trusts, steps }: Proxies): string {
	let address = neighbour(req);
	const said = entriesOf(req.headers["x-forwarded-for"]).reverse();
	for (const entry of said.slice(0, Math.min(steps, said.length))) {
		const before = addressIn(entry);
		// What stands before an entry that is no address, or was added by nobody we know, may be anybody's invention.
		if (!trusts(address) || before === undefined) break;
		address = before;
	}
	return address || "unknown";
}

/**
 * What limits count an address as: of IPv6 its network of 64 bits, which one subscriber or machine has to itself and
 * could draw new addresses from without end.
 */
export function networkOf(address: string): string {
	if (!isIPv6(address)) return address;
	return `${groupsOf(address)
		.slice(0, 4)
		.map((group) => group.toString(16))
		.join(":")}::/64`;
}

const neighbour = ({ socket }: Asker): string => addressIn(socket?.remoteAddress ?? "") ?? "";

const entriesOf = (header: string | string[] | undefined): string[] =>
	(Array.isArray(header) ? header.join(",") : (header ?? ""))
		.split(",")
		.map((entry) => entry.trim())
		.filter((entry) => entry !== "");

/** An address without port, brackets and zone; IPv4 as such, also where it came over an IPv6 socket. */
function addressIn(entry: string): string | undefined {
	const bare = (/^\[(.+)\](?::\d+)?$/.exec(entry)?.[1] ?? entry.replace(/^([\d.]+):\d+$/, "$1")).replace(/%.*$/, "");
	if (!isIPv6(bare)) return isIPv4(bare) ? bare : undefined;
	const groups = groupsOf(bare);
	const [high = 0, low = 0] = groups.slice(6);
	const mapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
	return mapped ? [high >> 8, high & 255, low >> 8, low & 255].join(".") : bare.toLowerCase();
}

/** The eight groups of an IPv6 address. */
function groupsOf(address: string): number[] {
	const dotted = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_all, ...bytes: string[]) => {
		const [a = 0, b = 0, c = 0, d = 0] = bytes.slice(0, 4).map(Number);
		return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
	});
	const [head = "", tail] = dotted.split("::");
	const groups = (text: string): number[] =>
		text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16));
	const [first, last] = [groups(head), groups(tail ?? "")];
	return tail === undefined ? first : [...first, ...Array<number>(8 - first.length - last.length).fill(0), ...last];
}
