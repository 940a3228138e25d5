import { X509Certificate } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { hostname, networkInterfaces } from "node:os";
import { join } from "node:path";
import { writeSecretFile } from "../access/secrets.ts";
import { EnergyError } from "../errors.ts";

type Library = typeof import("selfsigned");
interface SubjectAltNameEntry {
	type: 2 | 7;
	value?: string;
	ip?: string;
}

export interface CertificateFiles {
	/** PEM. */
	cert: string;
	key: string;
	/** The authority that signed it: what others have to trust. */
	ca: string;
}

const DAY_MS = 86_400_000;
const AUTHORITY_DAYS = 3_650;
/** Browsers take no longer life than 398 days. */
const SERVER_DAYS = 397;
const METER_DAYS = 1_825;
const RENEW_BEFORE_MS = 30 * DAY_MS;
const curve = { keyType: "ec", curve: "P-256", algorithm: "sha256" } as const;
const meterName = /^[A-Za-z0-9_-]{1,64}$/;

/** Names by which this machine is reached. */
export function ownNames(): string[] {
	const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
	const plain = addresses.filter(({ address }) => !address.startsWith("fe80")).map(({ address }) => address);
	return [...new Set(["localhost", hostname(), "127.0.0.1", "::1", ...plain])];
}

/**
 * The server's certificate by an authority of this home's own; both are made where they are missing, and the server's
 * again when its time is nearly over or a name is missing.
 *
 * @throws EnergyError `tls.package-missing`
 */
export async function serverCertificate(
	home: string,
	names: readonly string[] = ownNames(),
	nowMs = Date.now(),
): Promise<CertificateFiles> {
	const { folder, ca, caKey } = await authority(home, nowMs);
	const files = { cert: join(folder, "server.pem"), key: join(folder, "server-key.pem"), ca: join(folder, "ca.pem") };
	if (existsSync(files.cert) && existsSync(files.key) && isGood(files.cert, ca, names, nowMs)) return files;
	const made = await (await library()).generate([{ name: "commonName", value: "Smart Energy" }], {
		...curve,
		...lifeOf(SERVER_DAYS, nowMs),
		ca: { key: caKey, cert: ca },
		extensions: [
			{ name: "basicConstraints", cA: false, critical: true },
			{ name: "keyUsage", digitalSignature: true, critical: true },
			{ name: "extKeyUsage", serverAuth: true },
			{ name: "subjectAltName", altNames: names.map(altName) },
		],
	});
	writeSecretFile(files.key, made.private);
	writeSecretFile(files.cert, made.cert);
	return files;
}

/**
 * A certificate by which a meter or gateway shows who it is; its name is that of the machine it may publish for.
 *
 * @throws EnergyError `tls.meter-name`, `tls.package-missing`
 */
export async function meterCertificate(home: string, name: string, nowMs = Date.now()): Promise<CertificateFiles> {
	if (!meterName.test(name)) throw new EnergyError("tls.meter-name", { name: name.slice(0, 80) });
	const { folder, ca, caKey } = await authority(home, nowMs);
	const files = {
		cert: join(folder, `meter-${name}.pem`),
		key: join(folder, `meter-${name}-key.pem`),
		ca: join(folder, "ca.pem"),
	};
	const made = await (await library()).generate([{ name: "commonName", value: name }], {
		...curve,
		...lifeOf(METER_DAYS, nowMs),
		ca: { key: caKey, cert: ca },
		extensions: [
			{ name: "basicConstraints", cA: false, critical: true },
			{ name: "keyUsage", digitalSignature: true, critical: true },
			{ name: "extKeyUsage", clientAuth: true },
		],
	});
	writeSecretFile(files.key, made.private);
	writeSecretFile(files.cert, made.cert);
	return files;
}

/** @throws EnergyError `tls.unreadable` naming the file that can't be used, and why */
export function readCertificate({ cert, key, ca }: Partial<CertificateFiles>): {
	cert?: string;
	key?: string;
	ca?: string;
} {
	const read = (file: string): string => {
		try {
			return readFileSync(file, "utf8");
		} catch (cause) {
			throw new EnergyError("tls.unreadable", { file, reason: (cause as Error).message }, { cause });
		}
	};
	return { ...(cert ? { cert: read(cert) } : {}), ...(key ? { key: read(key) } : {}), ...(ca ? { ca: read(ca) } : {}) };
}

async function authority(home: string, nowMs: number): Promise<{ folder: string; ca: string; caKey: string }> {
	const folder = join(home, "tls");
	const [path, keyPath] = [join(folder, "ca.pem"), join(folder, "ca-key.pem")];
	if (!existsSync(path) || !existsSync(keyPath)) {
		const made = await (await library()).generate([{ name: "commonName", value: "Smart Energy local authority" }], {
			...curve,
			...lifeOf(AUTHORITY_DAYS, nowMs),
			extensions: [
				{ name: "basicConstraints", cA: true, critical: true },
				{ name: "keyUsage", keyCertSign: true, cRLSign: true, critical: true },
			],
		});
		writeSecretFile(keyPath, made.private);
		writeSecretFile(path, made.cert);
	}
	return { folder, ca: readFileSync(path, "utf8"), caKey: readFileSync(keyPath, "utf8") };
}

function lifeOf(days: number, nowMs: number): { notBeforeDate: Date; notAfterDate: Date } {
	// Clocks of meters are not exact.
	return { notBeforeDate: new Date(nowMs - DAY_MS), notAfterDate: new Date(nowMs + days * DAY_MS) };
}

function isGood(path: string, ca: string, names: readonly string[], nowMs: number): boolean {
	const certificate = new X509Certificate(readFileSync(path));
	if (Date.parse(certificate.validTo) - nowMs < RENEW_BEFORE_MS) return false;
	if (!certificate.verify(new X509Certificate(ca).publicKey)) return false;
	return names.every((name) => (isAddress(name) ? certificate.checkIP(name) : certificate.checkHost(name)));
}

const isAddress = (name: string): boolean => /^[\d.]+$|:/.test(name);

/** 7 is an address, 2 a name of DNS (RFC 5280, 4.2.1.6). */
function altName(name: string): SubjectAltNameEntry {
	return isAddress(name) ? { type: 7, ip: name } : { type: 2, value: name };
}

/** Not needed where certificates come from elsewhere. */
async function library(): Promise<Library> {
	try {
		return await import("selfsigned");
	} catch (cause) {
		throw new EnergyError("tls.package-missing", { name: "selfsigned" }, { cause });
	}
}
