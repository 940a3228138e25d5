import { AlarmBook, type Signal } from "../../lib/alarms/book.ts";
import type { AlarmCommand } from "../../lib/alarms/commands.ts";
import { KpiCounter } from "../../lib/alarms/kpi.ts";
import { Outbox } from "../../lib/alarms/outbox.ts";
import type { AlarmRule } from "../../lib/alarms/rules.ts";
import { type Derived, Sentinel } from "../../lib/alarms/sentinel.ts";
import { identityOf, stateOf } from "../../lib/alarms/state.ts";
import type { Alarm, Change, JournalLine } from "../../lib/alarms/types.ts";
import {
	alarmListing,
	boardOf,
	type WireAlarm,
	type WireBoard,
	type WireKpi,
	type WireRecord,
	wireAlarm,
	wireChange,
	wireKpi,
	wireLine,
} from "../../lib/alarms/wire.ts";
import { MachineEfficiency } from "../../lib/efficiency/machine.ts";
import { EfficiencyBook } from "../../lib/efficiency/site.ts";
import { type WireEfficiency, wireEfficiency } from "../../lib/efficiency/wire.ts";
import { EnergyError } from "../../lib/errors.ts";
import { pageOf } from "../../lib/listing.ts";
import { noteChange } from "../../lib/log/scope.ts";
import type { Store } from "../../lib/store/store.ts";
import { LocalDays } from "../../lib/telemetry/local-days.ts";
import type { Reading } from "../../lib/telemetry/reading.ts";
import type { Site } from "../../lib/telemetry/site.ts";
import type { Delivery } from "./delivery.ts";
import { type Input, inputOf } from "./inputs.ts";
import { Keeper } from "./keeper.ts";
import { linesQuery, listQuery, type SpanQuery, spanQuery } from "./queries.ts";

export interface DeskOptions {
	/** Another process watches on the same store; this one answers and hands on. */
	follow: boolean;
	site: Site;
	rules: readonly AlarmRule[];
	priceAt: (atMs: number) => number | null;
	maxShelveMs: number;
	journalMs: number;
	efficiencyThreshold: number;
	store: () => Promise<Store>;
	delivery: Delivery;
	/** What happened, after it is kept (or, where the store fails, all the same). */
	happened: (change: Change, event: object, alarm: WireAlarm) => void;
	/** The board is another. */
	board: (board: WireBoard) => void;
	/** What a dashboard shows of the past, and of efficiency. */
	record: (record: WireRecord) => void;
	efficiency: (efficiency: WireEfficiency) => void;
	problem: (error: unknown) => void;
}

type Parameters = Readonly<Record<string, unknown>>;

const RETRY_MS = 10_000;
const COSTS_MS = 60_000;
const DAY_MS = 86_400_000;
/** Efficiency moves slowly. */
const EFFICIENCY_MS = 60_000;
/** The board is told again while costs run. */
const BOARD_MS = 10_000;
/** The record follows what happened at this pace, and is told again even where nothing did. */
const RECORD_MS = 15_000;
const RECORD_AGAIN_MS = 300_000;
const RECORD_LINES = 50;
/** Past readings that a first start learns efficiency from. */
const LEARN_MS = 28 * DAY_MS;
/** Of these, one each so long: less than the longest silence that is bridged, and a page a machine. */
const LEARN_EVERY_MS = 240_000;
const PAGE = 10_000;
const MOST_LEARNED = 300_000;
const MOST_LINES = 500_000;

/** The alarms of one node at work: what comes in, what is kept, who is told. */
export class AlarmDesk {
	readonly #options: DeskOptions;
	readonly #keeper: Keeper;
	readonly #sentinel: Sentinel;
	#book: AlarmBook;
	#efficiency: EfficiencyBook;
	readonly #derived = new Map<string, { derived: Derived; atMs: number }>();
	#loaded = false;
	#opened = false;
	#closed = false;
	#retryMs = 0;
	#failing = false;
	#boardDue = true;
	#boardMs = 0;
	#costsMs = 0;
	#droppedMs = 0;
	#taking = false;
	#recordDue = true;
	#recordMs = 0;
	#efficiencyMs = 0;
	/** Whether the last efficiencies told of any past. */
	#knewMachines = false;

