import { existsSync } from "node:fs";
import { join } from "node:path";
import { EnergyError } from "../errors.ts";
import type { Role } from "./context.ts";
import { areGrants, bestRole, type Grants } from "./grants.ts";
import {
	checkNewPassword,
	hashPassword,
	hashPasswordSync,
	type PasswordHash,
	passwordFits,
	passwordFitsSync,
	randomPassword,
} from "./passwords.ts";
import { SharedFile } from "./secrets.ts";

export { roleCovers, roles } from "./grants.ts";

export interface User extends Grants {
	name: string;
	/** Epoch ms of the last change of password or rights; tokens made before it are worth nothing. */
	changedMs: number;
	/** The password was chosen by somebody else: nothing is open until its owner has chosen one. */
	mustChange?: boolean;
	/** May not come in until an administrator says otherwise. */
	disabled?: boolean;
}

interface KeptUser extends User {
	password: PasswordHash;
}

interface UsersFile {
	version: 1;
	users: KeptUser[];
}

const namePattern = /^[\p{L}\p{N}][\p{L}\p{N}._@-]{0,63}$/u;

/** The people who may come in, kept in one file that only the owner of the process can read. */
export class Users {
	/** The random password of `admin`; there only in the process that made it. */
	readonly firstPassword: string | undefined;
	private readonly file: SharedFile;
	private readonly now: () => number;
	private users = new Map<string, KeptUser>();
	// Verified where the user is unknown, so that the answer takes as long as for a wrong password.
	private readonly nobody = hashPasswordSync(randomPassword());

	/**
	 * Reads `home/secrets/users.json`; makes it with one `admin` where there is none.
	 *
	 * @param adminPassword password of `admin`; where it differs from the kept one it replaces it, which is the way back
	 *   in for who lost it
	 * @throws EnergyError `access.users-damaged`, `access.password-short`
	 */
	constructor(home: string, adminPassword?: string, now: () => number = Date.now) {
		this.file = new SharedFile(join(home, "secrets", "users.json"), now);
		this.now = now;
		if (adminPassword) checkNewPassword(adminPassword);
		if (existsSync(this.file.path)) {
			this.read();
			const admin = this.users.get("admin");
			if (adminPassword && !(admin && passwordFitsSync(adminPassword, admin.password))) this.putAdmin(adminPassword);
			return;
		}
		const made = adminPassword || randomPassword();
		this.users.set("admin", this.adminWith(made, this.now()));
		if (!this.file.writeNew(this.asText())) this.read();
		else if (!adminPassword) this.firstPassword = made;
	}

	/** Undefined where the name is not known; also after somebody else removed it from the file. */
	get(name: string): User | undefined {
		this.rereadWhenChanged();
		return this.users.get(name);
	}

	/** In the order in which they were made. */
	list(): User[] {
		this.rereadWhenChanged();
		return [...this.users.values()].map(shown);
	}

	/** The user where name and password belong together; null otherwise, without saying which of them was wrong. */
	async authenticate(name: string, password: string): Promise<User | null> {
		// A user whom another process has just made may sign in at once.
		this.rereadWhenChanged(true);
		const user = this.users.get(name);
		const fits = await passwordFits(password, user?.password ?? this.nobody);
		return user && fits ? shown(user) : null;
	}

	/**
	 * @param given a role everywhere, or roles by site
	 * @param mustChange the password was chosen by somebody else than its owner
	 * @throws EnergyError `access.user-exists`, `access.user-name`, `access.password-short`, `access.no-right`
	 */
	async add(name: string, given: Role | Grants, password: string, mustChange = false): Promise<User> {
		if (!namePattern.test(name)) throw new EnergyError("access.user-name", { name: name.slice(0, 80) });
		const { role, sites } = checkedGrants(name, typeof given === "string" ? { role: given, sites: {} } : given);
		checkNewPassword(password);
		const hash = await hashPassword(password);
		this.read();
		if (this.users.has(name)) throw new EnergyError("access.user-exists", { name });
		const made: KeptUser = { name, role, sites, changedMs: this.now(), password: hash };
		if (mustChange) made.mustChange = true;
		this.users.set(name, made);
		this.write();
		return shown(made);
	}

