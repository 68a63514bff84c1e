import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Receive, receiveFrom } from '../base/shared-reading.ts';
import { writeTimeoutMs } from '../base/sockets/paced-writer.ts';
import type { Dues } from './dues.ts';

/** One end of a joined connection. */
export interface JoinedEnd {
  readonly socket: Duplex;
  /** Data already read from it that belongs to the other end. */
  readonly unread: Buffer;
}

export interface JoinOptions {
  /** Silence in both directions after which the connection is cut. */
  readonly idleTimeoutMs: number;
  /** Silence after which a connection with one side ended is closed. */
  readonly waits?: JoinWaits;
  /** Ends the connection as soon as it is silent for a moment. */
  readonly closing?: AbortSignal;
  /** Knows whether answers are due; by default, they are once anything was asked. */
  readonly dues?: Dues;
  /** Called with the upstream's first data until it returns false; must not keep the data. */
  readonly watch?: (chunk: Buffer) => boolean;
}

/** Permitted silence of a connection with one side ended. */
export interface JoinWaits {
  /** After the client has ended its side and the upstream has sent something since. */
  readonly answeredMs: number;
  /** Likewise, while the upstream has not: it may be running a long search. */
  readonly unansweredMs: number;
  /** While the client does not accept pending data. */
  readonly stalledMs: number;
  /** After the upstream has ended, or has been sent the end, and the client has accepted everything. */
  readonly lingerMs: number;
}

/** Result of a joined connection. */
export interface JoinResult {
  readonly toUpstreamBytes: number;
  readonly toClientBytes: number;
  /** `stalled`: the client was cut off because it did not accept pending data from the upstream. */
  readonly endedBy: 'client' | 'upstream' | 'idle' | 'closing' | 'stalled';
  /** The last data from the upstream, unless it was long; empty if none came. */
  readonly lastWords: Buffer;
}

/** Interval between looks at a connection that is to end. */
const pollMs = 250;

/** Longer data is not kept as last words. */
const maxLastWordsBytes = 512;

const nothing = Buffer.alloc(0);

const defaultWaits: JoinWaits = { answeredMs: 10_000, unansweredMs: 60_000, stalledMs: 60_000, lingerMs: 10_000 };

/**
 * Joins two connections: passes data from each to the other, no faster than the other accepts it.
 *
 * The end of the upstream is passed on at once. The end of the client's side is held back until everything is answered,
 * because servers take it for the end of the session while the client may still be waiting. If it is not certain which
 * answers are due, it is held back until the upstream ends or falls silent.
 *
 * Never rejects; both sockets are closed when it resolves.
 */
export function join(client: JoinedEnd, upstream: JoinedEnd, options: JoinOptions): Promise<JoinResult> {
  return new Promise((resolve) => new Joint(client, upstream, options, resolve).start(client.unread, upstream.unread));
}

/** Two joined sockets. There is one per open mailbox, so it is kept small. */
class Joint {
  readonly #client: Socket;
  readonly #upstream: Socket;
  readonly #options: JoinOptions;
  readonly #resolve: (result: JoinResult) => void;
  readonly #toUpstreamFrom: number;
  readonly #toClientFrom: number;
  #endedBy: JoinResult['endedBy'] | undefined;
  #answered = true;
  #nothingAsked = true;
  #clientEnded = false;
  #lastWords: Buffer = nothing;
  #timer: NodeJS.Timeout | undefined;

  constructor(client: JoinedEnd, upstream: JoinedEnd, options: JoinOptions, resolve: (result: JoinResult) => void) {
    this.#client = client.socket as Socket;
    this.#upstream = upstream.socket as Socket;
    this.#options = options;
    this.#resolve = resolve;
    this.#toUpstreamFrom = received(this.#client) - client.unread.length;
    this.#toClientFrom = received(this.#upstream) - upstream.unread.length;
  }

