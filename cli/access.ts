// `npm run access`: users, API keys and signing keys of this home from the command line, with or without a running system.

import { parseArgs } from "node:util";
import { addKey } from "../lib/access/answers.ts";
import { ApiKeys } from "../lib/access/api-keys.ts";
import { Audit } from "../lib/access/audit.ts";
import { operatingSystemUser } from "../lib/access/audit-config.ts";
import type { Role } from "../lib/access/context.ts";
import { type Grants, roles } from "../lib/access/grants.ts";
import { KeyRing } from "../lib/access/key-ring.ts";
import { Ledger } from "../lib/access/ledger.ts";
import { randomPassword } from "../lib/access/passwords.ts";
import { Users } from "../lib/access/users.ts";
import { EnergyError } from "../lib/errors.ts";
import { openStore } from "../lib/store/open.ts";
import { loadApp } from "./app.ts";
import { reasonOf, say } from "./say.ts";

const options = {
	role: { type: "string" },
	site: { type: "string", multiple: true },
	expires: { type: "string" },
	help: { type: "boolean", short: "h" },
} as const;
type Values = ReturnType<typeof parseArgs<{ options: typeof options }>>["values"];

interface Desk {
	users: Users;
	keys: ApiKeys;
	ledger: Ledger;
	ring: () => KeyRing;
	note: (what: string, target: string, before: unknown, after: unknown) => void;
}
type Verb = (desk: Desk, name: string, values: Values) => Promise<void> | void;

const verbs: Readonly<Record<string, Verb>> = {
	"users list": ({ users }) => {
		for (const { name, disabled, ...grants } of users.list()) {
			console.log(`${name}\t${wordsOf(grants)}${disabled ? "\tdisabled" : ""}`);
		}
	},
	"users add": async ({ users, note }, name, values) => {
		const password = randomPassword();
		const made = await users.add(name, grantsOf(values), password, true);
		note("addUser", name, null, shown(made));
		say("app.access-password", { name, password });
	},
	"users password": async ({ users, note }, name) => {
		const password = randomPassword();
		await users.setPassword(name, password, true);
		note("changeUser", name, null, { passwordReset: true });
		say("app.access-password", { name, password });
	},
	"users role": ({ users, note }, name, values) => {
		const before = users.get(name);
		const after = users.setGrants(name, grantsOf(values));
		note("changeUser", name, before && shown(before), shown(after));
		console.log(`${name}\t${wordsOf(after)}`);
	},
	"users disable": ({ users, note }, name) => {
		users.setDisabled(name, true);
		note("changeUser", name, { disabled: false }, { disabled: true });
	},
	"users enable": ({ users, note }, name) => {
		users.setDisabled(name, false);
		note("changeUser", name, { disabled: true }, { disabled: false });
	},
	"users unlock": ({ ledger, note }, name) => {
		ledger.forgetAttemptsAt(name);
		note("unlockUser", name, null, { lockedUntil: null });
	},
	"users remove": ({ users, note }, name) => {
		const before = users.get(name);
		users.remove(name);
		note("removeUser", name, before && shown(before), null);
	},
	"keys list": ({ keys }) => {
		for (const { id, name, expiresMs, lastUsedMs, ...grants } of keys.list()) {
			console.log([id, name, wordsOf(grants), dateOf(expiresMs), dateOf(lastUsedMs)].join("\t"));
		}
	},
	"keys add": ({ keys, note }, name, values) => {
		const expiresMs = values.expires === undefined ? null : Date.parse(values.expires);
		const { key, made } = addKey({ apiKeys: keys }, name, grantsOf(values), operatingSystemUser(), expiresMs);
		note("addApiKey", `key:${made.id}`, null, { name, ...shown(made), expiresMs });
		say("app.access-key", { key });
	},
	"keys remove": ({ keys, note }, id) => {
		const { name, ...grants } = keys.remove(id);
		note("removeApiKey", `key:${id}`, { name, ...shown(grants) }, null);
	},
	"keys rotate": ({ ring, note }) => {
		const { id } = ring().rotate();
		note("rotateSigningKey", id, null, null);
		say("app.access-rotated", { id });
	},
};
const nameless = ["users list", "keys list", "keys rotate"];

void main().catch((error: unknown) => {
	console.error(reasonOf(error));
	process.exitCode = 1;
});

async function main(): Promise<void> {
	const { values, positionals } = parseArgs({ allowPositionals: true, options });
	const verb = positionals.slice(0, 2).join(" ");
	const [, , name = ""] = positionals;
	const work = verbs[verb];
	if (values.help || !work || (name === "" && !nameless.includes(verb))) {
		say("app.access-usage");
		process.exitCode = values.help ? 0 : 2;
		return;
	}
	const { home, dbUrl } = loadApp();
	const audit = new Audit({ home, open: () => openStore(dbUrl) });
	const ledger = new Ledger(home);
	const who = operatingSystemUser();
	const desk: Desk = {
		users: new Users(home),
		keys: new ApiKeys(home, ledger),
		ledger,
		ring: () => new KeyRing(home, process.env.SMARTFACTORY_SECRET_KEY || undefined),
		note: (what, target, before, after) => audit.record({ who, what, target, before, after, note: "command line" }),
	};
	if (desk.users.firstPassword) say("app.first-password", { password: desk.users.firstPassword });
	try {
		await work(desk, name, values);
	} finally {
		await audit.close();
		ledger.close();
	}
}

function grantsOf({ role, site = [] }: Values): Grants {
	const sites = site.map((text) => {
		const [id = "", at = ""] = text.split("=");
		return [id, roleOf("--site", at)] as const;
	});
	return { role: role === undefined ? null : roleOf("--role", role), sites: Object.fromEntries(sites) };
}

function roleOf(option: string, text: string): Role {
	const role = roles.find((one) => one === text);
	if (role) return role;
	throw new EnergyError("app.bad-option", { option, value: text || "–", allowed: roles.join(", ") });
}

const shown = ({ role, sites }: Grants): Grants => ({ role, sites });

function wordsOf({ role, sites }: Grants): string {
	return [role ?? "–", ...Object.entries(sites).map(([site, at]) => `${site}=${at}`)].join(" ");
}

const dateOf = (ms: number | null): string => (ms === null ? "–" : new Date(ms).toISOString());
