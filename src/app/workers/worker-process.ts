/**
 * A worker: a process that serves the IMAP and POP3 clients that the main process has accepted, from the TLS handshake
 * to the end of the joined sockets. For everything else it calls the main process, and it ends with it.
 */

import type { Socket } from 'node:net';
import { errorText } from '../../base/errors.ts';
import { type Log, openRelayedLog } from '../../base/log.ts';
import type { Reception } from '../../listeners/listener.ts';
import { type ReadListenerSettings, sessionOptions } from '../../reading/host.ts';
import { receiveImap } from '../../reading/imap.ts';
import { TranslatedMaildrops } from '../../reading/maildrops.ts';
import { receivePop3 } from '../../reading/pop3.ts';
import { Channel, type Port } from './channel.ts';
import type { AskedOfMain, AskedOfWorker, ToldMain, ToldWorker, WorkerStart, WorkerUsage } from './messages.ts';
import { RemoteReadingHost } from './remote-host.ts';

const channel = new Channel<AskedOfMain, AskedOfWorker, ToldMain, ToldWorker>(process as Port, {
  answers: {
    giveWay: async ({ holder }) => (await started?.host.giveWay(holder)) ?? true,
    usage: async () => usage(),
  },
  told,
});

interface Started {
  readonly host: RemoteReadingHost;
  readonly receptions: Reception[];
  receptionOf(settings: ReadListenerSettings): Reception;
  readonly log: Log;
}

let started: Started | undefined;

process.on('disconnect', () => process.exit());
// A terminal signals every process of the bridge; the main process decides.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
process.on('uncaughtException', (error) => {
  started?.log.fatal({ error }, `worker failed: ${errorText(error)}`);
  // The line has to be sent first.
  setTimeout(() => process.exit(1), 100);
});

function told(news: ToldWorker, socket: Socket | undefined): void {
  if (news.kind === 'start') started = start(news);
  else if (news.kind === 'client') {
    if (news.ahead.length > 0) socket?.unshift(news.ahead);
    serve(news.client, started?.receptions[news.listener], news.remoteAddress, socket);
  } else if (news.kind === 'listener') started?.receptions.push(started.receptionOf(news.settings));
  else if (news.kind === 'tls') started?.receptions[news.listener]?.updateTls(news.tls);
  else if (news.kind === 'connections') started?.host.useConnections(news.connections);
  else void started?.receptions[news.listener]?.close(news.graceMs);
}

function start({ listeners, connections, logLevel }: WorkerStart): Started {
  const log = openRelayedLog(logLevel, (line) => channel.tell({ kind: 'log', line }));
  const host = new RemoteReadingHost(channel, connections);
  const maildrops = new TranslatedMaildrops((mailbox, holder) => host.lockMaildrop(mailbox, holder));
  const receptionOf = (settings: ReadListenerSettings) => {
    const { protocol } = settings;
    const onTraffic = (received: number, sent: number) => channel.tell({ kind: 'traffic', protocol, received, sent });
    const options = { ...sessionOptions(settings, host, maildrops, log), onTraffic };
    return settings.protocol === 'imap' ? receiveImap(options) : receivePop3(options);
  };
  const receptions = listeners.map(receptionOf);
  channel.tell({ kind: 'ready' });
  return { host, receptions, receptionOf, log };
}

function serve(
  client: number,
  reception: Reception | undefined,
  remoteAddress: string,
  socket: Socket | undefined,
): void {
  const ended = (): void => channel.tell({ kind: 'ended', client });
  // A client that left on the way no longer has a socket.
  if (socket === undefined || reception === undefined) {
    socket?.destroy();
    ended();
    return;
  }
  socket.on('error', () => {});
  // As in the listener: the end of the client's side is not the end of the connection.
  socket.allowHalfOpen = true;
  void reception.serve(socket, remoteAddress).then(ended);
}

function usage(): WorkerUsage {
  const { user, system } = process.cpuUsage();
  return { cpuSeconds: (user + system) / 1e6, residentBytes: process.memoryUsage.rss() };
}
