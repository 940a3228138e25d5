/** An address as it may be shown and logged: without the user and password that some people write into it. */
export function shownUrl(url: string): string {
	// Up to the last @, for a password may hold one; an address whose path holds one loses its host, which tells nothing.
	return url.replace(/\/\/.*@/s, "//");
}
