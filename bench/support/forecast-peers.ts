import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FloatMatrix } from "../../models/float-matrix.ts";

const PYTHON = "/usr/bin/python3";

/** Bins that XGBoost is tried with: its error moves by a per cent with them, so one run proves little. */
export const peerBins = [256, 254, 252, 250, 248, 246, 244, 242];

export type PeerName =
	| "scikit-learn HistGradientBoosting"
	| "XGBoost pseudo-Huber"
	| `XGBoost squared, ${number} bins`
	| "scikit-learn RandomForest"
	| "scikit-learn RandomForest, leaves of 5, a third of the columns";

export interface PeerAnswer {
	name: PeerName;
	forecast: Float64Array;
	fitSeconds: number;
	cpuSeconds: number;
}

/** Runs the peers on our rows with Debian's python3; those that it lacks are left out and named on stderr. */
export function askPeers(
	names: readonly PeerName[],
	train: { x: FloatMatrix; y: Float64Array },
	test: FloatMatrix,
	threads: number,
): PeerAnswer[] {
	if (!existsSync(PYTHON)) {
		console.error(`no ${PYTHON} here: peers are left out`);
		return [];
	}
	const folder = mkdtempSync(join(tmpdir(), "forecast-peers-"));
	try {
		const bytes = (array: Float32Array | Float64Array) =>
			new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
		writeFileSync(join(folder, "x.f32"), bytes(train.x.data));
		writeFileSync(join(folder, "y.f64"), bytes(train.y));
		writeFileSync(join(folder, "test.f32"), bytes(test.data));
		writeFileSync(
			join(folder, "job.json"),
			JSON.stringify({ columns: test.columns, peers: names, threads, bins: peerBins }),
		);
		const script = new URL("../peers/forecast/fit.py", import.meta.url).pathname;
		const run = spawnSync(PYTHON, [script, folder], {
			encoding: "utf8",
			maxBuffer: 1 << 26,
			// Threads that wait sleep: on a busy machine spinning ones took a hundred times as long.
			env: { ...process.env, OMP_WAIT_POLICY: "PASSIVE" },
		});
		if (run.status !== 0) {
			console.error(`peers failed: ${run.stderr}`);
			return [];
		}
		const said = JSON.parse(run.stdout) as {
			seconds: Record<string, number>;
			cpuSeconds: Record<string, number>;
			missing: string[];
		};
		for (const line of said.missing) console.error(`peer left out: ${line}`);
		return names
			.filter((name) => said.seconds[name] !== undefined)
			.map((name) => ({
				name,
				fitSeconds: said.seconds[name] as number,
				cpuSeconds: said.cpuSeconds[name] as number,
				forecast: doubles(join(folder, `${name}.f64`)),
			}));
	} finally {
		rmSync(folder, { recursive: true });
	}
}

function doubles(path: string): Float64Array {
	const bytes = readFileSync(path);
	return new Float64Array(new Uint8Array(bytes).buffer);
}
