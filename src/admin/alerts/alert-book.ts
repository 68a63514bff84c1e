import { type RecordTable, recordKinds } from '../../base/record-table.ts';
import { type AlertCondition, type AlertFacts, type AlertNews, alertCodes } from './condition.ts';

/** An alert as it is kept: in the store that instances share, so that one of them tells it, once. */
interface KeptAlert extends Omit<AlertCondition, 'id'> {
  readonly sinceMs: number;
  /** The instance that sees it. */
  readonly by: string;
  readonly seenAtMs: number;
}

/** An instance that sees an alert says so again after this long. */
const seenEveryMs = 5 * 60_000;
/** Where none has for this long, whoever sees it takes it over, and one that nobody sees is over. */
const abandonedMs = 15 * 60_000;
/** More are not kept: something is wrong everywhere. */
const mostAlerts = 1000;

/** Which alerts hold, and which of their news are this instance's to tell. */
export class AlertBook {
  readonly #records: RecordTable;
  readonly #instance: string;
  #current: readonly AlertFacts[] = [];

  constructor(records: RecordTable, instance: string) {
    this.#records = records;
    this.#instance = instance;
  }

  /** As of the last update, of all instances. */
  get current(): readonly AlertFacts[] {
    return this.#current;
  }

  /**
   * Notes what holds now as this instance sees it.
   * @returns what it has to tell
   * @throws what the store throws; then nothing is told, and the next update tells it
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

  /** What another instance sees is its own to clear. */
  async #isOver(id: string, { alert, version }: KeptEntry, nowMs: number): Promise<AlertNews | undefined> {
    if (alert.by !== this.#instance && Math.abs(nowMs - alert.seenAtMs) < abandonedMs) return undefined;
    // Expired at once: of several that see it, one writes it.
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

/** Undefined where another version has written something else. */
function keptAlert(value: string): KeptAlert | undefined {
  const alert = JSON.parse(value) as Partial<KeptAlert>;
  return alert.code !== undefined && Object.hasOwn(alertCodes, alert.code) ? (alert as KeptAlert) : undefined;
}

function factsOf(id: string, { code, sinceMs, text, remedy }: KeptAlert): AlertFacts {
  return { id, code, severity: alertCodes[code], since: new Date(sinceMs).toISOString(), text, remedy };
}
