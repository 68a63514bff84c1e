import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Receive, receiveFrom } from '../base/shared-reading.ts';
import { writeTimeoutMs } from '../base/sockets/paced-writer.ts';
import type { Dues } from './dues.ts';

/** One end of a joined connection. */
export interface JoinedEnd {
  readonly socket: Duplex;
  /** What has been read from it and belongs to the other end. */
  readonly unread: Buffer;
}

export interface JoinOptions {
  /** Silence in both directions after which the connection is cut. */
  readonly idleTimeoutMs: number;
  /** Silence after which a connection of which one side has ended is ended. */
  readonly waits?: JoinWaits;
  /** Ends the connection as soon as it is silent for a moment. */
  readonly closing?: AbortSignal;
  /** Knows whether answers are due; by default they are as soon as anything was asked. */
  readonly dues?: Dues;
  /** Is shown what the upstream says first, until it returns false; keeps nothing of it. */
  readonly watch?: (chunk: Buffer) => boolean;
}

/** Silence that a connection of which one side has ended may keep. */
export interface JoinWaits {
  /** After the client has ended its side and the upstream has said something since. */
  readonly answeredMs: number;
  /** The same while the upstream has not: it may be searching for long. */
  readonly unansweredMs: number;
  /** While the client does not take what there is for it. */
  readonly stalledMs: number;
  /** After the upstream has ended, or been told of the end, and the client has taken everything. */
  readonly lingerMs: number;
}

/** What passed. */
export interface JoinResult {
  readonly toUpstreamBytes: number;
  readonly toClientBytes: number;
  /** `stalled`: the client was cut because it did not take what the upstream had for it. */
  readonly endedBy: 'client' | 'upstream' | 'idle' | 'closing' | 'stalled';
  /** What came last from the upstream, unless it was much; empty if nothing came. */
  readonly lastWords: Buffer;
}

/** How often a connection that is to end is looked at. */
const pollMs = 250;

/** More than that is no last word. */
const maxLastWordsBytes = 512;

const nothing = Buffer.alloc(0);

const defaultWaits: JoinWaits = { answeredMs: 10_000, unansweredMs: 60_000, stalledMs: 60_000, lingerMs: 10_000 };

/**
 * Joins two connections: what comes from one goes to the other, no faster than that one takes it.
 *
 * The end of the upstream is passed on at once. That of the client's side is held back until everything is answered:
 * servers take it for the end of the session, and the client may still wait. Where it is not sure which answers are due,
 * the upstream has until it ends by itself or falls silent.
 *
 * Never rejects; both sockets are closed when it resolves.
 */
export function join(client: JoinedEnd, upstream: JoinedEnd, options: JoinOptions): Promise<JoinResult> {
  return new Promise((resolve) => new Joint(client, upstream, options, resolve).start(client.unread, upstream.unread));
}

/** Two sockets and what is between them. One of these stands for each open mailbox: it is kept small. */
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
    // Either direction passes the client's socket, so its clock sees both.
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
    // What ended or closed before anybody listened says so no more.
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

  /** One side has said its last word; the other has until it falls silent. */
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

  /** Of the client's side, unless answers are due. */
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
    // Nobody is left to be answered; but what the upstream said before it broke shall still arrive.
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

/** What is on its way from one socket to the other goes in pieces of this size, which are used again. */
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
 * Leaner than `pipe`, which keeps seven listeners a direction and needs a buffer for every read. Passes no end on.
 * @param stalled what is done when `to` has taken nothing for too long
 * @returns what sends all that has come so far
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
    // A socket that is gone never drains.
    if (flows || to.destroyed) return;
    from.pause();
    deadline?.start();
  };
  receiveFrom(from, (octets) => {
    see(octets);
    for (let taken = 0; taken < octets.length; ) {
      if (piece === undefined) {
        piece = takePiece();
        // One read from the network brings several TLS records; they go out as one write.
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

/** Calls back when a socket has taken nothing for too long of what is there for it. */
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

/** Octets received. */
function received(socket: Socket): number {
  return socket.bytesRead ?? 0;
}

/** Calls `callback` each time that nothing has passed for `patienceMs`. */
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
