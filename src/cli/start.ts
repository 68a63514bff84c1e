import { dirname, resolve } from 'node:path';
import { LogTail } from '../admin/api/log/log-tail.ts';
import type { Bridge } from '../app/bridge.ts';
import { becomeDataFolderOwner } from '../app/data-folder-owner.ts';
import { BridgeRunner, hasConfig } from '../app/set-up/runner.ts';
import { pagesUrl } from '../app/set-up/set-up-server.ts';
import { systemClock } from '../base/clock.ts';
import { BridgeError } from '../base/errors.ts';
import { type Log, openLog } from '../base/log.ts';
import { OneAtATime } from '../base/one-at-a-time.ts';
import { takesColours } from '../base/pretty-line.ts';
import { giveMemoryBackSoon } from '../base/system/memory-given-back.ts';
import { type LoadedConfig, loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { usualAdminPort } from '../onboarding/free-ports.ts';
import { dataDirFor } from '../onboarding/init-config.ts';
import { startEngineThreadEarly } from '../queue/stores/sqlite/link/early-thread.ts';
import { readArguments } from './arguments.ts';
import { configPath, isNamed, newConfigPath } from './config-path.ts';
import { tellBanner } from './start-banner.ts';
import { listenForSignals, type StartSignals } from './start-signals.ts';
import { showHelp } from './terminal/help.ts';
import type { CliIo } from './terminal/io.ts';
import { Progress } from './terminal/progress.ts';
import { Screen } from './terminal/screen.ts';
import { shellWord } from './terminal/shell-word.ts';
import { shownPath } from './terminal/shown-path.ts';
import { widthOf } from './terminal/width.ts';
import { wrapped } from './terminal/wrap.ts';

const usage = `Usage: mailbridge start [--config FILE] [--set-up]

Runs the bridge until SIGTERM or SIGINT. SIGHUP rereads the configuration and the certificates.

While there is no configuration, a page on this machine sets the bridge up; when that is done, the bridge runs. The
page is on port 8025, or on that of MAILBRIDGE_SETUP_PORT. A file that --config or MAILBRIDGE_CONFIG names must exist,
unless --set-up is given.

Example: mailbridge start --config /etc/mailbridge/config.json
`;

/** The columns before the message of a pretty line: time and level. */
const logMargin = 19;

/** `mailbridge start` */
export async function runStart(args: string[], io: CliIo): Promise<number> {
  const { values } = readArguments('start', {
    args,
    options: {
      config: { type: 'string', short: 'c' },
      'set-up': { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return showHelp(io, usage);
  startEngineThreadEarly();
  const signals = listenForSignals();
  const present = configPath(values.config, io.env);
  // A mistyped name is no request to start with a new one.
  const mustExist = isNamed(values.config, io.env) && !values['set-up'];
  const loaded = mustExist || (await hasConfig(present)) ? await loadConfig(present, { env: io.env }) : undefined;
  const path = loaded ? present : newConfigPath(values.config, io.env);
  const setUpAt = { host: '127.0.0.1', port: setUpPort(io.env) };
  const start = openStart(loaded?.config.log ?? {}, io);
  const { log } = start;
  for (const warning of loaded?.warnings ?? []) log.warn(warning);
  const dataDir = loaded?.config.dataDir ?? resolve(dirname(path), dataDirFor(path));
  const user = becomeDataFolderOwner(dataDir);
  if (user) log.info({ user }, `runs as ${user}, the owner of the data folder ${dataDir}`);
  const { env } = io;
  const { logTail } = start;
  const runner = new BridgeRunner({ path, env, log, logTail, clock: systemClock, signal: signals.ending, setUpAt });
  const tell = (bridge: Bridge, { config }: LoadedConfig) => {
    if (start.format === 'pretty') tellBanner(bridge, values.config, new Screen(io.stdout, io.env));
    tellReady(bridge, config, start.format, log, io);
    giveMemoryBackSoon();
  };
  const isRunning = loaded
    ? await started(runner, loaded, signals, { tell, start })
    : await startedSetUp(runner, dataDir, { path, config: values.config, tell, start }, io);
  if (!isRunning) {
    log.info({ signal: await signals.ended }, 'stopped before it was ready');
    return 0;
  }
  signals.onReload(reloading(log, () => runner.reload()));
  const signal = await signals.ended;
  log.info({ signal }, 'stopping');
  await runner.stop();
  log.info('stopped');
  return 0;
}

/** The output of a start. */
interface StartOutput {
  readonly log: Log;
  /** The last lines of the log. */
  readonly logTail: LogTail;
  readonly format: 'pretty' | 'json';
  readonly progress: Progress;
}

function openStart({ level, format: configured }: Partial<Config['log']>, io: CliIo): StartOutput {
  const format = configured ?? (io.stdout.isTTY ? 'pretty' : 'json');
  const progress = new Progress(io, 'Starting');
  const logTail = new LogTail();
  const log = openLog({
    tail: (line) => logTail.add(line),
    level: level ?? 'info',
    format,
    destination: io.stdout,
    colours: takesColours(io.stdout, io.env),
    layout: (line) => {
      progress.clear();
      return fittedLogLine(line, widthOf(io.stdout, io.env));
    },
  });
  return { log, logTail, format, progress };
}

type Tell = (bridge: Bridge, loaded: LoadedConfig) => void;

/** False if a signal has ended the start. */
async function started(
  runner: BridgeRunner,
  loaded: LoadedConfig,
  { ending }: StartSignals,
  { tell, start }: { readonly tell: Tell; readonly start: StartOutput },
): Promise<boolean> {
  try {
    tell(await runner.start(loaded).finally(() => start.progress.end()), loaded);
    return true;
  } catch (error) {
    if (error === ending.reason) return false;
    throw error;
  }
}

interface SetUpStart {
  readonly path: string;
  /** As named on the command line. */
  readonly config: string | undefined;
  readonly tell: Tell;
  readonly start: StartOutput;
}

/** Says where the page is, in one line. */
async function startedSetUp(
  runner: BridgeRunner,
  dataDir: string,
  { path, config, tell, start }: SetUpStart,
  io: CliIo,
): Promise<true> {
  const port = await runner.startSetUp(dataDir, tell).finally(() => start.progress.end());
  const url = pagesUrl('127.0.0.1', port);
  const token = `mailbridge admin token${config === undefined ? '' : ` --config ${shellWord(config)}`}`;
  const text = `set-up: there is no ${shownPath(path)} yet. Open ${url} in a browser of this machine; the token to sign in with: ${token}`;
  if (start.format === 'pretty') new Screen(io.stdout, io.env).say(text);
  else start.log.info({ url }, text);
  return true;
}

/** The port of the page that sets up a bridge without a configuration. @throws BridgeError `usage` */
function setUpPort({ MAILBRIDGE_SETUP_PORT: given }: CliIo['env']): number {
  if (given === undefined || given === '') return usualAdminPort;
  const port = Number(given);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new BridgeError('usage', `MAILBRIDGE_SETUP_PORT needs a port from 0 to 65535, not "${given}".`);
}

/** An event is one line; if it does not fit the terminal, it continues below the start of its message. */
function fittedLogLine(line: string, width: number): string {
  return `${wrapped(line.trimEnd(), width, { rest: ' '.repeat(logMargin) }).join('\n')}\n`;
}

function tellReady(bridge: Bridge, config: Config, format: 'pretty' | 'json', log: Log, io: CliIo): void {
  const listeners = bridge.listeners.map(({ protocol, host, port, security }) => ({ protocol, host, port, security }));
  // The banner has already shown it, and the listeners.
  if (bridge.authorityFile && format === 'json') {
    const file = bridge.authorityFile;
    log.info({ file }, `no certificate is configured; clients have to trust the authority made here: ${file}`);
  }
  const text = `ready: ${listeners.map((each) => `${each.protocol} ${each.host}:${each.port} (${each.security})`).join(', ')}`;
  if (log.isLevelEnabled('info')) log.info({ accounts: config.accounts.length, listeners }, text);
  else io.stdout.write(`${text}\n`);
}

/** Runs one reload at a time; requests while one waits are served by that one. */
function reloading(log: Log, reload: () => Promise<unknown>): () => void {
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
