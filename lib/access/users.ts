import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { EnergyError } from "../errors.ts";
import type { Role } from "./context.ts";
import {
	checkNewPassword,
	hashPassword,
	hashPasswordSync,
	type PasswordHash,
	passwordFits,
	passwordFitsSync,
	randomPassword,
} from "./passwords.ts";
import { writeNewSecretFile, writeSecretFile } from "./secrets.ts";

export interface User {
	name: string;
	role: Role;
	/** Epoch ms of the last change of password or role; tokens made before it are worth nothing. */
	changedMs: number;
}

interface KeptUser extends User {
	password: PasswordHash;
}

interface UsersFile {
	version: 1;
	users: KeptUser[];
}

export const roles: readonly Role[] = ["viewer", "operator", "engineer", "admin"];

/** Whether a role may do what asks for another one: each role may do all that those before it may. */
export function roleCovers(role: Role | null, needed: Role): boolean {
	return role !== null && roles.indexOf(role) >= roles.indexOf(needed);
}

const namePattern = /^[\p{L}\p{N}][\p{L}\p{N}._@-]{0,63}$/u;
const rereadMs = 1_000;

/** The people who may come in, kept in one file that only the owner of the process can read. */
export class Users {
	/** The random password of `admin`; there only in the process that made it. */
	readonly firstPassword: string | undefined;
	private readonly path: string;
	private readonly now: () => number;
	private users = new Map<string, KeptUser>();
	private readAtMs = 0;
	private fileTimeMs = 0;
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
		this.path = join(home, "secrets", "users.json");
		this.now = now;
		if (adminPassword) checkNewPassword(adminPassword);
		if (existsSync(this.path)) {
			this.read();
			const admin = this.users.get("admin");
			if (adminPassword && !(admin && passwordFitsSync(adminPassword, admin.password))) this.putAdmin(adminPassword);
			return;
		}
		const made = adminPassword || randomPassword();
		this.users.set("admin", { name: "admin", role: "admin", changedMs: this.now(), password: hashPasswordSync(made) });
		if (!writeNewSecretFile(this.path, this.asText())) this.read();
		else {
			this.noteRead();
			if (!adminPassword) this.firstPassword = made;
		}
	}

	/** Undefined where the name is not known; also after somebody else removed it from the file. */
	get(name: string): User | undefined {
		this.rereadWhenChanged();
		return this.users.get(name);
	}

	list(): User[] {
		this.rereadWhenChanged();
		return [...this.users.values()].map(({ name, role, changedMs }) => ({ name, role, changedMs }));
	}

	/** The user where name and password belong together; null otherwise, without saying which of them was wrong. */
	async authenticate(name: string, password: string): Promise<User | null> {
		this.rereadWhenChanged();
		const user = this.users.get(name);
		const fits = await passwordFits(password, user?.password ?? this.nobody);
		return user && fits ? { name: user.name, role: user.role, changedMs: user.changedMs } : null;
	}

	/** @throws EnergyError `access.user-exists`, `access.user-name`, `access.password-short` */
	async add(name: string, role: Role, password: string): Promise<void> {
		if (!namePattern.test(name)) throw new EnergyError("access.user-name", { name: name.slice(0, 80) });
		checkNewPassword(password);
		const hash = await hashPassword(password);
		this.read();
		if (this.users.has(name)) throw new EnergyError("access.user-exists", { name });
		this.users.set(name, { name, role, changedMs: this.now(), password: hash });
		this.write();
	}

	/** Also ends every session of that user. @throws EnergyError `access.user-unknown`, `access.password-short` */
	async setPassword(name: string, password: string): Promise<void> {
		checkNewPassword(password);
		const hash = await hashPassword(password);
		this.change(name, (user) => ({ ...user, password: hash }));
	}

	/** @throws EnergyError `access.user-unknown`, `access.last-admin` */
	setRole(name: string, role: Role): void {
		this.change(name, (user) => ({ ...user, role }));
	}

	/** @throws EnergyError `access.user-unknown`, `access.last-admin` */
	remove(name: string): void {
		this.change(name, () => null);
	}

	private change(name: string, edit: (user: KeptUser) => KeptUser | null): void {
		this.read();
		const user = this.users.get(name);
		if (!user) throw new EnergyError("access.user-unknown", { name });
		const edited = edit(user);
		const others = [...this.users.values()].filter((other) => other.name !== name);
		if (edited?.role !== "admin" && !others.some(({ role }) => role === "admin")) {
			throw new EnergyError("access.last-admin", { name });
		}
		if (edited) this.users.set(name, { ...edited, changedMs: Math.max(this.now(), user.changedMs + 1) });
		else this.users.delete(name);
		this.write();
	}

	private putAdmin(password: string): void {
		const known = this.users.get("admin");
		const changedMs = Math.max(this.now(), (known?.changedMs ?? 0) + 1);
		this.users.set("admin", { name: "admin", role: "admin", changedMs, password: hashPasswordSync(password) });
		this.write();
	}

	private write(): void {
		writeSecretFile(this.path, this.asText());
		this.noteRead();
	}

	private asText(): string {
		const file: UsersFile = { version: 1, users: [...this.users.values()] };
		return `${JSON.stringify(file, null, "\t")}\n`;
	}

	private read(): void {
		let file: UsersFile;
		try {
			file = JSON.parse(readFileSync(this.path, "utf8")) as UsersFile;
			this.users = new Map(file.users.map((user) => [checked(user).name, user]));
		} catch (error) {
			throw new EnergyError("access.users-damaged", { file: this.path }, { cause: error });
		}
		this.noteRead();
	}

	private noteRead(): void {
		this.readAtMs = this.now();
		this.fileTimeMs = statSync(this.path).mtimeMs;
	}

	/** Another process of the same home (mode api beside processing) may have changed the file. */
	private rereadWhenChanged(): void {
		if (Math.abs(this.now() - this.readAtMs) < rereadMs) return;
		this.readAtMs = this.now();
		if (statSync(this.path, { throwIfNoEntry: false })?.mtimeMs !== this.fileTimeMs) this.read();
	}
}

function checked(user: KeptUser): KeptUser {
	const sound =
		typeof user.name === "string" &&
		roles.includes(user.role) &&
		typeof user.changedMs === "number" &&
		typeof user.password?.hash === "string" &&
		typeof user.password.salt === "string" &&
		typeof user.password.cost?.n === "number";
	if (!sound) throw new Error("a user without name, role or password");
	return user;
}
