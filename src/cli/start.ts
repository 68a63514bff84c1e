import { type Bridge, startBridge } from '../app/bridge.ts';
import { becomeDataFolderOwner } from '../app/data-folder-owner.ts';
import { BridgeError } from '../base/errors.ts';
import { type Log, openLog } from '../base/log.ts';
import { OneAtATime } from '../base/one-at-a-time.ts';
import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { readArguments } from './arguments.ts';
import { configPath } from './config-path.ts';
import { listenForSignals } from './start-signals.ts';
import type { CliIo } from './terminal/io.ts';

const usage = `Usage: mailbridge start [--config FILE]

Runs the bridge until SIGTERM or SIGINT. SIGHUP rereads the configuration and the certificates.
`;

/** `mailbridge start` */
export async function runStart(args: string[], io: CliIo): Promise<number> {
  const { values } = readArguments('start', {
    args,
    options: { config: { type: 'string', short: 'c' }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help) {
    io.stdout.write(usage);
    return 0;
  }
  const signals = listenForSignals();
  const path = configPath(values.config, io.env);
  const { config, warnings } = await loadConfig(path, { env: io.env });
  const log = openLog({
    level: config.log.level,
    format: config.log.format ?? (io.stdout.isTTY ? 'pretty' : 'json'),
    destination: io.stdout,
  });
  for (const warning of warnings) log.warn(warning);
  const user = becomeDataFolderOwner(config.dataDir);
  if (user) log.info({ user }, `runs as ${user}, the owner of the data folder ${config.dataDir}`);
  const bridge = await startBridge(config, { log });
  tellReady(bridge, config, log, io);
  signals.onReload(
    reloading(log, async () => {
      const again = await loadConfig(path, { env: io.env });
      for (const warning of again.warnings) log.warn(warning);
      await bridge.reload(again.config);
    }),
  );
  const signal = await signals.ended;
  log.info({ signal }, 'stopping');
  await bridge.stop();
  log.info('stopped');
  return 0;
}

function tellReady(bridge: Bridge, config: Config, log: Log, io: CliIo): void {
  const listeners = bridge.listeners.map(({ protocol, host, port, security }) => ({ protocol, host, port, security }));
  if (bridge.authorityFile) {
    const file = bridge.authorityFile;
    log.info({ file }, `no certificate is configured; clients have to trust the authority made here: ${file}`);
  }
  const text = `ready: ${listeners.map((each) => `${each.protocol} ${each.host}:${each.port} (${each.security})`).join(', ')}`;
  if (log.isLevelEnabled('info')) log.info({ listeners, accounts: config.accounts.length }, text);
  else io.stdout.write(`${text}\n`);
}

/** Reloads once at a time; what is asked for while one waits, that one does. */
function reloading(log: Log, reload: () => Promise<void>): () => void {
  const reloads = new OneAtATime();
  let waits = false;
  return () => {
    if (waits) return;
    waits = true;
    const reloaded = reloads.run(() => {
      waits = false;
      return reload();
    });
    reloaded.then(
      () => log.info('configuration and certificates reloaded'),
      (error: unknown) => {
        const remedy = error instanceof BridgeError ? `${error}` : 'an unexpected failure';
        log.error({ error }, `the configuration in force stays: ${remedy}`);
      },
    );
  };
}
