import { becomeDataFolderOwner } from '../../app/data-folder-owner.ts';
import { type MovedAll, moveConfiguredQueue } from '../../app/instances/move-queue.ts';
import { systemClock } from '../../base/clock.ts';
import { BridgeError } from '../../base/errors.ts';
import { silentLog } from '../../base/log.ts';
import { loadConfig } from '../../config/load.ts';
import type { Config } from '../../config/schema.ts';
import { messageStates } from '../../queue/message.ts';
import type { CliIo } from '../terminal/io.ts';
import { Progress } from '../terminal/progress.ts';
import { Screen } from '../terminal/screen.ts';
import { messages, octets, stateText } from './text.ts';

/** How many damaged messages are listed; `queue list` has the others. */
const named = 20;

/**
 * `mailbridge queue migrate`: moves the queue to the other kind of store.
 * @throws BridgeError `usage`, `queue-unreadable`, `already-running` while a bridge uses the queue
 */
export async function migrate(
  configFile: string,
  { to, ids, json }: { readonly to?: string | undefined; readonly ids: readonly string[]; readonly json: boolean },
  io: CliIo,
): Promise<number> {
  if (ids.length > 0) throw wrongUsage(`"queue migrate" moves the whole queue, but was given "${ids[0]}".`);
  if (to !== 'postgres' && to !== 'sqlite') {
    throw wrongUsage(`"queue migrate" needs --to postgres or --to sqlite${to === undefined ? '' : `, not "${to}"`}.`);
  }
  const { config } = await loadConfig(configFile, { env: io.env, secrets: ['queue', 'key'] });
  becomeDataFolderOwner(config.dataDir);
  const progress = new Progress(io, 'Moving the queue');
  let moved: MovedAll;
  try {
    moved = await moveConfiguredQueue(config, to, {
      ...{ clock: systemClock, log: silentLog, env: io.env },
      onProgress: (done, total) => progress.say(`Moving the queue, ${done} of ${messages(Math.max(done, total))}`),
    });
  } finally {
    progress.end();
  }
  if (json) io.stdout.write(`${JSON.stringify(jsonOf(to, moved))}\n`);
  else tellMoved(moved, to, config, new Screen(io.stdout, io.env));
  return moved.shared.signIns.some(({ outcome }) => outcome === 'failed') ? 1 : 0;
}

function wrongUsage(text: string): BridgeError {
  return new BridgeError('usage', text, { remedy: 'Run mailbridge queue --help.' });
}

function jsonOf(to: string, { shared, ...moved }: MovedAll) {
  const signIns = shared.signIns.map(({ connection, outcome, error }) => ({
    ...{ connection, outcome },
    ...(error && { error: { code: error.code, message: error.message } }),
  }));
  return { to, ...moved, signIns, appPasswords: shared.appPasswords };
}

function tellMoved(moved: MovedAll, to: Config['queue']['store'], config: Config, screen: Screen): void {
  const states = messageStates.flatMap((state) => {
    const count = moved.messages[state] ?? 0;
    return count > 0 ? [`${count} ${stateText(state)}`] : [];
  });
  const total = Object.values(moved.messages).reduce((sum, count) => sum + count, 0);
  const what = states.length > 0 ? `: ${states.join(', ')}; ${octets(moved.octets)}` : '';
  screen.say(`${messages(total)} moved${what}`, { mark: 'ok' });
  if (moved.alreadyThere > 0) screen.say(`${moved.alreadyThere} of these were there already`);
  tellDamaged(moved, screen);
  tellShared(moved, screen);
  if (moved.keysKept) {
    const text =
      'Each store had a key of its own for the marks of sent copies; the one that was there stays. Copies that';
    screen.say(`${text} were sent by the queue moved are not known again: what may have been sent can come twice.`, {
      mark: 'warning',
    });
  }
  const next = config.queue.store === to ? '' : `set queue.store to "${to}" in the configuration, and `;
  screen.say(`Next: ${next}start the bridge.`, { mark: 'remedy' });
}

function tellDamaged({ quarantined }: MovedAll, screen: Screen): void {
  if (quarantined.length === 0) return;
  screen.say(`${messages(quarantined.length)} were found damaged: see queue list --state quarantined`, {
    mark: 'warning',
  });
  for (const { id, damage } of quarantined.slice(0, named)) screen.say(`${id}: ${damage}`, { indent: 2 });
}

function tellShared({ shared: { signIns, appPasswords } }: MovedAll, screen: Screen): void {
  const moved = signIns.filter(({ outcome }) => outcome === 'copied').map(({ connection }) => connection);
  if (moved.length > 0) screen.say(`Sign-ins copied: ${moved.join(', ')}`, { mark: 'ok' });
  for (const { connection, error } of signIns) {
    if (!error) continue;
    screen.say(`The sign-in of ${connection} was not copied: ${error.message}`, { mark: 'warning' });
  }
  const { copied, kept } = appPasswords;
  if (copied > 0) screen.say(`App passwords moved: ${copied}`, { mark: 'ok' });
  if (kept > 0) screen.say(`App passwords of the same login and name stay as they were there: ${kept}`);
}
