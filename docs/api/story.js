// From nothing to a plan in a browser. A page of this server may ask its API: open /api/docs (or a page of your own
// flow), paste this into the console, and call story("admin", "…"). The session cookie comes with every request, the
// live feed's too, and no script can read it. Pages of other origins are let in by system.cors_origins, with a token.
globalThis.story = async (username, password, meter = "cnc-1", machine = "mill-1") => {
	const run = crypto.randomUUID ? crypto.randomUUID() : String(Date.now());
	const call = async (method, path, body, headers = {}) => {
		const answer = await fetch(path, {
			method,
			headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
			...(body === undefined ? {} : { body: JSON.stringify(body) }),
		});
		const text = await answer.text();
		const said = text === "" ? undefined : JSON.parse(text);
		if (!answer.ok) throw new Error(`${said.status} ${said.title}: ${said.detail}`);
		return said;
	};
	const inHours = (hours) => new Date(Date.now() + hours * 3_600_000).toISOString();

	const { user, role } = await call("POST", "/api/v1/auth/login", { username, password, session: true });
	console.log("signed in", user, role);

	const readings = [3, 2, 1].map((minutes) => ({ machine: meter, time: inHours(-minutes / 60), powerKw: 30 }));
	console.log(await call("POST", "/api/v1/data/sensors", readings, { "idempotency-key": `readings-${run}` }));

	let job = await call("POST", "/api/v1/models/train", { task: "anomaly", machine: meter });
	while (job.state === "queued" || job.state === "running") {
		console.log("training", job.state, job.progress);
		await new Promise((resolve) => setTimeout(resolve, 2_000));
		job = await call("GET", `/api/v1/jobs/${encodeURIComponent(job.id)}`);
	}
	console.log("training", job.state, job.result ?? job.problem);

	const { method, points } = await call("POST", "/api/v1/models/predict", { machine: "total", horizonMinutes: 120 });
	console.log("forecast by", method, points);

	const id = `story-${run.slice(0, 12)}`;
	const order = { id, due: inHours(20), operations: [{ modes: [{ machine, minutes: 30, powerKw: 40 }] }] };
	await call("POST", "/api/v1/scheduling/jobs", order, { "idempotency-key": `order-${run}` });
	const plan = await call("POST", "/api/v1/scheduling/optimize", {});
	console.log(
		plan.id,
		plan.status,
		plan.operations.filter((operation) => operation.job === id),
	);
	await call("DELETE", `/api/v1/scheduling/jobs/${id}`);

	const socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}/ws`);
	const messages = [];
	await new Promise((resolve, reject) => {
		socket.onerror = () => reject(new Error("the live feed did not open"));
		socket.onmessage = ({ data }) => {
			const message = JSON.parse(data);
			console.log(message.type, message.seq, message.totalKw);
			if (messages.push(message) === 3) resolve();
		};
	});
	socket.close();
	return { job, plan, messages };
};
