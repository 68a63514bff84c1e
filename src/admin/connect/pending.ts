import { randomBytes } from 'node:crypto';
import { sourceNetwork } from '../../accounts/networks.ts';
import type { Clock } from '../../base/clock.ts';
import { BridgeError, errorText } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { ConnectCode, ConnectedMailbox, ConnectLink, ConnectPort } from './port.ts';

/** The state of a sign-in at `/connect`. */
export type ConnectState =
  | { readonly state: 'waiting'; readonly begun: BegunConnect }
  /** The mailbox is being tried. */
  | { readonly state: 'done'; readonly mailbox: ConnectedMailbox }
  | { readonly state: 'failed'; readonly error: BridgeError };

/** What the person has to do: enter a code, or open a link. */
export type BegunConnect = { readonly code: ConnectCode } | { readonly url: string };

export interface PendingOptions {
  readonly connect: Pick<ConnectPort, 'connect'>;
  readonly clock: Clock;
  readonly log: Log;
  /** Called for each connected mailbox, with the source address. Must not throw. */
  readonly onConnected?: (mailbox: ConnectedMailbox, address: string) => void;
}

interface Pending {
  readonly address: string;
  readonly network: string;
  readonly abort: AbortController;
  link: ConnectLink | undefined;
  state: ConnectState | undefined;
}

/** Most sign-ins waiting at Microsoft at the same time; each polls every few seconds. */
const mostPending = 100;
const mostPendingPerNetwork = 5;
const hourMs = 3_600_000;
const mostStartsPerHour = 20;
/** How long the result is available to those who know its id. */
const keptMs = 10 * 60_000;
const mostNetworks = 10_000;

/** Sign-ins under way at `/connect`: limited in number, overall and by source. */
export class PendingConnects {
  readonly #options: PendingOptions;
  readonly #pending = new Map<string, Pending>();
  readonly #starts = new Map<string, number[]>();
  readonly #running = new Set<Promise<void>>();

  constructor(options: PendingOptions) {
    this.#options = options;
  }

  /**
   * Begins a sign-in.
   * @param address the source address
   * @returns its id, which nobody can guess, and the code
   * @throws BridgeError `connect-busy`, or why there is no code
   */
  async start(address: string, invitation?: string): Promise<{ readonly id: string; readonly begun: BegunConnect }> {
    const network = sourceNetwork(address);
    this.#assertRoom(network);
    const id = randomBytes(24).toString('base64url');
    const pending: Pending = { address, network, abort: new AbortController(), link: undefined, state: undefined };
    this.#pending.set(id, pending);
    const begun = await new Promise<BegunConnect>((resolve, reject) => {
      const asked = { id, pending, invitation };
      const running: Promise<void> = this.#run(asked, resolve, reject).finally(() => this.#running.delete(running));
      this.#running.add(running);
    });
    return { id, begun };
  }

  /**
   * Takes the URL that a browser has returned to.
   * @param id that the browser shows: only the browser that began the sign-in has it
   * @throws BridgeError `admin-not-found`
   */
  redirected(redirect: URL, id: string | undefined): void {
    const pending = this.#pending.get(id ?? '');
    const { link } = pending ?? {};
    if (!pending || link === undefined || link.state !== redirect.searchParams.get('state')) {
      throw new BridgeError('admin-not-found', 'This sign-in was not started in this browser. Start again.');
    }
    pending.link = undefined;
    link.take(redirect);
  }

  /** The state of a sign-in. Its result is returned once. @throws BridgeError `admin-not-found` */
  take(id: string): ConnectState {
    const pending = this.#pending.get(id);
    if (!pending?.state) throw new BridgeError('admin-not-found', 'This sign-in no longer exists. Start again.');
    if (pending.state.state !== 'waiting') this.#pending.delete(id);
    return pending.state;
  }

  /** Ends a waiting sign-in: it no longer polls Microsoft, and another one can take its place. */
  cancel(id: string): void {
    const pending = this.#pending.get(id);
    if (pending?.state?.state !== 'waiting') return;
    pending.abort.abort();
    this.#pending.delete(id);
  }

  /** Ends waiting sign-ins. */
  async close(): Promise<void> {
    for (const { abort } of this.#pending.values()) abort.abort();
    await Promise.all(this.#running);
  }

  async #run(
    {
      id,
      pending,
      invitation,
    }: { readonly id: string; readonly pending: Pending; readonly invitation?: string | undefined },
    onBegun: (begun: BegunConnect) => void,
    onFailure: (error: unknown) => void,
  ): Promise<void> {
    const { connect, log } = this.#options;
    const begin = (begun: BegunConnect) => {
      pending.state = { state: 'waiting', begun };
      onBegun(begun);
    };
    try {
      const mailbox = await connect.connect({
        signal: pending.abort.signal,
        invitation,
        onCode: (code) => begin({ code }),
        onLink(link) {
          pending.link = link;
          begin({ url: link.url });
        },
      });
      pending.state = { state: 'done', mailbox };
      this.#options.onConnected?.(mailbox, pending.address);
      log.info({ mailbox: mailbox.address, network: pending.network }, 'mailbox connected at /connect');
      this.#forgetLater(id);
    } catch (error) {
      if (pending.state === undefined) {
        this.#pending.delete(id);
        onFailure(error);
        return;
      }
      pending.state = { state: 'failed', error: toldError(error) };
      this.#forgetLater(id);
      if (!pending.abort.signal.aborted) log.info({ network: pending.network, error }, 'sign-in at /connect failed');
    }
  }

  /** A password that nobody has collected is not kept. */
  #forgetLater(id: string): void {
    this.#options.clock.after(keptMs, () => this.#pending.delete(id));
  }

  #assertRoom(network: string): void {
    const waiting = [...this.#pending.values()].filter(({ state }) => state === undefined || state.state === 'waiting');
    const own = waiting.filter((each) => each.network === network);
    const nowMs = this.#options.clock.now();
    const starts = (this.#starts.get(network) ?? []).filter((atMs) => nowMs - atMs < hourMs);
    if (waiting.length >= mostPending || own.length >= mostPendingPerNetwork || starts.length >= mostStartsPerHour) {
      throw new BridgeError('connect-busy', 'Too many sign-ins were started here.');
    }
    this.#starts.delete(network);
    this.#starts.set(network, [...starts, nowMs]);
    const [oldest] = this.#starts.keys();
    if (this.#starts.size > mostNetworks && oldest !== undefined) this.#starts.delete(oldest);
  }
}

function toldError(error: unknown): BridgeError {
  return error instanceof BridgeError ? error : new BridgeError('connect-failed', errorText(error), { cause: error });
}
