import { type RecordTable, recordKinds } from '../../base/record-table.ts';
import { type AlertCondition, type AlertFacts, type AlertNews, alertCodes } from './condition.ts';

/** An alert as stored: in the store that instances share, so that one of them reports it, once. */
interface KeptAlert extends Omit<AlertCondition, 'id'> {
  readonly sinceMs: number;
  /** The instance that sees it. */
  readonly by: string;
  readonly seenAtMs: number;
}

/** How often an instance that sees an alert confirms it. */
const seenEveryMs = 5 * 60_000;
/** Unconfirmed for this long, an alert is taken over by another instance that sees it, or over if none does. */
const abandonedMs = 15 * 60_000;
/** No more are stored: something is wrong everywhere. */
const mostAlerts = 1000;

/** Tracks which alerts hold, and which of their news this instance has to report. */
export class AlertBook {
  readonly #records: RecordTable;
  readonly #instance: string;
  #current: readonly AlertFacts[] = [];

  constructor(records: RecordTable, instance: string) {
    this.#records = records;
    this.#instance = instance;
  }

  /** Of all instances, as of the last update. */
  get current(): readonly AlertFacts[] {
    return this.#current;
  }

  /**
   * Records what this instance sees now.
   * @returns what it has to report
   * @throws what the store throws; then nothing is reported, and the next update reports it
   */
  async update(conditions: readonly AlertCondition[], nowMs: number): Promise<AlertNews[]> {
    const kept = await this.#kept(nowMs);
    const news: AlertNews[] = [];
    for (const condition of conditions.slice(0, mostAlerts)) {
      const told = await this.#holds(condition, kept.get(condition.id), nowMs);
      if (told) news.push(told);
    }
    const ids = new Set(conditions.map(({ id }) => id));
    for (const [id, entry] of kept) {
      if (ids.has(id)) continue;
      const told = await this.#isOver(id, entry, nowMs);
      if (told) news.push(told);
    }
    this.#current = [...(await this.#kept(nowMs))].map(([id, { alert }]) => factsOf(id, alert));
    return news;
  }

  async #holds(condition: AlertCondition, entry: KeptEntry | undefined, nowMs: number): Promise<AlertNews | undefined> {
    const { id, ...rest } = condition;
    const by = { by: this.#instance, seenAtMs: nowMs };
    if (!entry) {
      const alert = { ...rest, ...by, sinceMs: nowMs };
      const other = await this.#records.add(recordKinds.alert, id, JSON.stringify(alert), nowMs);
      return other ? undefined : this.#news(id, alert, 'raised', nowMs);
    }
    const { alert, version } = entry;
    const isWorse = rest.level > alert.level;
    const isMine = alert.by === this.#instance;
    const ageMs = Math.abs(nowMs - alert.seenAtMs);
    if (!isWorse && (isMine ? ageMs < seenEveryMs : ageMs < abandonedMs)) return undefined;
    const next = { ...rest, ...by, sinceMs: alert.sinceMs, level: Math.max(rest.level, alert.level) };
    const written = await this.#records.put(recordKinds.alert, id, JSON.stringify(next), { ifVersion: version });
    return written !== undefined && isWorse ? this.#news(id, next, 'raised', nowMs) : undefined;
  }

  /** Another instance clears what it sees itself. */
  async #isOver(id: string, { alert, version }: KeptEntry, nowMs: number): Promise<AlertNews | undefined> {
    if (alert.by !== this.#instance && Math.abs(nowMs - alert.seenAtMs) < abandonedMs) return undefined;
    // Expired at once: of several instances that see it, one writes it.
    const over = { ifVersion: version, expiresAtMs: nowMs };
    const written = await this.#records.put(recordKinds.alert, id, JSON.stringify(alert), over);
    if (written === undefined) return undefined;
    return this.#news(id, alert, 'cleared', nowMs);
  }

  #news(id: string, alert: KeptAlert, state: AlertNews['state'], nowMs: number): AlertNews {
    return { ...factsOf(id, alert), state, at: new Date(nowMs).toISOString(), instance: this.#instance };
  }

  async #kept(nowMs: number): Promise<Map<string, KeptEntry>> {
    const found = await this.#records.list(recordKinds.alert, nowMs);
    return new Map(
      [...found].flatMap(([id, { value, version }]) => {
        const alert = keptAlert(value);
        return alert ? [[id, { alert, version }] as const] : [];
      }),
    );
  }
}

interface KeptEntry {
  readonly alert: KeptAlert;
  readonly version: number;
}

/** Undefined if another version has written something else. */
function keptAlert(value: string): KeptAlert | undefined {
  const alert = JSON.parse(value) as Partial<KeptAlert>;
  return alert.code !== undefined && Object.hasOwn(alertCodes, alert.code) ? (alert as KeptAlert) : undefined;
}

function factsOf(id: string, { code, sinceMs, text, remedy }: KeptAlert): AlertFacts {
  return { id, code, severity: alertCodes[code], since: new Date(sinceMs).toISOString(), text, remedy };
}
