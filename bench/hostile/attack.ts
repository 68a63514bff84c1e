import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Ports } from './world.ts';

/** Where an attacker connects to and from. */
interface Way {
  readonly port: number;
  readonly localAddress: string;
}

/** A hostile client: opens a connection and misuses it as no honest client does. */
type Attacker = (way: Way) => Socket;

const host = '127.0.0.1';
const halfHello = Buffer.from('16030100c8010000c40303', 'hex');
const wrongLogin = Buffer.from('\0scanner\0a wrong password').toString('base64');

const plain = (way: Way): Socket => connect({ ...way, host }).on('error', () => {});
const encrypted = (way: Way): Socket => connectTls({ ...way, host, rejectUnauthorized: false }).on('error', () => {});

/** Sends this over and over and reads nothing. */
const neverReads =
  (text: string, open: (way: Way) => Socket = plain): Attacker =>
  (way) => {
    const socket = open(way);
    const flood = text.repeat(Math.ceil(32_000 / text.length));
    const say = (): void => {
      while (socket.writable && socket.write(flood));
    };
    socket.pause();
    socket.once('connect', say).on('drain', say);
    return socket;
  };

/** Sends some bytes and waits. */
const waitsBehind =
  (octets: string | Buffer): Attacker =>
  (way) => {
    const socket = plain(way);
    if (octets.length > 0) socket.write(octets);
    return socket.resume();
  };

/** A line sent at one byte per second. */
const slowLine: Attacker = (way) => {
  const socket = plain(way);
  const timer = setInterval(() => socket.write('x'), 1_000);
  return socket.once('close', () => clearInterval(timer)).resume();
};

/** Sends one line after the other as soon as something is received. */
const repeats =
  (lines: readonly string[], open: (way: Way) => Socket = plain): Attacker =>
  (way) => {
    const socket = open(way);
    let next = 0;
    return socket.on('data', () => {
      if (socket.writable) socket.write(`${lines[next++ % lines.length]}\r\n`);
    });
  };

/** Asks for TLS and disconnects, or hangs, in the middle of the handshake. */
const abortsTls =
  (lines: readonly string[], leaves: boolean): Attacker =>
  (way) => {
    const socket = plain(way);
    let next = 0;
    return socket.on('data', () => {
      const line = lines[next++];
      if (line !== undefined) socket.write(`${line}\r\n`);
      else {
        socket.write(halfHello);
        if (leaves) setTimeout(() => socket.end(), 500);
      }
    });
  };

const commands = { smtp: 'EHLO x\r\n', imap: 'a CAPABILITY\r\n', pop3: 'CAPA\r\n' };
const toTls = { smtp: ['EHLO x', 'STARTTLS'], imap: ['a STARTTLS'], pop3: ['STLS'] };
const guesses = {
  smtp: ['EHLO x', `AUTH PLAIN ${wrongLogin}`],
  imap: [`a AUTHENTICATE PLAIN ${wrongLogin}`],
  pop3: [`AUTH PLAIN ${wrongLogin}`],
};

/** The attackers of a port, in rotation. */
function attackersOf(name: keyof Ports): readonly Attacker[] {
  if (name === 'admin') {
    const request = 'GET /metrics HTTP/1.1\r\nHost: x\r\n';
    return [waitsBehind(`${request}X-Slow: `), slowLine, waitsBehind('')];
  }
  const [protocol, security] = name.split('-') as ['smtp' | 'imap' | 'pop3', 'starttls' | 'tls'];
  if (security === 'tls') {
    return [
      waitsBehind(''),
      waitsBehind(halfHello),
      slowLine,
      neverReads(commands[protocol], encrypted),
      repeats(guesses[protocol], encrypted),
    ];
  }
  return [
    neverReads(commands[protocol]),
    waitsBehind('half a l'),
    slowLine,
    repeats(guesses[protocol]),
    abortsTls(toTls[protocol], true),
    abortsTls(toTls[protocol], false),
  ];
}

/** Hostile clients on every port at once; disconnected ones reconnect. */
export class Attack {
  readonly #open = new Set<Socket>();
  #stopped = false;
  connections = 0;

  /** @param each clients on each port from each address */
  constructor(ports: Ports, addresses: readonly string[], each: number) {
    for (const name of Object.keys(ports) as (keyof Ports)[]) {
      const attackers = attackersOf(name);
      for (const localAddress of addresses) {
        for (let index = 0; index < each; index++) {
          const attacker = attackers[index % attackers.length] as Attacker;
          setTimeout(() => this.#come(attacker, { port: ports[name], localAddress }), Math.random() * 2_000);
        }
      }
    }
  }

  /** They end their side and stay: half of what would go away if they died. */
  stop(how: 'end' | 'destroy'): void {
    this.#stopped = true;
    for (const socket of this.#open) socket[how]();
  }

  #come(attacker: Attacker, way: Way): void {
    if (this.#stopped) return;
    this.connections++;
    const socket = attacker(way);
    this.#open.add(socket);
    socket.once('close', () => {
      this.#open.delete(socket);
      setTimeout(() => this.#come(attacker, way), 200 + Math.random() * 800);
    });
  }
}
