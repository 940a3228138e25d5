import type { IncomingMessage } from "node:http";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { builtContract, Contract, readContract } from "../api/contract.ts";
import { ApiFront } from "../api/front.ts";
import { IdempotencyKeys } from "../api/idempotency.ts";
import { languageOf } from "../messages.ts";
import { openStore } from "../store/open.ts";
import type { Store } from "../store/store.ts";
import { proxiesFrom } from "./addresses.ts";
import { ApiKeys } from "./api-keys.ts";
import { Audit } from "./audit.ts";
import type { AccessContext } from "./context.ts";
import { FlowChanges } from "./flow-changes.ts";
import type { Handler } from "./http.ts";
import { KeyRing } from "./key-ring.ts";
import { Ledger } from "./ledger.ts";
import { SlidingWindow } from "./limits.ts";
import { type AdminAuth, adminAuthOf, type IoMiddleware, ioMiddlewareOf } from "./node-red.ts";
import { contractCheck } from "./openapi.ts";
import { createAdminCheck, createPageCheck, createRouter, type RouterOptions, strangerBodyLimit } from "./router.ts";
import { secretOf } from "./secrets.ts";
import { type EndListener, Sessions } from "./session.ts";
import { Tokens } from "./tokens.ts";
import { Users } from "./users.ts";

export type { AccessContext, Role } from "./context.ts";
export { accessOf, checkSite, mayAt } from "./context.ts";
export type { Grants } from "./grants.ts";
export type { User, Users } from "./users.ts";

export interface AccessOptions {
	/** Where users and secrets are kept, in the folder `secrets`. */
	home: string;
	/** Signs tokens; default SMARTFACTORY_SECRET_KEY, else a file that is made on first start. */
	secretKey?: string;
	/** Password of `admin`; default SMARTFACTORY_ADMIN_PASSWORD, else a random one on first start. */
	adminPassword?: string;
	/** Contract of the API, JSON or (with the package `yaml`) YAML; default the one that ships. */
	openapiPath?: string;
	/** Hold answers against the contract too; default outside production. */
	validateResponses?: boolean;
	/**
	 * Whose X-Forwarded-For, -Proto and -Host are believed: those of these addresses and networks (`10.0.0.5, fd00::/8`),
	 * or with `true` those of whoever is our neighbour. Default SMARTFACTORY_TRUST_PROXY, else nobody's.
	 */
	trustProxy?: boolean | string;
	/** A session that is not used for this long ends; default 12 h. */
	sessionMs?: number;
	/** Life of an access token; default 15 min. */
	tokenMs?: number;
	/** A sign-in over the API that is not refreshed for this long ends; default 7 days. */
	refreshMs?: number;
	/** Largest body of the API, bytes; default 5 MB. */
	bodyLimit?: number;
	/** Requests to the API a minute of one user or key; default 6,000. */
	apiPerMinute?: number;
	/** Requests to the API a minute of one address, whoever asks; default twice `apiPerMinute`. */
	addressPerMinute?: number;
	/** Units of work a minute of one user or key (`x-cost` in the contract: a training is 10); default 600. */
	workPerMinute?: number;
	/** Where a signed-in person starts; default `/dashboard`. */
	homePath?: string;
	/** Node-RED's httpNodeRoot; default `/`. */
	httpNodeRoot?: string;
	/** The store of the audit, or its URL (`sqlite:///path/energy.db`); without one nothing is kept of who did what. */
	auditStore?: string | (() => Promise<Store>);
	/**
	 * Origins whose pages may use the API with a token, such as `https://a.example`; default SMARTFACTORY_CORS_ORIGINS,
	 * with commas, else none.
	 */
	corsOrigins?: readonly string[];
	/** Takes what went wrong inside; default stderr. Never given a secret. */
	log?: (text: string) => void;
	now?: () => number;
}

/** Who may come in, and what each of Node-RED's doors asks. */
export interface Access {
	/** The random password of `admin` on first start; whoever made the Access shows it, once. */
	readonly firstPassword: string | undefined;
	/** What was done; absent where no store was given. */
	readonly audit: Audit | undefined;
	/** Keeps what is deployed; absent where nothing is kept. */
	readonly flows: FlowChanges | undefined;
	/** Hands over what the audit still holds, and lets go of the store. */
	close(): Promise<void>;
	/** For the setting of the same name; made once, because a new one would break every stored credential. */
	readonly credentialSecret: string;
	readonly users: Users;
	readonly apiKeys: ApiKeys;
	/** The one router in front of flows: Node-RED's `httpNodeAuth`. */
	readonly guard: Handler;
	readonly httpAdminMiddleware: Handler;
	readonly adminAuth: AdminAuth;
	readonly dashboardMiddleware: Handler;
	readonly dashboardIoMiddleware: IoMiddleware;
	/**
	 * Who opens a WebSocket: by bearer header, or by cookie from a page of ours. Null refuses.
	 * The caller answers 401 and closes.
	 */
	authenticateUpgrade(req: IncomingMessage): Promise<AccessContext | null>;
	/**
	 * Calls back when somebody signs out, so that open sockets close too: with what `authenticateUpgrade` gave as
	 * `requestId`, or `*` where every sign-in of that user ended. Returns how to stop listening.
	 */
	onSignOut(listener: EndListener): () => void;
}

/** Node-RED settings that lock every door. */
export interface AccessSettings {
	httpNodeAuth: Handler;
	httpAdminMiddleware: Handler;
	adminAuth: AdminAuth;
	dashboard: { middleware: Handler; ioMiddleware: IoMiddleware };
	webSocketNodeVerifyClient: (
		info: { req: IncomingMessage },
		answer: (admit: boolean, status?: number, reason?: string) => void,
	) => void;
	/** For our own nodes: `RED.settings.smartEnergy`. */
	smartEnergy: Access;
}

