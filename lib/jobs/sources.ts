import { EnergyError } from "../errors.ts";
import { type Listing, pageOf } from "../listing.ts";
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
	sort?: unknown;
	limit: number;
	cursor?: string;
}

export const jobListing: Listing<WireJob> = {
	fields: {
		queuedAt: ({ queuedAt }) => queuedAt,
		startedAt: ({ startedAt }) => startedAt,
		endedAt: ({ endedAt }) => endedAt,
		type: ({ type }) => type,
		state: ({ state }) => state,
	},
	// New ones come before the others, so what follows stays the same.
	usual: ({ queuedAt }) => [-Date.parse(queuedAt)],
	id: ({ id }) => id,
};

/** Newest first unless told. @throws EnergyError `api.sort-unknown`, `api.cursor-unfit` */
export async function listJobs(
	site: string,
	{ type, state, ...page }: JobsQuery,
	language: Language,
): Promise<{ items: WireJob[]; nextCursor?: string }> {
	const all = await Promise.all([...(sources.get(site) ?? [])].map((source) => source.jobs(language)));
	const found = [...new Map(all.flat().map((job) => [job.id, job])).values()].filter(
		(job) => (type === undefined || job.type === type) && (state === undefined || job.state === state),
	);
	return pageOf(found, jobListing, page);
}
