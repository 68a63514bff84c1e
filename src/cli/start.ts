import { LogTail } from '../admin/api/log/log-tail.ts';
import { type Bridge, type BridgeOptions, startBridge } from '../app/bridge.ts';
import { becomeDataFolderOwner } from '../app/data-folder-owner.ts';
import { BridgeError } from '../base/errors.ts';
import { type Log, openLog } from '../base/log.ts';
import { OneAtATime } from '../base/one-at-a-time.ts';
import { takesColours } from '../base/pretty-line.ts';
import { giveMemoryBackSoon } from '../base/system/memory-given-back.ts';
import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { readArguments } from './arguments.ts';
import { configPath } from './config-path.ts';
import { tellBanner } from './start-banner.ts';
import { listenForSignals, type StartSignals } from './start-signals.ts';
import { showHelp } from './terminal/help.ts';
import type { CliIo } from './terminal/io.ts';
import { Progress } from './terminal/progress.ts';
import { Screen } from './terminal/screen.ts';
import { widthOf } from './terminal/width.ts';
import { wrapped } from './terminal/wrap.ts';

const usage = `Usage: mailbridge start [--config FILE]

Runs the bridge until SIGTERM or SIGINT. SIGHUP rereads the configuration and the certificates.

Example: mailbridge start --config /etc/mailbridge/config.json
`;

/** Before the message of a pretty line: the time and the level. */
const logMargin = 19;

/** `mailbridge start` */
export async function runStart(args: string[], io: CliIo): Promise<number> {
  const { values } = readArguments('start', {
    args,
    options: { config: { type: 'string', short: 'c' }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help) return showHelp(io, usage);
  const signals = listenForSignals();
  const path = configPath(values.config, io.env);
  const { config, warnings } = await loadConfig(path, { env: io.env });
  const format = config.log.format ?? (io.stdout.isTTY ? 'pretty' : 'json');
  const progress = new Progress(io, 'Starting');
  const logTail = new LogTail();
  const log = openLog({
    tail: (line) => logTail.add(line),
    level: config.log.level,
    format,
    destination: io.stdout,
    colours: takesColours(io.stdout, io.env),
    layout: (line) => {
      progress.clear();
      return fittedLogLine(line, widthOf(io.stdout, io.env));
    },
  });
  for (const warning of warnings) log.warn(warning);
  const user = becomeDataFolderOwner(config.dataDir);
  if (user) log.info({ user }, `runs as ${user}, the owner of the data folder ${config.dataDir}`);
  const bridge = await started(config, { log, logTail }, signals).finally(() => progress.end());
  if (!bridge) {
    log.info({ signal: await signals.ended }, 'stopped before it was ready');
    return 0;
  }
  if (format === 'pretty') tellBanner(bridge, values.config, new Screen(io.stdout, io.env));
  tellReady(bridge, config, format, log, io);
  giveMemoryBackSoon();
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

/** Undefined where a signal has ended the start. */
async function started(
  config: Config,
  options: Pick<BridgeOptions, 'log' | 'logTail'>,
  { ending }: StartSignals,
): Promise<Bridge | undefined> {
  try {
    return await startBridge(config, { ...options, signal: ending });
  } catch (error) {
    if (error === ending.reason) return undefined;
    throw error;
  }
}

/** An event is one line; where the terminal has no room for it, it goes on below its own message. */
function fittedLogLine(line: string, width: number): string {
  return `${wrapped(line.trimEnd(), width, { rest: ' '.repeat(logMargin) }).join('\n')}\n`;
}

function tellReady(bridge: Bridge, config: Config, format: 'pretty' | 'json', log: Log, io: CliIo): void {
  const listeners = bridge.listeners.map(({ protocol, host, port, security }) => ({ protocol, host, port, security }));
  // The banner has told it, and what is listened on.
  if (bridge.authorityFile && format === 'json') {
    const file = bridge.authorityFile;
    log.info({ file }, `no certificate is configured; clients have to trust the authority made here: ${file}`);
  }
  const text = `ready: ${listeners.map((each) => `${each.protocol} ${each.host}:${each.port} (${each.security})`).join(', ')}`;
  if (log.isLevelEnabled('info')) log.info({ accounts: config.accounts.length, listeners }, text);
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
