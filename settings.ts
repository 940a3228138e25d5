// Node-RED's settings. Named exports only: Node-RED reads them one by one and ignores a default export without a word.
import { loadApp } from "./cli/app.ts";
import { noteConfig } from "./lib/access/audit-config.ts";
import { createAccess, settingsFor } from "./lib/access/index.ts";
import { readData } from "./lib/data.ts";
import { nodeRedHandler, openLogFile } from "./lib/log/log-file.ts";
import { packageRoot } from "./lib/package-root.cjs";
import { openStore } from "./lib/store/open.ts";
import { readCertificate } from "./lib/tls/certificates.ts";

const app = loadApp();
if (app.config.logging.file) {
	const { format, max_mb: maxMb, files } = app.config.logging;
	openLogFile({ home: app.home, mode: app.mode, level: app.config.system.log_level, format, maxMb, files });
}
const access = createAccess({
	home: app.home,
	secretKey: process.env.SMARTFACTORY_SECRET_KEY || undefined,
	adminPassword: process.env.SMARTFACTORY_ADMIN_PASSWORD || undefined,
	validateResponses: app.env !== "production",
	apiPerMinute: app.config.limits.api_per_minute,
	addressPerMinute: app.config.limits.address_per_minute,
	workPerMinute: app.config.limits.work_per_minute,
	bodyLimit: app.config.limits.body_mb * 1_000_000,
	corsOrigins: app.config.system.cors_origins.split(",").flatMap((origin) => origin.trim() || []),
	auditStore: () => openStore(app.dbUrl, { batchSize: app.config.data.batch_size }),
});
if (access.audit) noteConfig(access.audit, app.home, app.config);
const wired = settingsFor(access);

export const uiPort = app.config.system.api_port;
export const uiHost = app.config.system.api_host;
export const flowFile = process.env.SMARTFACTORY_FLOW_FILE || "flows.json";
export const nodesDir = [packageRoot];
export const credentialSecret = access.credentialSecret;

const { tls_cert: cert, tls_key: key } = app.config.system;
/** Read again twice a day: a renewed certificate needs no restart. */
export const https = cert ? () => ({ ...readCertificate({ cert, key }), minVersion: "TLSv1.2" }) : undefined;
export const httpsRefreshInterval = 12;

export const httpNodeRoot = "/";
/** One process serves one concern: only the full mode has an editor. */
export const httpAdminRoot = app.mode === "full" ? "/editor" : false;
export const httpNodeAuth = wired.httpNodeAuth;
export const httpAdminMiddleware = wired.httpAdminMiddleware;
export const adminAuth = wired.adminAuth;
export const dashboard = wired.dashboard;
export const webSocketNodeVerifyClient = wired.webSocketNodeVerifyClient;
export const smartEnergy = wired.smartEnergy;

export const telemetry = { enabled: false };
export const functionExternalModules = false;
export const diagnostics = { enabled: true, ui: true };
export const runtimeState = { enabled: false, ui: false };
/** What function nodes may read with global.get(). */
export const functionGlobalContext = { smartEnergyVersion: readData<{ version: string }>("package.json").version };
export const exportGlobalContextKeys = false;
export const logging = {
	console: { level: app.config.system.log_level, metrics: false, audit: false },
	...(app.config.logging.file && {
		file: { level: app.config.system.log_level, metrics: false, audit: false, handler: nodeRedHandler },
	}),
};
export const editorTheme = {
	page: { title: "Smart Energy" },
	header: { title: "Smart Energy" },
	tours: false,
	projects: { enabled: false },
	palette: {
		categories: ["smart energy", "subflows", "common", "function", "network", "sequence", "parser", "storage"],
	},
};
