import assert from "node:assert/strict";
import type { AccessContext } from "../../../lib/access/context.ts";
import { dashboardFor, mayUseWidget, noteWidgetSite, widgetOf } from "../../../lib/access/widget-rights.ts";

const who = (role: AccessContext["role"], sites: AccessContext["sites"] = {}): AccessContext => ({
	user: "kim",
	role,
	sites,
	language: "en-US",
	requestId: "s",
});

describe("a widget of the dashboard", () => {
	it("is shown to who has a role at its site, and used by operators of it", () => {
		const forget = noteWidgetSite("card", "gwangyang");
		try {
			const mixed = who("viewer", { gwangyang: "operator" });
			assert(mayUseWidget(mixed, "card", "viewer"));
			assert(mayUseWidget(mixed, "card", "operator"));
			assert(!mayUseWidget(who(null, { pohang: "admin" }), "card", "viewer"));
			assert(!mayUseWidget(who("engineer", { gwangyang: "viewer" }), "card", "operator"));
		} finally {
			forget();
		}
	});

	it("without a site of ours is shown to everybody who is signed in, and used by operators of any", () => {
		assert(mayUseWidget(who(null, { pohang: "viewer" }), "text", "viewer"));
		assert(!mayUseWidget(who(null, { pohang: "viewer" }), "text", "operator"));
		assert(!mayUseWidget({ ...who("admin"), user: null }, "text", "viewer"));
		assert(!mayUseWidget(undefined, "text", "viewer"));
	});

	it("that takes a role is shown to nobody below it, nor to who has it at a single site", () => {
		const forget = noteWidgetSite("users", "", "admin");
		try {
			assert(mayUseWidget(who("admin"), "users", "viewer"));
			assert(mayUseWidget(who("admin"), "users", "operator"));
			for (const other of [who("engineer"), who("viewer"), who(null, { gwangyang: "admin" })]) {
				assert(!mayUseWidget(other, "users", "viewer"));
			}
		} finally {
			forget();
		}
	});

	it("that is not shown is not told of, nor the group and the page that hold nothing else", () => {
		const forget = noteWidgetSite("users", "", "admin");
		const config = {
			pages: { access: { path: "/access" }, now: {}, empty: {} },
			groups: { people: { page: "access" }, power: { page: "now" }, mixed: { page: "now" } },
			widgets: {
				users: { props: { group: "people" } },
				power: { props: { group: "power" } },
				text: { props: { group: "mixed" } },
			},
		};
		try {
			assert.deepEqual(dashboardFor(who("admin"), config), config);
			assert.deepEqual(dashboardFor(who("engineer"), config), {
				pages: { now: {}, empty: {} },
				groups: { power: { page: "now" }, mixed: { page: "now" } },
				widgets: { power: { props: { group: "power" } }, text: { props: { group: "mixed" } } },
			});
		} finally {
			forget();
		}
	});

	it("is found in the events of Dashboard", () => {
		assert.equal(widgetOf("msg-input:card"), "card");
		assert.equal(widgetOf("widget-load:card"), "card");
		assert.equal(widgetOf("widget-sync:a:b"), "a:b");
		assert.equal(widgetOf("ui-config"), undefined);
	});
});
