import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

/** A folder for a test's database, and the URL of a store in it. */
export function temporaryStore(): { url: string; remove(): void } {
	const folder = mkdtempSync(join(tmpdir(), "energy-store-"));
	return {
		url: pathToFileURL(join(folder, "energy.db")).href.replace(/^file:/, "sqlite:"),
		remove: () => rmSync(folder, { recursive: true, force: true }),
	};
}

/** An energy-site as the editor saves it. */
export function siteNode(storeUrl: string, more: object = {}): { id: string; type: string } {
	const machine = { id: "press", name: "Press", area: "hall", role: "sub", ratedKw: 100 };
	const site = { name: "Demo", siteId: "demo", timeZone: "Asia/Seoul", unknownMachines: "reject" };
	const node = { id: "site", type: "energy-site", ...site, storeUrl, machines: [machine], ...more };
	return node;
}

/** A store of its own for each test of a `describe`; it goes when the test's flow has been unloaded. */
export function useTemporaryStore(helper: { unload(): Promise<unknown> }): { readonly url: string } {
	let store = { url: "", remove: (): void => {} };
	beforeEach(() => {
		store = temporaryStore();
	});
	afterEach(async () => {
		await helper.unload();
		store.remove();
	});
	return {
		get url() {
			return store.url;
		},
	};
}
