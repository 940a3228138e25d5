/** The languages that every text of ours exists in; a file of its own, for browsers take it too. */
export const languages = ["en-US", "ko"] as const;
export type Language = (typeof languages)[number];