	constructor(options: DeskOptions) {
		this.#options = options;
		this.#keeper = new Keeper(options.site.id, options.store);
		this.#sentinel = new Sentinel(options.site, options.rules);
		this.#book = new AlarmBook([], options);
		this.#efficiency = new EfficiencyBook(options.site);
	}

	/** What is kept comes back before anything is judged; where the store fails, alarms start without it. */
	async begin(): Promise<void> {
		if (this.#options.follow) return;
		await this.#load();
		if (this.#closed) return;
		this.#opened = true;
		const { rules } = this.#options;
		const nowMs = Date.now();
		void this.#publish(this.#book.retire((alarm) => this.#sentinel.lives(alarm), nowMs));
		if (this.#loaded && rules.some(({ source }) => source === "efficiency")) void this.#learn();
	}

	/** Before, what comes is passed over: it is said again. */
	get opened(): boolean {
		return this.#opened;
	}

	/** @throws EnergyError `alarms.bad-input` */
	take(topic: unknown, payload: unknown): void {
		const input = inputOf(topic, payload, this.#options.site.id);
		if (!this.#opened) return;
		const nowMs = Date.now();
		for (const signal of this.#signals(input, nowMs)) {
			const changes = this.#book.observe(signal, nowMs);
			if (changes.length > 0) void this.#publish(changes);
		}
	}

	tick(nowMs: number): void {
		if (!this.#opened || this.#closed) return;
		if (!this.#loaded && nowMs >= this.#retryMs) void this.#load();
		void this.#publish(this.#book.tick(nowMs));
		this.#keepSlowly(nowMs);
		this.#options.delivery.pump(() => this.#keepPosts());
		if (this.#loaded && !this.#taking) void this.#takePosted();
		if (this.#loaded) this.#tellOfPast(nowMs);
		const due = this.#boardDue ? 0 : BOARD_MS;
		if (nowMs - this.#boardMs < due || (!this.#boardDue && this.counts().active === 0)) return;
		this.#boardDue = false;
		this.#boardMs = nowMs;
		this.#options.board(this.board(nowMs));
	}

	/** Does what a person wants and keeps it before it is answered. @throws EnergyError with an `alarms.` code */
	async command(command: AlarmCommand): Promise<WireAlarm> {
		if (this.#options.follow) {
			await this.#refresh();
			// Tried here first, so that who asks learns at once what cannot be done.
			this.#ordered(command);
			await this.#keeper.post(command);
		} else await this.#publish(this.#ordered(command));
		return this.#wire(this.#book.get(command.alarm) as Alarm);
	}

	#ordered(command: AlarmCommand): Change[] {
		const facts = (): object | null => {
			const alarm = this.#book.get(command.alarm);
			return alarm ? this.#wire(alarm) : null;
		};
		const before = facts();
		const changes = this.#book.command(command, Date.now());
		if (changes.length > 0) noteChange({ target: command.alarm, before, after: facts() });
		return changes;
	}

	/** For the node's status. */
	counts(): { unacknowledged: number; active: number } {
		let unacknowledged = 0;
		let active = 0;
		for (const alarm of this.#book.all()) {
			const state = stateOf(alarm);
			if (state === "unacknowledged" || state === "returned-unacknowledged") unacknowledged++;
			if (alarm.active) active++;
		}
		return { unacknowledged, active };
	}

	board(nowMs: number): WireBoard {
		return boardOf(this.#book.all(), this.#options.site.id, (id) => this.#book.running(id, nowMs), nowMs);
	}

	/** @throws EnergyError `alarms.bad-query`, `api.sort-unknown`, `api.cursor-unfit` */
	async list(parameters: Parameters): Promise<object> {
		await this.#refresh();
		const { states, priorities, machine, page } = listQuery(parameters);
		const found = [...this.#book.all()].filter(
			(alarm) =>
				(!states || states.has(stateOf(alarm))) &&
				(!priorities || priorities.has(alarm.priority)) &&
				(machine === undefined || alarm.machine === machine),
		);
		const { items, ...next } = pageOf(found, alarmListing, page);
		return { items: items.map((alarm) => this.#wire(alarm)), ...next };
	}

	/** Newest first. @throws EnergyError `alarms.unknown`, `alarms.bad-query` */
	async journal(alarm: string, parameters: Parameters): Promise<object> {
		const query = linesQuery(parameters);
		await this.#refresh();
		if (!this.#book.get(alarm)) throw new EnergyError("alarms.unknown", { alarm });
		const { items, nextCursor } = await this.#keeper.journal({ subject: alarm, ...query });
		return { items: items.map(({ value }) => wireLine(value as JournalLine)), ...(nextCursor && { nextCursor }) };
	}

	/** How often alarms were raised since then, and those of anomalies among them; with the anomalies that last. */
	async raisedSince(fromMs: number): Promise<{ raised24h: number; anomalies: { active: number; raised24h: number } }> {
		const found = { raised24h: 0, anomalies: { active: 0, raised24h: 0 } };
		const rules = new Set(this.#options.rules.filter(({ source }) => source === "anomaly").map(({ id }) => id));
		const isAnomaly = (alarm: string): boolean => rules.has(this.#book.get(alarm)?.rule ?? "");
		for (const alarm of this.#book.all()) if (alarm.active && isAnomaly(alarm.id)) found.anomalies.active++;
		let cursor: string | undefined;
		let read = 0;
		do {
			const page = await this.#keeper.journal({ fromMs, order: "asc", limit: PAGE, ...(cursor && { cursor }) });
			for (const { value } of page.items) {
				const { type, alarm } = value as JournalLine;
				if (type !== "raised") continue;
				found.raised24h++;
				if (isAnomaly(alarm)) found.anomalies.raised24h++;
			}
			read += page.items.length;
			cursor = page.nextCursor;
		} while (cursor && read < MOST_LINES);
		return found;
	}

	/** @throws EnergyError `alarms.bad-query` */
	async kpi(parameters: Parameters): Promise<object> {
		const nowMs = Date.now();
		await this.#refresh();
		return { site: this.#options.site.id, ...(await this.#kpiOf(spanQuery(parameters, nowMs), nowMs)) };
	}

	async efficiency(): Promise<WireEfficiency> {
		await this.#refresh();
		return this.#efficiencyNow(Date.now());
	}

	#efficiencyNow(nowMs: number): WireEfficiency {
		const { site, efficiencyThreshold } = this.#options;
		return wireEfficiency(site.id, this.#efficiency, efficiencyThreshold, nowMs);
	}

	async #kpiOf({ fromMs, toMs }: SpanQuery, nowMs: number): Promise<WireKpi & { complete: boolean }> {
		const counter = new KpiCounter(fromMs, toMs, new LocalDays(this.#options.site.timeZone));
		let cursor: string | undefined;
		let read = 0;
		do {
			const page = await this.#keeper.journal({ fromMs, toMs, order: "asc", limit: PAGE, ...(cursor && { cursor }) });
			for (const { value } of page.items) counter.add(value as JournalLine);
			read += page.items.length;
			cursor = page.nextCursor;
		} while (cursor && read < MOST_LINES);
		return { ...wireKpi(counter.report(this.#book.all(), nowMs)), complete: !cursor };
	}

	/** Efficiency each minute, sooner while it is being learned; the record soon after something happened. */
	#tellOfPast(nowMs: number): void {
		if (nowMs - this.#efficiencyMs >= (this.#knewMachines ? EFFICIENCY_MS : RECORD_MS)) {
			this.#efficiencyMs = nowMs;
			const efficiency = this.#efficiencyNow(nowMs);
			this.#knewMachines = efficiency.items.some(({ hours }) => hours > 0);
			this.#options.efficiency(efficiency);
		}
		if (nowMs - this.#recordMs < (this.#recordDue ? RECORD_MS : RECORD_AGAIN_MS)) return;
		this.#recordDue = false;
		this.#recordMs = nowMs;
		this.#recordOf(nowMs).then(this.#options.record, (error: unknown) => {
			// Told once, by whoever saves next; the next record may work.
			if (!this.#failing && !this.#closed) this.#options.problem(error);
		});
	}

	async #recordOf(nowMs: number): Promise<WireRecord> {
		const kpi = await this.#kpiOf(spanQuery({}, nowMs), nowMs);
		const { items } = await this.#keeper.journal({ order: "desc", limit: RECORD_LINES });
		const lines = items.map(({ value }) => wireLine(value as JournalLine));
		const named = [kpi.top, kpi.stale, kpi.chattering, lines].flatMap((list) => list.map(({ alarm }) => alarm));
		const alarms = Object.fromEntries(named.map((id) => [id, identityOf(id)]));
		return { site: this.#options.site.id, time: new Date(nowMs).toISOString(), lines, kpi, alarms };
	}

	async close(): Promise<void> {
		this.#closed = true;
		this.#options.delivery.close();
		if (!this.#loaded) return;
		this.#keeper.costs(this.#book.costs());
		await this.#keeper.save();
	}

	/** Where another process watches, the store knows what stands. */
	async #refresh(): Promise<void> {
		if (!this.#options.follow) return;
		const kept = await this.#keeper.load();
		this.#book = new AlarmBook(kept.alarms, this.#options);
		this.#efficiency = new EfficiencyBook(this.#options.site, kept.efficiency);
	}

	/** Commands that processes that follow were given. */
	async #takePosted(): Promise<void> {
		this.#taking = true;
		try {
			for (const command of await this.#keeper.takePosted()) {
				try {
					await this.#publish(this.#book.command(command, Date.now()));
				} catch (error) {
					// The alarm changed meanwhile; who asked sees that in the list.
					if (!(error instanceof EnergyError)) throw error;
				}
			}
		} catch (error) {
			if (!this.#failing) this.#options.problem(error);
		} finally {
			this.#taking = false;
		}
	}

	#wire(alarm: Alarm): WireAlarm {
		return wireAlarm(alarm, this.#options.site.id, this.#book.running(alarm.id, Date.now()));
	}

	#signals(input: Input, nowMs: number): Signal[] {
		switch (input.kind) {
			case "readings":
				return input.readings.flatMap((reading) =>
					this.#sentinel.read(reading, this.#derivedOf(reading, nowMs), nowMs),
				);
			case "alerts":
				return input.alerts.flatMap((alert) => this.#sentinel.alert(alert, nowMs));
			case "silence":
				return this.#sentinel.silence(input.silent);
			case "demand":
				return this.#sentinel.demand(input.word);
			case "schedule":
				return this.#sentinel.schedule(input.word);
			case "demand-event":
				return this.#sentinel.demandEvent(input.code, input.details, input.text);
			case "nothing":
				return [];
		}
	}

	/** What the readings of the last hours say of a machine, worked out anew once a minute. */
	#derivedOf(reading: Reading, nowMs: number): Derived | undefined {
		const closed = this.#efficiency.take(reading);
		const meter = this.#efficiency.of(reading.machine);
		if (closed && meter && this.#loaded) this.#keeper.efficient(reading.machine, meter.memory());
		const known = this.#derived.get(reading.machine);
		if (known && nowMs - known.atMs < EFFICIENCY_MS && !closed) return known.derived;
		const now = meter?.now();
		const derived: Derived = {};
		if (typeof now?.efficiency === "number") derived.efficiency = now.efficiency;
		if (typeof now?.idleShare === "number") derived.idleShare = now.idleShare;
		if (typeof now?.specificEnergyKwh.value === "number") derived.specificEnergyKwh = now.specificEnergyKwh.value;
		this.#derived.set(reading.machine, { derived, atMs: nowMs });
		return derived;
	}

	/** Keeps changes, then tells of them; alarms do not fall silent because a disk is full. */
	async #publish(changes: readonly Change[]): Promise<void> {
		if (changes.length === 0) return;
		const nowMs = Date.now();
		const told = changes.map((change) => {
			const running = this.#book.running(change.alarm.id, nowMs);
			const alarm = wireAlarm(change.alarm, this.#options.site.id, running);
			return { change, alarm, event: wireChange(change, this.#options.site.id, running) };
		});
		const { delivery } = this.#options;
		const posted = told.filter(({ change, event, alarm }) => delivery.tell(change, event, alarm, nowMs)).length;
		this.#keeper.changed(changes);
		this.#keeper.forget(this.#book.prune());
		// Before it is known what an earlier run had left to deliver, that would be overwritten.
		if (posted > 0 && this.#loaded) this.#keeper.posts(delivery.outbox);
		this.#boardDue = true;
		this.#recordDue = true;
		await this.#save();
		for (const { change, event, alarm } of told) this.#options.happened(change, event, alarm);
		if (posted > 0) delivery.pump(() => this.#keepPosts());
	}

	/** Told once while the store fails; what was not kept goes with the next change or tick. */
	async #save(): Promise<void> {
		try {
			await this.#keeper.save();
			this.#failing = false;
		} catch (error) {
			if (!this.#failing && !this.#closed) {
				const message = error instanceof Error ? error.message : String(error);
				this.#options.problem(new EnergyError("alarms.not-kept", { message }, { cause: error }));
			}
			this.#failing = true;
		}
	}

	#keepPosts(): void {
		if (!this.#loaded) return;
		this.#keeper.posts(this.#options.delivery.outbox);
		void this.#save();
	}

	#keepSlowly(nowMs: number): void {
		if (!this.#loaded || nowMs - this.#costsMs < COSTS_MS) return;
		this.#costsMs = nowMs;
		this.#keeper.costs(this.#book.costs());
		void this.#save();
		if (nowMs - this.#droppedMs < DAY_MS) return;
		this.#droppedMs = nowMs;
		this.#keeper.dropJournalBefore(nowMs - this.#options.journalMs).catch(this.#options.problem);
	}

	async #load(): Promise<void> {
		this.#retryMs = Date.now() + RETRY_MS;
		try {
			const kept = await this.#keeper.load();
			const { delivery } = this.#options;
			if (this.#opened) this.#book.adopt(kept.alarms);
			else {
				this.#book = new AlarmBook(kept.alarms, { ...this.#options, costs: kept.costs });
				this.#efficiency = new EfficiencyBook(this.#options.site, kept.efficiency);
			}
			const waiting = delivery.outbox.size > 0;
			delivery.outbox = new Outbox([...kept.posts, ...delivery.outbox.all()]);
			for (const alarm of kept.alarms) if (alarm.active) this.#sentinel.expect(alarm);
			this.#loaded = true;
			if (waiting) this.#keepPosts();
			this.#boardDue = true;
		} catch (error) {
			if (!this.#failing) this.#options.problem(error);
			this.#failing = true;
		}
	}

	/** Machines that know nothing of the past yet learn what is good from the readings that the store has. */
	async #learn(): Promise<void> {
		try {
			const store = await this.#options.store();
			const toMs = Date.now();
			for (const { id: machine } of this.#options.site.machines) {
				if (this.#closed) return;
				if ((this.#efficiency.of(machine)?.now().hours ?? 0) > 0) continue;
				const query = { site: this.#options.site.id, machine, fromMs: toMs - LEARN_MS, toMs, limit: PAGE };
				// Beside the one that live readings go on with meanwhile, which would have begun with now.
				const learned = new MachineEfficiency(machine);
				let cursor: string | undefined;
				let read = 0;
				do {
					const page = await store.readings({ ...query, everyMs: LEARN_EVERY_MS, ...(cursor && { cursor }) });
					for (const reading of page.items) learned.take(reading);
					read += page.items.length;
					cursor = page.nextCursor;
				} while (cursor && read < MOST_LEARNED && !this.#closed);
				if (read === 0) continue;
				this.#efficiency.set(machine, learned);
				this.#keeper.efficient(machine, learned.memory());
			}
			await this.#save();
		} catch (error) {
			this.#options.problem(error);
		}
	}
}
