import { monitorEventLoopDelay } from 'node:perf_hooks';
import { type Duplex, duplexPair } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { MailboxDirectory } from '../src/simulator/mailboxes/mailbox-directory.ts';
import { serveEngine } from '../test/support/imap-engine.ts';

const usage = `Usage: node bench/stalls.ts [--messages N] [--json]

Commands of IMAP over a folder of N messages (default 100,000), and the longest time for which the process served nobody
else meanwhile: by monitorEventLoopDelay of node:perf_hooks, which counts waiting for a processor too, and as processor
time of the longest turn of the event loop. Fails if a turn takes over 50 ms of processor time.
`;

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '100000' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
if (values.help) {
  process.stdout.write(usage);
  process.exit(0);
}

const alice = 'alice@contoso.example';
const mostMs = 50;
/** Resolution of the measuring timer. */
const resolutionMs = 5;

function filled(messages: number): MailboxDirectory {
  const directory = new MailboxDirectory([alice]);
  const began = Date.UTC(2020, 0, 1);
  for (let number = 0; number < messages; number++) {
    const above = number % 7 === 0 ? '' : `In-Reply-To: <${number - 1}@example.com>\r\n`;
    const header = () =>
      Buffer.from(
        `From: "Sender ${number % 500}" <sender${number % 500}@example.com>\r\nTo: ${alice}\r\nSubject: Re: topic ${(number / 7) >> 0}\r\n` +
          `Date: ${new Date(began + number * 60_000).toUTCString()}\r\nMessage-ID: <${number}@example.com>\r\n${above}`,
      );
    const content = () => Buffer.concat([header(), Buffer.from('\r\ntext\r\n')]);
    const internalDate = new Date(began + number * 60_000);
    directory.deliver(alice, 'INBOX', content, { header, size: content().length, internalDate });
  }
  return directory;
}

/**
 * Watches the turns of the event loop. @returns a function that stops, and returns the processor time of the longest,
 * in milliseconds
 */
function watchTurns(): () => number {
  let longest = 0;
  let last = process.threadCpuUsage();
  let turn = setImmediate(function look(): void {
    const { user, system } = process.threadCpuUsage(last);
    longest = Math.max(longest, (user + system) / 1000);
    last = process.threadCpuUsage();
    turn = setImmediate(look);
  });
  return () => {
    clearImmediate(turn);
    return Math.round(longest);
  };
}

/** Sends a command and waits for its end. */
async function run(stream: Duplex, command: string): Promise<void> {
  stream.write(`t ${command}\r\n`);
  let tail = '';
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
    tail = `${tail.slice(-200)}${(chunk as Buffer).toString('latin1')}`;
    const end = /^t (OK|NO|BAD).*\r\n/m.exec(tail);
    if (end === null) continue;
    if (end[1] !== 'OK') throw new Error(`${command}: ${end[0]}`);
    return;
  }
}

const directory = filled(Number(values.messages));
const [client, server] = duplexPair();
void serveEngine(server, () => directory.openStore(alice));
await run(client, `LOGIN ${alice} x`);

const commands = [
  'SELECT INBOX',
  'SEARCH SUBJECT nothing',
  'SEARCH RETURN (ALL) UNSEEN',
  'UID SEARCH ALL',
  'FETCH 1:* (FLAGS)',
  'SORT (ARRIVAL) UTF-8 ALL',
  'SORT (REVERSE DATE) UTF-8 ALL',
  'UID SORT (SUBJECT FROM) UTF-8 ALL',
  'SORT RETURN (ALL) (SIZE SUBJECT) UTF-8 ALL',
  'THREAD ORDEREDSUBJECT UTF-8 ALL',
  'UID THREAD REFERENCES UTF-8 ALL',
];
const figures: Record<string, { seconds: number; longestDelayMs: number; longestTurnMs: number }> = {};
for (const command of commands) {
  const delay = monitorEventLoopDelay({ resolution: resolutionMs });
  delay.enable();
  await sleep(50);
  delay.reset();
  const longestTurn = watchTurns();
  const startedAt = performance.now();
  await run(client, command);
  const seconds = (performance.now() - startedAt) / 1000;
  await sleep(50);
  const longestTurnMs = longestTurn();
  delay.disable();
  const longestDelayMs = Math.max(0, Math.round(delay.max / 1e6) - resolutionMs);
  figures[command] = { seconds: Math.round(seconds * 100) / 100, longestDelayMs, longestTurnMs };
}
client.destroy();
if (values.json) console.log(JSON.stringify(figures));
else {
  for (const [command, { seconds, longestDelayMs, longestTurnMs }] of Object.entries(figures)) {
    const told = [`${seconds.toFixed(2)} s`, `${longestDelayMs} ms`, `${longestTurnMs} ms`];
    console.log(command.padEnd(46) + told.map((text) => text.padStart(10)).join(''));
  }
}
process.exit(Object.values(figures).some(({ longestTurnMs }) => longestTurnMs > mostMs) ? 1 : 0);
