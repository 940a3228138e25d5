// Makes the API's TypeScript client: types from flows/openapi.yaml and the live feed's flows/asyncapi.yaml, and the
// fetch wrapper bundled with what it uses, so that whoever installs the package needs nothing more.
import { spawnSync } from "node:child_process";
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { registerHooks } from "node:module";
import { build } from "esbuild";
import { parse } from "yaml";

const to = "dist/client";

export async function buildClient() {
	await mkdir(to, { recursive: true });
	await writeFile("client/schema.d.ts", await schemaTypes());
	const { status } = spawnSync("node_modules/.bin/tsc", ["-p", "tsconfig.client.json"], { stdio: "inherit" });
	if (status !== 0) process.exit(status ?? 1);
	await build({
		entryPoints: ["client/index.ts"],
		outfile: `${to}/index.mjs`,
		bundle: true,
		sourcemap: true,
		format: "esm",
		target: "es2022",
		banner: { js: "/* Contains openapi-fetch, MIT, (c) Drew Powers. */" },
		logLevel: "warning",
	});
	await copyTypes();
}

async function schemaTypes() {
	// The generator needs the compiler's JavaScript API, which TypeScript 7 no longer has.
	registerHooks({ resolve: (name, context, next) => next(name === "typescript" ? "typescript-5" : name, context) });
	const { default: openapiTypes, astToString } = await import("openapi-typescript");
	const api = parse(await readFile("flows/openapi.yaml", "utf8"));
	const feed = (await readFile("flows/asyncapi.yaml", "utf8")).replaceAll("./openapi.yaml#", "#");
	for (const [name, { payload }] of Object.entries(parse(feed).components.messages)) {
		if (name !== "snapshot") api.components.schemas[`Live${name[0].toUpperCase()}${name.slice(1)}`] = payload;
	}
	return `// Made by scripts/build-client.mjs from flows/openapi.yaml and flows/asyncapi.yaml.\n${astToString(await openapiTypes(api))}`;
}

/** The declarations beside the bundle name each other, not packages that nobody has installed. */
async function copyTypes() {
	await cp("client/schema.d.ts", `${to}/schema.d.ts`);
	const helpers = "openapi-typescript-helpers";
	await cp(`node_modules/${helpers}/dist/index.d.mts`, `${to}/${helpers}.d.mts`);
	const library = await readFile("node_modules/openapi-fetch/dist/index.d.mts", "utf8");
	await writeFile(`${to}/openapi-fetch.d.mts`, library.replaceAll(`"${helpers}"`, `"./${helpers}.mjs"`));
	for (const name of ["index", "watch"]) {
		const types = await readFile(`${to}/${name}.d.ts`, "utf8");
		const beside = types
			.replaceAll('"openapi-fetch"', '"./openapi-fetch.mjs"')
			.replaceAll('./watch.ts"', './watch.mjs"');
		await writeFile(`${to}/${name}.d.mts`, beside);
		await rm(`${to}/${name}.d.ts`);
	}
}
