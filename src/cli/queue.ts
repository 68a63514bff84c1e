import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { BridgeError } from '../base/errors.ts';
import { loadConfig } from '../config/load.ts';
import type { MessageState, QueuedMessage } from '../queue/message.ts';
import type { QueueFilter, QueueStore } from '../queue/store.ts';
import { openSqliteStore } from '../queue/stores/sqlite.ts';
import { numberOption, readArguments } from './arguments.ts';
import { configPath } from './config-path.ts';
import type { CliIo } from './io.ts';

const usage = `Usage: mailbridge queue ACTION [ID ...] [FILTER ...] [--config FILE] [--json]

  list      messages in the queue; without a filter those not yet delivered
  show      one message with every delivery attempt
  retry     makes queued messages due now
  hold      keeps queued messages until they are released
  release   queues held or failed messages again, due now
  delete    removes messages

Filters: --account NAME, --mailbox ADDRESS, --recipient ADDRESS, --state queued|held|delivered|failed, --all,
--limit N (list; default 1000). retry, hold, release and delete need ids or a filter; --all means every message.
A running bridge takes up the change within a second.
`;

const states = ['queued', 'held', 'delivered', 'failed'] as const;

const options = {
  config: { type: 'string', short: 'c' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h' },
  account: { type: 'string' },
  mailbox: { type: 'string' },
  recipient: { type: 'string' },
  state: { type: 'string', multiple: true },
  all: { type: 'boolean', default: false },
  limit: { type: 'string', default: '1000' },
} as const;

interface Request {
  readonly ids: readonly string[];
  readonly filter: QueueFilter;
  readonly all: boolean;
  readonly json: boolean;
  readonly limit: number;
}

type Action = (store: QueueStore, request: Request, io: CliIo) => Promise<number>;

const actions: Readonly<Record<string, Action>> = {
  list,
  show,
  retry: change('due now', (store, filter) => store.release({ ...filter, states: ['queued'] }, Date.now())),
  hold: change('held', (store, filter) => store.hold(filter)),
  release: change('released', (store, filter) =>
    store.release({ ...filter, states: filter.states ?? ['held', 'failed'] }, Date.now()),
  ),
  delete: change('deleted', (store, filter) => store.remove(filter)),
};

/** `mailbridge queue` */
export async function runQueue(args: string[], io: CliIo): Promise<number> {
  const { values, positionals } = readArguments('queue', { args, allowPositionals: true, options });
  if (values.help) {
    io.stdout.write(usage);
    return 0;
  }
  const [name = '', ...ids] = positionals;
  const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
  if (!action) throw new BridgeError('usage', `"queue" cannot "${name}".`, { remedy: 'Run mailbridge queue --help.' });
  const { account, mailbox, recipient } = values;
  const request: Request = {
    ids,
    all: values.all,
    json: values.json,
    limit: numberOption('limit', values.limit, 1, 1_000_000),
    filter: {
      ...(ids.length > 0 ? { ids } : {}),
      ...(account === undefined ? {} : { account }),
      ...(mailbox === undefined ? {} : { mailbox }),
      ...(recipient === undefined ? {} : { recipient }),
      ...(values.state === undefined ? {} : { states: values.state.map(stateOption) }),
    },
  };
  const { config } = await loadConfig(configPath(values.config, io.env), {
    env: io.env,
    withoutSecrets: true,
  });
  const folder = join(config.dataDir, 'queue');
  if (!existsSync(join(folder, 'queue.sqlite'))) {
    throw new BridgeError('queue-unreadable', `There is no queue in ${config.dataDir}: the bridge has not run yet.`, {
      remedy: 'Start the bridge, or name the right configuration with --config.',
    });
  }
  const store = openSqliteStore(folder, { exclusive: false });
  try {
    return await action(store, request, io);
  } finally {
    await store.close();
  }
}

function stateOption(text: string): MessageState {
  const state = states.find((each) => each === text);
  if (state) return state;
  throw new BridgeError('usage', `--state wants ${states.join(', ')}, not "${text}".`);
}

async function list(store: QueueStore, { filter, all, json, limit }: Request, io: CliIo): Promise<number> {
  const given = Object.keys(filter).length > 0 || all;
  const messages = store.list(given ? filter : { states: ['queued', 'held', 'failed'] }, limit);
  if (json) {
    io.stdout.write(`${JSON.stringify(messages, null, 2)}\n`);
    return 0;
  }
  for (const message of messages) io.stdout.write(`${line(message)}\n`);
  io.stdout.write(messages.length === 0 ? 'no messages\n' : `${messages.length} ${plural(messages.length)}\n`);
  return 0;
}

async function show(store: QueueStore, { ids, json }: Request, io: CliIo): Promise<number> {
  const [id] = ids;
  if (id === undefined || ids.length > 1) throw new BridgeError('usage', '"queue show" wants one id.');
  const message = store.get(id);
  if (!message) {
    io.stderr.write(`mailbridge: there is no message ${id} in the queue.\n`);
    return 1;
  }
  const attempts = store.attempts(id);
  if (json) {
    io.stdout.write(`${JSON.stringify({ ...message, attempts }, null, 2)}\n`);
    return 0;
  }
  io.stdout.write(`${line(message)}\n`);
  io.stdout.write(`from <${message.envelope.reversePath}>, account ${message.account}, by ${message.courier}\n`);
  for (const recipient of message.recipients) {
    const last = recipient.last ? `: ${recipient.last.code} ${recipient.last.text}` : '';
    io.stdout.write(`to   <${recipient.address}> ${recipient.state}${last}\n`);
    if (recipient.last?.remedy) io.stdout.write(`     remedy: ${recipient.last.remedy}\n`);
  }
  attempts.forEach((attempt, i) => {
    const counts = attempt.outcomes.map((each) => `${each.outcome} ${each.code}`);
    io.stdout.write(
      `attempt ${i + 1} at ${time(attempt.startedAtMs)}, ${attempt.durationMs} ms: ${[...new Set(counts)].join(', ')}\n`,
    );
  });
  return 0;
}

/** An action that changes messages and tells how many. */
function change(done: string, apply: (store: QueueStore, filter: QueueFilter) => Promise<number>): Action {
  return async (store, { filter, all, json }, io) => {
    if (Object.keys(filter).length === 0 && !all) {
      throw new BridgeError('usage', 'Which messages? Give ids, a filter, or --all.');
    }
    const count = await apply(store, filter);
    io.stdout.write(json ? `${JSON.stringify({ count })}\n` : `${count} ${plural(count)} ${done}\n`);
    return count === 0 && filter.ids ? 1 : 0;
  };
}

function line(message: QueuedMessage): string {
  const to =
    message.recipients.length === 1 ? `<${message.recipients[0]?.address}>` : `${message.recipients.length} recipients`;
  const next = message.state === 'queued' ? `, next attempt ${time(message.nextAttemptAtMs)}` : '';
  const last = message.recipients.find((each) => each.state !== 'delivered')?.last;
  const why = last ? `, ${last.code} ${last.text}` : '';
  return `${message.id} ${message.state} ${time(message.receivedAtMs)} ${message.size} octets ${message.mailbox} to ${to}, ${message.attempts} attempts${next}${why}`;
}

function time(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}

function plural(count: number): string {
  return count === 1 ? 'message' : 'messages';
}
