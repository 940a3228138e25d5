import type { Engine, Fallback, IssuedMethod } from "../forecast/issued.ts";
import type { LoadHistory } from "../forecast/load-model.ts";
import type { Json, Metrics, ModelState } from "../model.ts";
import type { BroughtData, BroughtOptions } from "../onnx/brought-model.ts";
import type { ForeignManifest } from "../onnx/foreign.ts";
import type { ExecutionProvider } from "../onnx/runtime.ts";

/** A model's file: its id names one content for ever. */
export interface ModelFile {
	id: string;
	path: string;
	kind: string;
}

/** What runs trained models: measured to be faster where both can (see docs/decisions.md), or as somebody wants it. */
export interface EngineChoice {
	engine: "auto" | "typescript" | "onnx";
	provider: ExecutionProvider;
}

/** One load to forecast. */
export interface ServeQuestion {
	machine: string;
	/** The model in use. */
	model?: ModelFile;
	/** Takes over where the model in use says nothing: our own behind one that was brought, or the shipped one. */
	behind?: ModelFile;
	/** The file behind is the one that came with the package. */
	shipped?: boolean;
	/** A brought model that has a say beside the model in use. */
	member?: ModelFile;
	history: LoadHistory;
	/** Quarter-hours ahead, from 1 on. */
	toLead: number;
	/** Share of values that the band is to hold. */
	share: number;
	/** Further bands that are wanted, by share. */
	shares?: number[];
	calendar: { timeZone: string; holidays: number[] };
}

export interface Band {
	share: number;
	lower: Float64Array;
	upper: Float64Array;
}

export interface Failure {
	code: string;
	details: { [name: string]: Json };
}

/** What was forecast; every lead has a finite value and bounds around it. */
export interface Served {
	issuedMs: number;
	stepMs: number;
	forecast: Float64Array;
	/** The band of the question, then the further ones in their order. */
	bands: Band[];
	method: IssuedMethod;
	methods: Partial<Record<IssuedMethod, number>>;
	fallback?: Fallback;
	/** Why a model did not answer. */
	failure?: Failure;
	/** Its file cannot be used at all: nobody should ask it again. */
	unusable?: true;
	/** Which of the models had a say. */
	modelId?: string;
	memberId?: string;
	engine: Engine;
}

export type ServeAnswer = { machine: string; served: Served } | { machine: string; failure: Failure };

/** A batch of loads to forecast; a brought file to be asked its own sample; one to be tried on a load. */
export type ServeTask =
	| { what: "serve"; choice: EngineChoice; questions: ServeQuestion[] }
	| { what: "check"; choice: EngineChoice; file: Uint8Array; manifest: ForeignManifest }
	| { what: "try"; data: BroughtData; options: BroughtOptions };

export type ServeOrder = { id: number } & ServeTask;

export type ServeReply =
	| { id: number; answers: ServeAnswer[] }
	| { id: number; tried: { state: ModelState; metrics: Metrics } }
	/** The order itself could not be worked on. */
	| { id: number; failure: Failure };