/**
 * Opens `home` and gives what settings.js wires in front of flows, dashboard and editor.
 *
 * @throws EnergyError `access.secret-short`, `access.secret-damaged`, `access.password-short`, `access.users-damaged`,
 *   `access.proxy-invalid`
 */
export function createAccess(options: AccessOptions): Access {
	const now = options.now ?? Date.now;
	const home = resolve(options.home);
	const nodeBase = (options.httpNodeRoot ?? "/").replace(/\/+$/, "");
	const given = options.secretKey ?? (process.env.SMARTFACTORY_SECRET_KEY || undefined);
	const ring = new KeyRing(home, given, now, process.env.SMARTFACTORY_SECRET_KEY_OLD || undefined);
	const users = new Users(home, options.adminPassword ?? process.env.SMARTFACTORY_ADMIN_PASSWORD, now);
	const ledger = new Ledger(home);
	const apiKeys = new ApiKeys(home, ledger, now);
	const tokens = new Tokens(ring, ledger, users, now);
	const { auditStore } = options;
	const open = typeof auditStore === "string" ? () => openStore(auditStore) : auditStore;
	const audit = open && new Audit({ home, open, now });
	const flows = audit && new FlowChanges(audit, home);
	const sessions = new Sessions(
		{ users, tokens, ledger, apiKeys },
		{
			sessionMs: options.sessionMs ?? 12 * 3_600_000,
			tokenMs: options.tokenMs ?? 15 * 60_000,
			refreshMs: options.refreshMs ?? 7 * 86_400_000,
			proxies: proxiesFrom(options.trustProxy ?? process.env.SMARTFACTORY_TRUST_PROXY),
			now,
			audit,
		},
	);
	const production = process.env.NODE_ENV === "production" || process.env.SMARTFACTORY_ENV === "production";
	const contract = new Contract(readContract(options.openapiPath ?? builtContract));
	const log = options.log ?? ((text: string) => console.error(text));
	const validate = options.validateResponses ?? !production;
	const router: RouterOptions = {
		sessions,
		api: new ApiFront({
			contract,
			check: contractCheck(contract, validate),
			validate,
			keys: new IdempotencyKeys(home, now),
			home,
			bodyLimit: options.bodyLimit ?? 5_000_000,
			strangerBodyLimit,
			addressOf: (req) => sessions.address(req),
			failed: log,
		}),
		apiLimit: new SlidingWindow(options.apiPerMinute ?? 6_000, 60_000, now),
		addressLimit: new SlidingWindow(options.addressPerMinute ?? 2 * (options.apiPerMinute ?? 6_000), 60_000, now),
		workLimit: new SlidingWindow(options.workPerMinute ?? 600, 60_000, now),
		strangerLimit: new SlidingWindow(600, 60_000, now),
		home: options.homePath ?? "/dashboard",
		nodeBase,
		origins: new Set(options.corsOrigins ?? listOf(process.env.SMARTFACTORY_CORS_ORIGINS)),
		log,
		audit,
		flows,
	};
	return {
		firstPassword: users.firstPassword,
		credentialSecret: secretOf(home, "credential.key", process.env.NODE_RED_CREDENTIAL_SECRET),
		users,
		apiKeys,
		audit,
		flows,
		close: async () => {
			await audit?.close();
			ledger.close();
		},
		guard: createRouter(router),
		httpAdminMiddleware: createAdminCheck(router),
		adminAuth: adminAuthOf(sessions),
		dashboardMiddleware: createPageCheck(router),
		dashboardIoMiddleware: ioMiddlewareOf(sessions),
		onSignOut: (listener) => sessions.onSignOut(listener),
		authenticateUpgrade: async (req) => {
			const signedIn = await sessions.identify(req, true).catch(() => null);
			return (
				signedIn && {
					user: signedIn.user.name,
					role: signedIn.user.role,
					sites: signedIn.user.sites,
					language: languageOf(req.headers["accept-language"]),
					requestId: signedIn.claims.session,
				}
			);
		},
	};
}

const listOf = (text = ""): string[] => text.split(",").flatMap((each) => each.trim() || []);

/** What settings.js spreads: `module.exports = { ...settingsFor(createAccess({ home: __dirname })) }`. */
export function settingsFor(access: Access): AccessSettings {
	return {
		httpNodeAuth: access.guard,
		httpAdminMiddleware: access.httpAdminMiddleware,
		adminAuth: access.adminAuth,
		dashboard: { middleware: access.dashboardMiddleware, ioMiddleware: access.dashboardIoMiddleware },
		webSocketNodeVerifyClient: ({ req }, answer) => {
			access.authenticateUpgrade(req).then(
				(context) => (context ? answer(true) : answer(false, 401, "Unauthorized")),
				() => answer(false, 500, "Internal Server Error"),
			);
		},
		smartEnergy: access,
	};
}

/**
 * The whole of it in one line of somebody's own settings.js: `...require("@smartfactory/node-red-energy/access").secure(__dirname)`.
 * Keeps users and secrets in `<folder>/.smartfactory` and prints the first password once.
 */
export function secure(folder: string): AccessSettings {
	// The same file as that of an energy-site node without a store of its own.
	const url =
		process.env.SMARTFACTORY_DB_URL || pathToFileURL(join(folder, "energy.db")).href.replace(/^file:/, "sqlite:");
	const access = createAccess({ home: join(folder, ".smartfactory"), auditStore: url });
	if (access.firstPassword) console.log(`Smart Energy: sign in as admin with the password ${access.firstPassword}`);
	return settingsFor(access);
}