	/**
	 * Also ends every session of that user.
	 *
	 * @param mustChange the password was chosen by somebody else than its owner
	 * @throws EnergyError `access.user-unknown`, `access.password-short`
	 */
	async setPassword(name: string, password: string, mustChange = false): Promise<User> {
		checkNewPassword(password);
		const hash = await hashPassword(password);
		return this.change(name, ({ mustChange: _before, ...user }) => ({
			...user,
			password: hash,
			...(mustChange ? { mustChange } : {}),
		}));
	}

	/** @throws EnergyError `access.user-unknown`, `access.last-admin` */
	setRole(name: string, role: Role): void {
		this.change(name, (user) => ({ ...user, role }));
	}

	/** Also ends every session of that user. @throws EnergyError `access.user-unknown`, `access.last-admin`, `access.no-right` */
	setGrants(name: string, grants: Grants): User {
		const { role, sites } = checkedGrants(name, grants);
		return this.change(name, (user) => ({ ...user, role, sites }));
	}

	/** Lets a user come in or not; also ends every session of that user. @throws EnergyError `access.user-unknown`, `access.last-admin` */
	setDisabled(name: string, disabled: boolean): User {
		return this.change(name, ({ disabled: _before, ...user }) => ({ ...user, ...(disabled ? { disabled } : {}) }));
	}

	/** Ends every session of a user, and nothing else. @throws EnergyError `access.user-unknown` */
	endSessions(name: string): User {
		return this.change(name, (user) => user);
	}

	/** @throws EnergyError `access.user-unknown`, `access.last-admin` */
	remove(name: string): void {
		this.change(name, () => null);
	}

	private change(name: string, edit: (user: KeptUser) => KeptUser | null): User {
		this.read();
		const user = this.users.get(name);
		if (!user) throw new EnergyError("access.user-unknown", { name });
		const edited = edit(user);
		const others = [...this.users.values()].filter((other) => other.name !== name);
		// One who could come in yesterday and may not today manages nobody.
		if (!(edited && manages(edited)) && !others.some(manages)) {
			throw new EnergyError("access.last-admin", { name });
		}
		const kept = { ...(edited ?? user), changedMs: Math.max(this.now(), user.changedMs + 1) };
		if (edited) this.users.set(name, kept);
		else this.users.delete(name);
		this.write();
		return shown(kept);
	}

	private putAdmin(password: string): void {
		const known = this.users.get("admin");
		this.users.set("admin", this.adminWith(password, Math.max(this.now(), (known?.changedMs ?? 0) + 1)));
		this.write();
	}

	private adminWith(password: string, changedMs: number): KeptUser {
		return { name: "admin", role: "admin", sites: {}, changedMs, password: hashPasswordSync(password) };
	}

	private write(): void {
		this.file.write(this.asText());
	}

	private asText(): string {
		const file: UsersFile = { version: 1, users: [...this.users.values()] };
		return `${JSON.stringify(file, null, "\t")}\n`;
	}

	private read(): void {
		try {
			this.users = this.file.read((text = "") => {
				const { users } = JSON.parse(text) as UsersFile;
				return new Map(users.map((user) => [user.name, checked({ ...user, sites: user.sites ?? {} })]));
			});
		} catch (error) {
			throw new EnergyError("access.users-damaged", { file: this.file.path }, { cause: error });
		}
	}

	/** Another process of the same home (mode api beside processing) may have changed the file. */
	private rereadWhenChanged(atOnce = false): void {
		if (this.file.changed(atOnce)) this.read();
	}
}

const manages = ({ role, disabled }: User): boolean => role === "admin" && !disabled;

/** What may leave here: never the password's hash. */
function shown({ name, role, sites, changedMs, mustChange, disabled }: KeptUser): User {
	return { name, role, sites, changedMs, ...(mustChange ? { mustChange } : {}), ...(disabled ? { disabled } : {}) };
}

function checkedGrants(name: string, grants: Grants): Grants {
	if (!areGrants(grants) || bestRole(grants) === null) throw new EnergyError("access.no-right", { name });
	return grants;
}

function checked(user: KeptUser): KeptUser {
	const sound =
		typeof user.name === "string" &&
		areGrants(user) &&
		typeof user.changedMs === "number" &&
		typeof user.password?.hash === "string" &&
		typeof user.password.salt === "string" &&
		typeof user.password.cost?.n === "number";
	if (!sound) throw new Error("a user without name, role or password");
	return user;
}
