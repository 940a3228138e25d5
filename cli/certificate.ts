// `npm run certificate`: certificates by an authority of this home's own, for this server and for its meters.
import { parseArgs } from "node:util";
import { type CertificateFiles, meterCertificate, ownNames, serverCertificate } from "../lib/tls/certificates.ts";
import { loadApp } from "./app.ts";
import { reasonOf, say } from "./say.ts";

void main().catch((error: unknown) => {
	console.error(reasonOf(error));
	process.exitCode = 1;
});

async function main(): Promise<void> {
	const { values, positionals } = parseArgs({
		allowPositionals: true,
		options: { name: { type: "string", multiple: true }, help: { type: "boolean", short: "h" } },
	});
	const [verb, meter] = positionals;
	if (values.help || !(verb === "server" || (verb === "meter" && meter))) {
		say("app.certificate-usage");
		process.exitCode = values.help ? 0 : 2;
		return;
	}
	const { home } = loadApp();
	const names = [...ownNames(), ...(values.name ?? [])];
	const made = verb === "server" ? await serverCertificate(home, names) : await meterCertificate(home, meter ?? "");
	say("app.certificate-made", { ...(made satisfies CertificateFiles) });
}
