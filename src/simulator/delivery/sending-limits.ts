import type { LimitName, Violations } from './violations.ts';

/** Limits of one mailbox; `null` means no limit. */
export interface MailboxLimits {
  /** Microsoft's: 30 over SMTP. */
  readonly messagesPerMinute: number | null;
  /** In any 24 hours; Microsoft's: 10,000. */
  readonly recipientsPerDay: number | null;
}

/** A tenant's sending limits. Learn, "Exchange Online limits". Initially nothing is limited. */
export interface SendingLimitSettings extends MailboxLimits {
  /** Recipients outside the tenant for all mailboxes together, in any 24 hours (TERRL). */
  readonly externalRecipientsPerDay: number | null;
  /** Recipients of one domain in one SMTP transaction; Microsoft's: 200. */
  readonly sameDomainRecipients: number | null;
  /** Bytes uploaded to a mailbox by one app; Microsoft's: 150 MB. */
  readonly uploadBytesPer5Minutes: number | null;
  /** Requests to Graph by one app for a mailbox; Microsoft's: 10,000. */
  readonly graphRequestsPer10Minutes: number | null;
  /** The reply code that Exchange SMTP uses beyond `recipientsPerDay`. */
  readonly recipientQuotaCode: '5.2.0' | '5.1.90';
  /** Mailboxes with their own limits. */
  readonly mailboxes: readonly ({ readonly mailbox: string } & Partial<MailboxLimits>)[];
}

export const unlimited: SendingLimitSettings = {
  messagesPerMinute: null,
  recipientsPerDay: null,
  externalRecipientsPerDay: null,
  sameDomainRecipients: null,
  uploadBytesPer5Minutes: null,
  graphRequestsPer10Minutes: null,
  recipientQuotaCode: '5.2.0',
  mailboxes: [],
};

/** A limit that would be exceeded, and when there is room again. */
export interface Exceeded {
  readonly limit: LimitName;
  /** 1 or more. */
  readonly retryAfterSeconds: number;
}

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;

/** Counts what is sent against the limits. Refused messages do not count. */
export class SendingLimits {
  readonly #violations: Violations;
  readonly #now: () => number;
  readonly #windows = new Map<string, Window>();
  #settings = unlimited;

  /** @param now milliseconds since 1970 */
  constructor(violations: Violations, now: () => number) {
    this.#violations = violations;
    this.#now = now;
  }

  get settings(): SendingLimitSettings {
    return this.#settings;
  }

  /** Sets limits; anything sent before no longer counts. */
  set(settings: Partial<SendingLimitSettings>): void {
    this.#settings = { ...this.#settings, ...settings };
    this.#windows.clear();
  }

  /**
   * Counts one message.
   * @param external how many of the recipients are outside the tenant
   * @returns the limit it would exceed, in which case it does not count
   */
  admit(mailbox: string, recipients: number, external: number): Exceeded | undefined {
    const own = this.#of(mailbox);
    const key = mailbox.toLowerCase();
    return this.#take(mailbox, [
      { limit: 'messagesPerMinute', key, windowMs: minuteMs, amount: 1, most: own.messagesPerMinute },
      { limit: 'recipientsPerDay', key, windowMs: dayMs, amount: recipients, most: own.recipientsPerDay },
      {
        limit: 'externalRecipientsPerDay',
        key: 'tenant',
        windowMs: dayMs,
        amount: external,
        most: this.#settings.externalRecipientsPerDay,
      },
    ]);
  }

  /** Counts uploaded bytes. @returns as {@link admit} */
  admitUpload(appId: string, mailbox: string, bytes: number): Exceeded | undefined {
    const most = this.#settings.uploadBytesPer5Minutes;
    const key = `${appId} ${mailbox.toLowerCase()}`;
    return this.#take(mailbox, [{ limit: 'uploadBytesPer5Minutes', key, windowMs: 5 * minuteMs, amount: bytes, most }]);
  }

  /** Counts a request to Graph. @returns as {@link admit} */
  admitGraphRequest(appId: string, mailbox: string): Exceeded | undefined {
    const most = this.#settings.graphRequestsPer10Minutes;
    const key = `${appId} ${mailbox.toLowerCase()}`;
    return this.#take(mailbox, [{ limit: 'graphRequestsPer10Minutes', key, windowMs: 10 * minuteMs, amount: 1, most }]);
  }

  /** Counts a violation that was refused elsewhere. */
  violated(limit: LimitName, mailbox: string): void {
    this.#violations.add(limit, mailbox);
  }

  #of(mailbox: string): MailboxLimits {
    const own = this.#settings.mailboxes.find((entry) => entry.mailbox.toLowerCase() === mailbox.toLowerCase());
    return { ...this.#settings, ...own };
  }

  /** Takes from all the windows or from none. */
  #take(mailbox: string, wanted: readonly Taking[]): Exceeded | undefined {
    const now = this.#now();
    const takings = wanted.flatMap((taking) => {
      if (taking.most === null || taking.amount === 0) return [];
      return [{ ...taking, most: taking.most, window: this.#window(taking) }];
    });
    for (const { limit, amount, most, window } of takings) {
      const roomAt = window.roomAt(now, amount, most);
      if (roomAt <= now) continue;
      this.#violations.add(limit, mailbox);
      return { limit, retryAfterSeconds: Math.max(1, Math.ceil((roomAt - now) / 1000)) };
    }
    for (const { amount, window } of takings) window.add(now, amount);
    return undefined;
  }

  #window({ limit, key, windowMs }: Taking): Window {
    const name = `${limit} ${key}`;
    const window = this.#windows.get(name) ?? new Window(windowMs);
    this.#windows.set(name, window);
    return window;
  }
}

interface Taking {
  readonly limit: LimitName;
  readonly key: string;
  readonly windowMs: number;
  readonly amount: number;
  readonly most: number | null;
}

/** Amounts over the last given number of milliseconds. */
class Window {
  readonly #lengthMs: number;
  #entries: { readonly at: number; readonly amount: number }[] = [];

  constructor(lengthMs: number) {
    this.#lengthMs = lengthMs;
  }

  add(at: number, amount: number): void {
    this.#entries.push({ at, amount });
  }

  /** When `amount` more fits under `most`: now, later, or a whole window from now if it never fits. */
  roomAt(now: number, amount: number, most: number): number {
    this.#entries = this.#entries.filter(({ at }) => at > now - this.#lengthMs);
    let sum = this.#entries.reduce((total, entry) => total + entry.amount, 0);
    if (sum + amount <= most) return now;
    for (const entry of this.#entries) {
      sum -= entry.amount;
      if (sum + amount <= most) return entry.at + this.#lengthMs;
    }
    return now + this.#lengthMs;
  }
}
