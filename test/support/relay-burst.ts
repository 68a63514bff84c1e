import { alice, couriers, password, reports } from './relay.ts';
import { SmtpDialogue } from './smtp-dialogue.ts';

/** The outcome of a message as its client saw it. */
export type BurstOutcome =
  /** 250: the bridge has it. */
  | 'accepted'
  /** 4xx or 5xx. */
  | 'refused'
  /** The connection ended after the final dot, before a reply: unknown. */
  | 'unanswered'
  /** The connection ended before the final dot was sent. */
  | 'unsent';

export interface BurstOptions {
  readonly messages: number;
  readonly connections: number;
  /** Port to connect to; waits while there is no bridge. Called again after a connection has ended. */
  port(): Promise<number>;
  /** How long a client waits after a refusal; default: no wait. */
  readonly waitsAfterRefusalMs?: number;
  /** How long a client waits between two messages; default: no wait. */
  readonly waitsMs?: number;
  /** Called after each accepted message. */
  onAccepted?(count: number): void;
}

/** Many concurrent clients, each sending message after message, and the outcomes. */
export class Burst {
  readonly outcomes = new Map<number, BurstOutcome>();
  readonly #options: BurstOptions;
  #next = 0;
  #accepted = 0;

  constructor(options: BurstOptions) {
    this.#options = options;
  }

  async run(): Promise<void> {
    const { connections } = this.#options;
    await Promise.all(Array.from({ length: connections }, (_, index) => this.#client(index)));
  }

  /** The numbers of the messages with an outcome. */
  with(outcome: BurstOutcome): number[] {
    return [...this.outcomes].filter(([, each]) => each === outcome).map(([number]) => number);
  }

  async #client(index: number): Promise<void> {
    const username = couriers[index % couriers.length] ?? 'graph';
    let dialogue: SmtpDialogue | undefined;
    while (this.#next < this.#options.messages) {
      dialogue ??= await this.#login(username);
      if (!dialogue) continue;
      const number = this.#next++;
      const outcome = await send(dialogue, number);
      this.outcomes.set(number, outcome);
      if (outcome === 'accepted') this.#options.onAccepted?.(++this.#accepted);
      if (outcome === 'refused') await sleep(this.#options.waitsAfterRefusalMs);
      await sleep(this.#options.waitsMs);
      if (outcome === 'unanswered' || outcome === 'unsent') {
        dialogue.destroy();
        dialogue = undefined;
      }
    }
    dialogue?.destroy();
  }

  async #login(username: string): Promise<SmtpDialogue | undefined> {
    const dialogue = await SmtpDialogue.open(await this.#options.port());
    const credentials = Buffer.from(`\0${username}\0${password}`).toString('base64');
    const replies = await dialogue.pipeline('EHLO burst.test', `AUTH PLAIN ${credentials}`);
    if (replies[1]?.startsWith('235')) return dialogue;
    dialogue.destroy();
    // It is shutting down: lets the test notice before the next try.
    await sleep(20);
    return undefined;
  }
}

async function sleep(ms = 0): Promise<void> {
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
}

async function send(dialogue: SmtpDialogue, number: number): Promise<BurstOutcome> {
  const sender = kindOf(number) === 'of another sender' ? 'ceo@contoso.com' : reports;
  const replies = await dialogue.pipeline(`MAIL FROM:<${sender}>`, `RCPT TO:<${alice}>`, 'DATA');
  const wrong = replies.find((reply) => !/^[23]/.test(reply));
  // 421: it is shutting down, and closes.
  if (wrong === 'closed' || wrong?.startsWith('421')) return 'unsent';
  if (wrong) {
    await dialogue.say('RSET');
    return 'refused';
  }
  dialogue.send(`${burstHeader(number)}\r\n${burstBody(number)}.\r\n`);
  const reply = await dialogue.reply();
  if (reply === 'closed') return 'unanswered';
  return reply.startsWith('250') ? 'accepted' : 'refused';
}

function kindOf(number: number): 'small' | 'large' | 'with a NUL' | 'of another sender' {
  if (number % 40 === 9) return 'of another sender';
  if (number % 25 === 7) return 'with a NUL';
  return number % 20 === 3 ? 'large' : 'small';
}

/** The Message-ID of a message of the burst. */
export function burstId(number: number): string {
  return `<burst-${number}@contoso.com>`;
}

function burstHeader(number: number): string {
  return [`From: ${reports}`, `To: ${alice}`, `Subject: ${number}`, `Message-ID: ${burstId(number)}`, ''].join('\r\n');
}

/** The queue keeps large ones in separate files, small ones in its database. */
export function burstBody(number: number): string {
  const kind = kindOf(number);
  if (kind === 'with a NUL') return `line ${number}\0no line\r\n`;
  const lines = kind === 'large' ? 2000 : 10;
  return Array.from({ length: lines }, (_, line) => `message ${number}, line ${line}, abcdefghijklmnop\r\n`).join('');
}
