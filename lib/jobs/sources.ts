import { EnergyError } from "../errors.ts";
import type { Language } from "../messages.ts";

const jobStates = ["queued", "running", "done", "failed", "cancelled"] as const;
export type JobState = (typeof jobStates)[number];

/** Long work as the API shows it, whoever does it; each type adds facts of its own. Times ISO 8601. */
export interface WireJob {
	/** Unique in its site. */
	id: string;
	/** `training`, `import`, `optimization` … */
	type: string;
	site: string;
	state: JobState;
	/** 0…1; null where it is not known. */
	progress: number | null;
	by: string | null;
	queuedAt: string;
	startedAt: string | null;
	endedAt: string | null;
	/** Of one that is done. */
	result: object | null;
	/** Of one that failed or was cancelled. */
	problem: object | null;
}

/** Who knows jobs of a site. */
export interface JobSource {
	/** Undefined where it knows no such job. */
	job(id: string, language: Language): Promise<WireJob | undefined>;
	/**
	 * Undefined where it knows no such job; one that was cancelled already is answered again.
	 *
	 * @throws EnergyError with status 409 where it has ended
	 */
	cancel(id: string, language: Language): Promise<WireJob | undefined>;
	/** All that it remembers. */
	jobs(language: Language): Promise<WireJob[]>;
}

// One for the process, however often the package is loaded.
const key = Symbol.for("smartfactory.jobs");
const holder = globalThis as { [key]?: Map<string, Set<JobSource>> };
holder[key] ??= new Map();
const sources = holder[key];

/** From now on `GET /api/v1/jobs` of the site knows this source's jobs; returns how to stop. */
export function offerJobs(site: string, source: JobSource): () => void {
	const known = sources.get(site) ?? new Set();
	sources.set(site, known.add(source));
	return () => known.delete(source);
}

/** @throws EnergyError `jobs.unknown` */
export async function jobOf(site: string, id: string, language: Language): Promise<WireJob> {
	for (const source of sources.get(site) ?? []) {
		const job = await source.job(id, language);
		if (job) return job;
	}
	throw new EnergyError("jobs.unknown", { job: id });
}

/** @throws EnergyError `jobs.unknown`, and those of the source */
export async function cancelJob(site: string, id: string, language: Language): Promise<WireJob> {
	for (const source of sources.get(site) ?? []) {
		const job = await source.cancel(id, language);
		if (job) return job;
	}
	throw new EnergyError("jobs.unknown", { job: id });
}

export interface JobsQuery {
	type?: string;
	state?: string;
	limit: number;
	cursor?: string;
}

/** Newest first. @throws EnergyError `jobs.bad-query` */
export async function listJobs(
	site: string,
	{ type, state, limit, cursor }: JobsQuery,
	language: Language,
): Promise<{ items: WireJob[]; nextCursor?: string }> {
	const after = cursor === undefined ? undefined : placeFrom(cursor);
	const all = await Promise.all([...(sources.get(site) ?? [])].map((source) => source.jobs(language)));
	const found = [...new Map(all.flat().map((job) => [job.id, job])).values()]
		.filter((job) => (type === undefined || job.type === type) && (state === undefined || job.state === state))
		.toSorted((a, b) => comparePlaces(placeOf(a), placeOf(b)))
		.filter((job) => !after || comparePlaces(placeOf(job), after) > 0);
	const items = found.slice(0, limit);
	const last = items.at(-1);
	return found.length > limit && last ? { items, nextCursor: cursorAt(placeOf(last)) } : { items };
}

/** Where a job stands in the list: new ones come before it, so what follows stays the same. */
type Place = readonly [queuedAt: string, id: string];

const placeOf = ({ queuedAt, id }: WireJob): Place => [queuedAt, id];

function comparePlaces([atA, idA]: Place, [atB, idB]: Place): number {
	if (atA !== atB) return atA > atB ? -1 : 1;
	return idA < idB ? -1 : idA > idB ? 1 : 0;
}

const cursorAt = (place: Place): string => Buffer.from(JSON.stringify(place)).toString("base64url");

function placeFrom(cursor: string): Place {
	try {
		const [queuedAt, id] = JSON.parse(Buffer.from(cursor, "base64url").toString("utf8")) as unknown[];
		if (typeof queuedAt === "string" && typeof id === "string") return [queuedAt, id];
	} catch {
		// Said below.
	}
	throw new EnergyError("jobs.bad-query", {
		field: "cursor",
		value: cursor,
		rule: "the nextCursor of the page before",
	});
}