  start(fromClient: Buffer, fromUpstream: Buffer): void {
    const { closing, idleTimeoutMs, watch } = this.#options;
    const [client, upstream] = [this.#client, this.#upstream];
    // Both directions pass through the client's socket, so its timer sees both.
    client.setTimeout(idleTimeoutMs, () => this.#cut('idle'));
    client.once('end', () => this.#ended('client')).on('error', () => this.#ended('client'));
    upstream.on('error', () => this.#ended('upstream'));
    client.once('close', () => this.#closed('client'));
    upstream.once('close', () => this.#closed('upstream'));
    if (closing?.aborted) this.#close();
    else closing?.addEventListener('abort', this.#close);
    if (fromClient.length > 0) {
      upstream.write(fromClient);
      this.#asked(fromClient);
    }
    if (fromUpstream.length > 0) client.write(fromUpstream);
    let watching = watch !== undefined && (fromUpstream.length === 0 || watch(fromUpstream));
    pump(client, upstream, (octets) => this.#asked(octets));
    const see = (octets: Buffer): void => {
      this.#answered = true;
      this.#options.dues?.said(octets);
      this.#lastWords = octets.length <= maxLastWordsBytes ? Buffer.from(octets) : nothing;
      if (watching) watching = watch?.(octets) ?? false;
      if (this.#clientEnded) this.#passEndOn();
    };
    const flush = pump(upstream, client, see, () => this.#cut('stalled'));
    upstream.once('end', () => {
      flush();
      this.#ended('upstream');
    });
    // A socket that ended or closed before the listeners were added emits no event.
    if (client.readableEnded) this.#ended('client');
    if (upstream.readableEnded) this.#ended('upstream');
    if (client.destroyed) this.#closed('client');
    if (upstream.destroyed) this.#closed('upstream');
  }

  #asked(octets: Buffer): void {
    this.#answered = false;
    this.#nothingAsked = false;
    this.#options.dues?.asked(octets);
  }

  readonly #close = (): void => {
    this.#setTimer(
      whenSilent(
        this.#client,
        () => pollMs,
        () => this.#cut('closing'),
      ),
    );
  };

  #cut(by: JoinResult['endedBy']): void {
    this.#endedBy ??= by;
    this.#client.destroy();
    this.#upstream.destroy();
  }

  /** One side has ended; the other continues until it falls silent. */
  #ended(by: 'client' | 'upstream'): void {
    this.#endedBy ??= by;
    if (by === 'upstream' && !this.#client.writableEnded) this.#client.end();
    if (by === 'client') {
      this.#clientEnded = true;
      this.#passEndOn();
    }
    if (this.#options.closing?.aborted) return;
    this.#setTimer(whenSilent(this.#client, () => this.#patienceMs(), this.#endSilence));
  }

  /** Passes on the end of the client's side, unless answers are due. */
  #passEndOn(): void {
    const settled = this.#options.dues?.areSettled() ?? this.#nothingAsked;
    if (settled && !this.#upstream.writableEnded) this.#upstream.end();
  }

  readonly #endSilence = (): void => {
    if (this.#isEnding()) this.#cut(this.#endedBy ?? 'client');
    else this.#upstream.end();
  };

  #isEnding(): boolean {
    return this.#upstream.readableEnded || this.#upstream.destroyed || this.#upstream.writableEnded;
  }

  #patienceMs(): number {
    const waits = this.#options.waits ?? defaultWaits;
    if (this.#client.writableLength > 0) return waits.stalledMs;
    if (this.#isEnding()) return waits.lingerMs;
    return this.#answered ? waits.answeredMs : waits.unansweredMs;
  }

  #closed(which: 'client' | 'upstream'): void {
    this.#endedBy ??= which;
    // There is nobody left to answer, but data the upstream sent before it broke must still arrive.
    if (which === 'client') this.#upstream.destroy();
    else if (!this.#client.destroyed) this.#ended('upstream');
    if (!this.#client.destroyed || !this.#upstream.destroyed) return;
    this.#setTimer(undefined);
    this.#options.closing?.removeEventListener('abort', this.#close);
    this.#resolve({
      toUpstreamBytes: received(this.#client) - this.#toUpstreamFrom,
      toClientBytes: received(this.#upstream) - this.#toClientFrom,
      endedBy: this.#endedBy,
      lastWords: this.#lastWords,
    });
  }

  #setTimer(timer: NodeJS.Timeout | undefined): void {
    clearTimeout(this.#timer);
    this.#timer = timer;
  }
}

/** Data on its way from one socket to the other is copied in pieces of this size, which are reused. */
const pieceBytes = 32 * 1024;
const maxIdlePieces = 64;
const idlePieces: Buffer[] = [];

function takePiece(): Buffer {
  return idlePieces.pop() ?? Buffer.allocUnsafeSlow(pieceBytes);
}

function givePieceBack(piece: Buffer): void {
  if (idlePieces.length < maxIdlePieces) idlePieces.push(piece);
}

/**
 * Leaner than `pipe`, which keeps seven listeners per direction and needs a buffer for every read. Does not pass on the
 * end.
 * @param stalled called when `to` has accepted nothing for too long
 * @returns a function that sends everything received so far
 */
function pump(from: Socket, to: Socket, see: Receive, stalled?: () => void): () => void {
  const deadline = stalled && new StallDeadline(to, stalled);
  let piece: Buffer | undefined;
  let filled = 0;
  const flush = (): void => {
    if (piece === undefined) return;
    const full = piece;
    piece = undefined;
    const flows = to.write(full.subarray(0, filled), () => {
      deadline?.moved();
      givePieceBack(full);
    });
    filled = 0;
    // A destroyed socket never drains.
    if (flows || to.destroyed) return;
    from.pause();
    deadline?.start();
  };
  receiveFrom(from, (octets) => {
    see(octets);
    for (let taken = 0; taken < octets.length; ) {
      if (piece === undefined) {
        piece = takePiece();
        // One read from the network yields several TLS records; they are sent in one write.
        process.nextTick(flush);
      }
      const copied = octets.copy(piece, filled, taken);
      taken += copied;
      filled += copied;
      if (filled === piece.length) flush();
    }
  });
  to.on('drain', () => {
    deadline?.end();
    from.resume();
  });
  return flush;
}

/** Calls back when a socket has not accepted any pending data for too long. */
class StallDeadline {
  readonly #socket: Socket;
  readonly #callback: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(socket: Socket, callback: () => void) {
    this.#socket = socket;
    this.#callback = callback;
  }

  start(): void {
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(this.#callback, writeTimeoutMs.afterLogin);
    this.#socket.once('close', this.end);
  }

  moved(): void {
    this.#timer?.refresh();
  }

  readonly end = (): void => {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#socket.off('close', this.end);
  };
}

/** Bytes received. */
function received(socket: Socket): number {
  return socket.bytesRead ?? 0;
}

/** Calls `callback` each time nothing has passed for `patienceMs`. */
function whenSilent(socket: Socket, patienceMs: () => number, callback: () => void): NodeJS.Timeout {
  let seen = -1;
  let silentMs = 0;
  return setInterval(() => {
    const passed = socket.bytesRead + socket.bytesWritten - socket.writableLength;
    silentMs = passed === seen ? silentMs + pollMs : 0;
    seen = passed;
    if (silentMs < patienceMs()) return;
    silentMs = 0;
    callback();
  }, pollMs);
}
