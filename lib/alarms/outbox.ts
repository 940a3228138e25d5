/** A message that is to reach a person or a system. */
export interface Post {
	id: string;
	sink: "mail" | "webhook";
	/** When it came to be, epoch ms. */
	atMs: number;
	tries: number;
	/** Not tried again before this instant. */
	nextMs: number;
	body: unknown;
}

const FIRST_PAUSE_MS = 5_000;
const LONGEST_PAUSE_MS = 600_000;
/** After so long nobody wants to know any more. */
const GIVE_UP_MS = 24 * 3_600_000;
export const MOST_POSTS = 500;

/** What waits to be delivered: in order, bounded, tried again after a pause that doubles. Time is a parameter. */
export class Outbox {
	#posts: Post[];

	constructor(kept: readonly Post[] = []) {
		this.#posts = kept.slice(-MOST_POSTS);
	}

	get size(): number {
		return this.#posts.length;
	}

	all(): readonly Post[] {
		return this.#posts;
	}

	/** @returns posts that had to be given up for it: the oldest, beyond the bound */
	add(post: Pick<Post, "id" | "sink" | "body">, nowMs: number): Post[] {
		this.#posts.push({ ...post, atMs: nowMs, tries: 0, nextMs: nowMs });
		return this.#posts.splice(0, Math.max(0, this.#posts.length - MOST_POSTS));
	}

	/** The post of a sink that is to be tried now; those of one sink go in their order. */
	due(sink: Post["sink"], nowMs: number): Post | undefined {
		const first = this.#posts.find((post) => post.sink === sink);
		// A pause longer than any is that of a clock that was put back since.
		return first && (first.nextMs <= nowMs || first.nextMs - nowMs > LONGEST_PAUSE_MS) ? first : undefined;
	}

	delivered(id: string): void {
		this.#posts = this.#posts.filter((post) => post.id !== id);
	}

	/**
	 * @param lasting trying again cannot help (a refused address)
	 * @returns whether the post was given up
	 */
	failed(id: string, nowMs: number, lasting: boolean): boolean {
		const post = this.#posts.find((one) => one.id === id);
		if (!post) return false;
		if (lasting || nowMs - post.atMs > GIVE_UP_MS) {
			this.delivered(id);
			return true;
		}
		post.nextMs = nowMs + Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** post.tries);
		post.tries++;
		return false;
	}
}
