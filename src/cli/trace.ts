import { tenantDomains } from '../app/connections/tenant-domains.ts';
import { becomeDataFolderOwner } from '../app/data-folder-owner.ts';
import { failoverOf } from '../app/delivery-policy.ts';
import { hasQueue, openQueueForCommand } from '../app/queue-store.ts';
import { messagesMeant, type Trace, traceOf } from '../app/tracing/trace.ts';
import { BridgeError } from '../base/errors.ts';
import { loadConfig } from '../config/load.ts';
import { couriers } from '../couriers/registry.ts';
import { lineFor } from '../queue/attempts/waiting.ts';
import { numberOption, readArguments } from './arguments.ts';
import { configPath } from './config-path.ts';
import { showHelp } from './terminal/help.ts';
import type { CliIo } from './terminal/io.ts';
import { Screen } from './terminal/screen.ts';
import { localDateTime } from './terminal/times.ts';

const usage = `Usage: mailbridge trace ID|ADDRESS|MESSAGE-ID [--limit N] [--config FILE] [--json]

Follows a message: who submitted it and where, each attempt with Microsoft's words and ids, what it waits for, and how it
ended. ID is what the client got ("Queued as …") and the log shows. For an address, a sender's or a recipient's, it shows
the latest messages; a Message-ID is written in angle brackets, and in quotes for the shell.

Delivered messages are known for queue.retainDeliveredDays. Mail of accounts with "delivery": "direct" is only in the log.

  --limit N    number of messages to show (default 5)

Example: mailbridge trace anna@contoso.com
`;

const options = {
  config: { type: 'string', short: 'c' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h' },
  limit: { type: 'string', default: '5' },
} as const;

/** `mailbridge trace` */
export async function runTrace(args: string[], io: CliIo): Promise<number> {
  const { values, positionals } = readArguments('trace', { args, allowPositionals: true, options });
  if (values.help) return showHelp(io, usage);
  const [wanted, ...more] = positionals;
  if (wanted === undefined || more.length > 0) {
    throw new BridgeError('usage', '"trace" needs one queue id, address or Message-ID.', {
      remedy: 'Run mailbridge trace --help.',
    });
  }
  const limit = numberOption('limit', values.limit, 1, 1000);
  const { config } = await loadConfig(configPath(values.config, io.env), { env: io.env, secrets: ['queue'] });
  if (!hasQueue(config)) {
    throw new BridgeError('queue-unreadable', `There is no queue in ${config.dataDir}: the bridge has not run yet.`, {
      remedy: 'Start the bridge, or name the right configuration with --config.',
    });
  }
  becomeDataFolderOwner(config.dataDir);
  const store = await openQueueForCommand(config);
  try {
    const waiting = { limits: config.limits, couriers, isInternal: tenantDomains(config), nowMs: Date.now() };
    const found = await messagesMeant(store, wanted, limit);
    if (found.length === 0)
      throw new BridgeError('message-not-found', `There is no message ${named(wanted)} in the queue.`);
    const view = { ...waiting, ...failoverOf(config), longestLine: lineFor(found, limit) };
    const traces = await Promise.all(found.map((message) => traceOf(message, store, view)));
    if (values.json) io.stdout.write(`${JSON.stringify(traces.map(jsonOf), null, 2)}\n`);
    else shown(traces, new Screen(io.stdout, io.env));
    return 0;
  } finally {
    await store.close();
  }
}

/** An address has messages; an id and a Message-ID name one. */
function named(wanted: string): string {
  return wanted.includes('@') && !wanted.startsWith('<') ? `of ${wanted}` : wanted;
}

function jsonOf({ message, hops }: Trace) {
  const { id, state, account, mailbox, subject, messageId } = message;
  return { id, state, account, mailbox, subject: subject ?? null, messageId: messageId ?? null, hops };
}

const timeWidth = 21;
const whatWidth = 12;

function shown(traces: readonly Trace[], screen: Screen): void {
  for (const [index, { message, hops }] of traces.entries()) {
    if (index > 0) screen.blank();
    const { id, state, subject } = message;
    screen.say(`${id}  ${state}${subject === undefined ? '' : `  ${subject}`}`, { hanging: 2 });
    for (const { at, what, detail } of hops) {
      const time = at === null ? '' : localDateTime(Date.parse(at));
      screen.say(`${time.padEnd(timeWidth)}${what.padEnd(whatWidth)}${detail}`, {
        ...{ indent: 2, hanging: 2 + timeWidth + whatWidth },
      });
    }
  }
}
