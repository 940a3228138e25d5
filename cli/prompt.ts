import { start } from "node:repl";
import { openStore } from "../lib/store/open.ts";
import { openRegistry } from "../models/registry.ts";
import type { App } from "./app.ts";
import { shippedSite } from "./flows.ts";
import { say } from "./say.ts";

/** The interactive mode: a prompt with the store, the site and the models at hand; nothing else is started. */
export async function openPrompt(app: App): Promise<void> {
	const store = await openStore(app.dbUrl);
	say("app.repl");
	const prompt = start({ prompt: "energy> " });
	Object.assign(prompt.context, {
		store,
		site: shippedSite(app.home),
		models: openRegistry(app.home),
		config: app.config,
		home: app.home,
	});
	prompt.once("exit", () => void store.close().then(() => process.exit(0)));
}
