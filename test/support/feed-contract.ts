import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { parse } from "yaml";

type Node = Record<string, unknown>;
const read = (file: string): Node => parse(readFileSync(new URL(`../../flows/${file}`, import.meta.url), "utf8"));
const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false });
ajv.addSchema(read("openapi.yaml"), "openapi.yaml");
ajv.addSchema(read("asyncapi.yaml"), "asyncapi.yaml");

/** What of a message of the live feed does not fit `flows/asyncapi.yaml`; empty where it fits. */
export function misfits(message: { type: string }): string[] {
	const check = ajv.getSchema(`asyncapi.yaml#/components/messages/${message.type}/payload`);
	if (!check) return [`${message.type} is not in asyncapi.yaml`];
	check(message);
	return (check.errors ?? []).map(({ instancePath, message: rule }) => `${message.type}${instancePath} ${rule}`);
}
