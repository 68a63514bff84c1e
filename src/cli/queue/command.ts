import { tenantDomains } from '../../app/connections/tenant-domains.ts';
import { becomeDataFolderOwner } from '../../app/data-folder-owner.ts';
import { failoverOf } from '../../app/delivery-policy.ts';
import { hasQueue, openQueueForCommand } from '../../app/queue-store.ts';
import { BridgeError } from '../../base/errors.ts';
import { loadConfig } from '../../config/load.ts';
import type { Config } from '../../config/schema.ts';
import { couriers } from '../../couriers/registry.ts';
import type { WaitingOptions } from '../../queue/attempts/waiting.ts';
import { numberOption, readArguments, suggestionOrStop } from '../arguments.ts';
import { type AuditedCommand, type AuditNote, audited, commandUser } from '../audited.ts';
import { configPath } from '../config-path.ts';
import { showHelp } from '../terminal/help.ts';
import type { CliIo } from '../terminal/io.ts';
import { holdMessages, releaseMessages } from './change.ts';
import { deleteMessages } from './delete.ts';
import { exportMessages, mostIdsTold } from './export.ts';
import { filterOf, filterOptions } from './filter.ts';
import { listQueue } from './list.ts';
import { repair } from './repair.ts';
import type { QueueAction, QueueRequest } from './request.ts';
import { retryMessages } from './retry.ts';
import { showMessages } from './show.ts';

const usage = `Usage: mailbridge queue ACTION [ID ...] [FILTER ...] [--config FILE] [--json]

  list      messages in the queue; without a filter those not yet delivered
  show      messages with every recipient and every delivery attempt
  retry     makes queued messages due now; messages that Microsoft asked to wait keep waiting
  hold      keeps queued messages until they are released
  release   queues held or given-up messages again, due now
  delete    removes messages; asks first at a terminal, unless --yes is given
  export    writes the content of a message as it was accepted: --out FILE, or - for
            standard output (the default); for several messages: --out FOLDER, which is created
  repair    makes a new queue from what can be read of a damaged one; the bridge must not run
  migrate   moves the queue, sign-ins and app passwords: --to postgres, or --to sqlite; no
            bridge may run. After an interruption, run it again: it continues where it stopped

Filters; a message must match all that are given:
  --account NAME, --mailbox ADDRESS, --connection NAME
  --sender ADDRESS             the envelope sender; * matches anything
  --subject TEXT, --message-id TEXT
                               a part of it
  --recipient ADDRESS          one of the recipients; * matches anything: *@contoso.com
  --state STATE                queued, held, failed (given up), quarantined (damaged), delivered;
                               can be repeated
  --older-than T, --newer-than T
                               time since it was accepted: 30m, 2h, 3d
  --error CODE or TEXT         what the last attempt said: a whole code, or a part of the text
  --all                        every message

list: --summary counts by mailbox and state. list, show, export: --limit N (default 1000).
All but list need ids, a filter, or --all. A running bridge picks up the change within a second.
A running attempt is not interrupted: a message deleted meanwhile may still be delivered.

Example: mailbridge queue list --older-than 2h --error 5.7.1
`;

const options = {
  config: { type: 'string', short: 'c' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h' },
  ...filterOptions,
  all: { type: 'boolean', default: false },
  summary: { type: 'boolean', default: false },
  limit: { type: 'string', default: '1000' },
  out: { type: 'string', short: 'o' },
  yes: { type: 'boolean', short: 'y', default: false },
  to: { type: 'string' },
} as const;

const actions: Readonly<Record<string, QueueAction>> = {
  list: listQueue,
  show: showMessages,
  retry: retryMessages,
  hold: holdMessages,
  release: releaseMessages,
  delete: deleteMessages,
  export: exportMessages,
};

/** Actions that require that no bridge runs. */
const offline: readonly string[] = ['repair', 'migrate'];

/** `mailbridge queue` */
export async function runQueue(args: string[], io: CliIo): Promise<number> {
  const { values, positionals } = readArguments('queue', { args, allowPositionals: true, options });
  if (values.help) return showHelp(io, usage);
  const [name = '', ...ids] = positionals;
  const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
  if (!action && !offline.includes(name)) {
    const known = [...Object.keys(actions), ...offline];
    const problem =
      name === ''
        ? `"queue" needs an action: ${known.join(', ')}.`
        : `"queue" cannot "${name}"${suggestionOrStop(name, known)}`;
    throw new BridgeError('usage', problem, { remedy: 'Run mailbridge queue --help.' });
  }
  if (name === 'migrate') {
    // Loads everything a bridge needs for sign-ins, which no other action uses.
    const { migrate } = await import('./migrate.ts');
    return await migrate(configPath(values.config, io.env), { ids, ...values }, io);
  }
  if (values.to !== undefined) throw new BridgeError('usage', `"queue ${name}" has no --to.`);
  const nowMs = Date.now();
  const chosen = {
    ids,
    filter: filterOf(ids, values, nowMs),
    all: values.all,
    json: values.json,
    summary: values.summary,
    limit: numberOption('limit', values.limit, 1, 1_000_000),
    out: values.out,
    yes: values.yes,
    nowMs,
  };
  const { config } = await loadConfig(configPath(values.config, io.env), {
    env: io.env,
    secrets: ['queue'],
  });
  if (!hasQueue(config)) {
    throw new BridgeError('queue-unreadable', `There is no queue in ${config.dataDir}: the bridge has not run yet.`, {
      remedy: 'Start the bridge, or name the right configuration with --config.',
    });
  }
  const user = commandUser(io.env);
  // An export goes where root says, and belongs to root.
  if (name !== 'export') becomeDataFolderOwner(config.dataDir);
  if (!action) return repair(config, values.json, io);
  const run = (note: AuditNote) => runAction(action, config, { ...chosen, note }, io);
  const audit = auditOf(name, chosen);
  return audit === undefined
    ? await run(() => {})
    : await audited({ ...audit, user, dataDir: config.dataDir }, io, run);
}

type Chosen = Omit<QueueRequest, Exclude<keyof WaitingOptions, 'nowMs'>>;

async function runAction(action: QueueAction, config: Config, chosen: Chosen, io: CliIo): Promise<number> {
  const store = await openQueueForCommand(config);
  try {
    const isInternal = tenantDomains(config);
    return await action(store, { ...chosen, limits: config.limits, couriers, isInternal, ...failoverOf(config) }, io);
  } finally {
    await store.close();
  }
}

/** The audit entry, the same as for the action on a page; undefined if nothing changes and no content is shown. */
function auditOf(
  action: string,
  { ids, filter }: Pick<QueueRequest, 'ids' | 'filter'>,
): Pick<AuditedCommand, 'action' | 'details'> | undefined {
  if (action === 'list' || action === 'show') return undefined;
  if (action === 'export') return { action: 'messages.content', details: {} };
  const which = ids.length > 0 ? { ids: ids.slice(0, mostIdsTold), count: ids.length } : { filter };
  return { action: 'messages', details: { action, ...which } };
}
