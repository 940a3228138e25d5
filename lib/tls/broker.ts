import { readCertificate } from "./certificates.ts";

/** How a client of a broker shows and checks certificates; files are PEM, empty: none. */
export interface BrokerTls {
	/** The authority of the broker's certificate; without it those that Node knows. */
	ca?: string | undefined;
	/** Our own, for a broker that asks for one. */
	cert?: string | undefined;
	key?: string | undefined;
	/** Whether the broker's certificate has to be right; unless told it has. */
	verify?: boolean | undefined;
}

/** As much of mqtt.js's options as is about TLS. */
export interface BrokerTlsOptions {
	ca?: string;
	cert?: string;
	key?: string;
	rejectUnauthorized?: boolean;
}

/**
 * What every connection to a broker takes from its URL and certificates; nothing where the URL asks for no TLS.
 *
 * @throws EnergyError `tls.unreadable`
 */
export function brokerTlsOptions(url: string, { ca, cert, key, verify = true }: BrokerTls): BrokerTlsOptions {
	if (!/^(mqtts|wss|ssl|tls):/i.test(url)) return {};
	const files = { ca: ca ?? "", cert: cert ?? "", key: key ?? "" };
	return { ...readCertificate(files), rejectUnauthorized: verify };
}

/** The certificates of the whole system, as `npm start` tells its nodes (`system.mqtt_ca`, `mqtt_cert`, `mqtt_key`). */
export function brokerTlsOf(env: Readonly<Record<string, string | undefined>>): BrokerTls {
	return { ca: env.SMARTFACTORY_MQTT_CA, cert: env.SMARTFACTORY_MQTT_CERT, key: env.SMARTFACTORY_MQTT_KEY };
}
