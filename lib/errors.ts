/**
 * The one error of the domain. Its code names a message in the catalogues (`lib/<subject>/messages.json`) and an
 * RFC 9457 problem type; its details fill that message: which field, which value, which rule.
 */
export class EnergyError extends Error {
	readonly code: string;
	readonly details: Readonly<Record<string, unknown>>;

	constructor(code: string, details: Readonly<Record<string, unknown>> = {}, options?: ErrorOptions) {
		super(`${code} ${JSON.stringify(details)}`, options);
		this.name = "EnergyError";
		this.code = code;
		this.details = details;
	}
}
