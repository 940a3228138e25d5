import type { NodeAPI } from "node-red";

/** The folder of what is learnt and kept beside flows: SMARTFACTORY_HOME, else Node-RED's own. */
export function homeOf(RED: NodeAPI): string {
	return process.env.SMARTFACTORY_HOME ?? RED.settings.userDir ?? process.cwd();
}
