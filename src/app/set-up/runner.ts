import { stat } from 'node:fs/promises';
import { AdminSessions } from '../../admin/access/sessions.ts';
import type { AdminServer } from '../../admin/server/admin-server.ts';
import type { Clock } from '../../base/clock.ts';
import { BridgeError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { OneAtATime } from '../../base/one-at-a-time.ts';
import { type LoadedConfig, loadConfig } from '../../config/load.ts';
import type { Environment } from '../../config/secrets.ts';
import type { GuidedSetup } from '../../onboarding/guided-setup/guided-setup.ts';
import { type Bridge, type BridgeOptions, startBridge } from '../bridge.ts';
import { type DataFolder, takeDataFolder } from '../data-folder.ts';
import { openSetupServer } from './set-up-server.ts';

/** What running a bridge needs. */
export interface RunnerOptions {
  /** Path of the configuration, whether it exists yet or not. */
  readonly path: string;
  readonly env: Environment;
  readonly log: Log;
  /** The last lines of the log, for the pages. */
  readonly logTail: NonNullable<BridgeOptions['logTail']>;
  readonly clock: Clock;
  /** Ends a start that waits. */
  readonly signal: AbortSignal;
  /** Where the set-up is reached while there is no configuration. */
  readonly setUpAt: { readonly host: string; readonly port: number };
}

/** Whether anything exists at the path of a configuration. */
export async function hasConfig(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== 'ENOENT',
  );
}

/** The error concerns the page, not a listener of a configuration. */
function otherPort(error: unknown): unknown {
  if (!(error instanceof BridgeError) || !['port-in-use', 'listen-failed'].includes(error.code)) return error;
  const remedy =
    error.code === 'port-in-use'
      ? 'Stop the other program, or name another port for the set-up page with MAILBRIDGE_SETUP_PORT.'
      : 'Name another port for the set-up page with MAILBRIDGE_SETUP_PORT.';
  return new BridgeError(error.code, error.message, { remedy, cause: error.cause });
}

const reopenMs = 2_000;

/**
 * Runs a bridge on its configuration or, while there is none, the page that writes it, followed by the bridge. The page
 * keeps its address, and people who are signed in to it stay signed in.
 */
export class BridgeRunner {
  readonly #options: RunnerOptions;
  readonly #sessions: AdminSessions;
  readonly #changes = new OneAtATime();
  #setUpAt: RunnerOptions['setUpAt'];
  #bridge: Bridge | undefined;
  #setUp: Promise<GuidedSetup> | undefined;
  #server: AdminServer | undefined;
  #folder: DataFolder | undefined;
  #reopening: NodeJS.Timeout | undefined;
  #isStopping = false;
  #onBridge: (bridge: Bridge, loaded: LoadedConfig) => void = () => {};

  constructor(options: RunnerOptions) {
    this.#options = options;
    this.#setUpAt = options.setUpAt;
    this.#sessions = new AdminSessions(options.clock);
  }

  /** Starts the bridge on a configuration. @throws as {@link startBridge} */
  async start(loaded: LoadedConfig): Promise<Bridge> {
    return await this.#start(loaded);
  }

  /**
   * Opens the page that sets up a bridge without a configuration.
   * @param dataDir absolute; of the configuration that will be written
   * @param onBridge called once the bridge runs
   * @returns the port of the page
   * @throws BridgeError `port-in-use`, `listen-failed`, `admin-token-unusable`, and see {@link takeDataFolder}
   */
  async startSetUp(dataDir: string, onBridge: (bridge: Bridge, loaded: LoadedConfig) => void): Promise<number> {
    this.#onBridge = onBridge;
    this.#folder = takeDataFolder(dataDir);
    // Somebody waits for this page: errors are reported first.
    await this.#openSetUp();
    const server = await this.#openServer(dataDir).catch((error: unknown) => Promise.reject(otherPort(error)));
    this.#server = server;
    this.#setUpAt = { ...this.#setUpAt, port: server.port };
    return server.port;
  }

  /**
   * Reloads the configuration; the first one, if a command has written it. @throws BridgeError of the loader or the
   * bridge
   */
  async reload(): Promise<void> {
    await this.#changes.run(() => this.#apply());
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    clearTimeout(this.#reopening);
    await (await this.#setUp?.catch(() => undefined))?.close();
    await this.#changes.run(async () => {
      await this.#server?.close();
      await this.#bridge?.stop();
      this.#folder?.release();
      this.#sessions.close();
    });
  }

  readonly #openSetUp = (): Promise<GuidedSetup> => {
    this.#setUp ??= this.#loadSetUp().catch((error: unknown) => {
      this.#setUp = undefined;
      throw error;
    });
    return this.#setUp;
  };

  async #loadSetUp(): Promise<GuidedSetup> {
    const { path, env, clock } = this.#options;
    const { GuidedSetup } = await import('../../onboarding/guided-setup/guided-setup.ts');
    const { setupPorts } = await import('./ports.ts');
    const ports = setupPorts({
      path,
      env,
      clock,
      admin: () => this.#setUpAt,
      bridge: () => this.#bridge,
      apply: () => this.#changes.run(() => this.#apply()),
    });
    return await GuidedSetup.open({ ports, clock });
  }

  /** The first time the bridge replaces the page's own server; later it is reloaded. */
  async #apply(): Promise<void> {
    if (this.#isStopping) return;
    const loaded = await this.#load();
    if (this.#bridge) return await this.#bridge.reload(loaded.config);
    await this.#server?.close();
    this.#server = undefined;
    this.#folder?.release();
    this.#folder = undefined;
    try {
      this.#onBridge(await this.#start(loaded), loaded);
    } catch (error) {
      this.#options.log.error({ error }, 'the bridge did not start: the set-up page shows why and tries again');
      await this.#reopenPage(loaded.config.dataDir);
      throw error;
    }
  }

  /**
   * The person who sets the bridge up has to see why it does not run. If the page has lost its port, it waits for that.
   */
  async #reopenPage(dataDir: string): Promise<void> {
    if (this.#isStopping || this.#bridge || this.#server) return;
    try {
      this.#folder ??= takeDataFolder(dataDir);
      this.#server = await this.#openServer(dataDir);
    } catch (error) {
      this.#options.log.error({ error }, 'the set-up page cannot be opened again; it is tried every few seconds');
      // This timer alone must not keep the process alive.
      this.#reopening = setTimeout(() => void this.#changes.run(() => this.#reopenPage(dataDir)), reopenMs);
    }
  }

  async #start({ config }: LoadedConfig): Promise<Bridge> {
    const { log, logTail, clock, signal } = this.#options;
    const admin = { setUp: this.#openSetUp, sessions: this.#sessions };
    this.#bridge = await startBridge(config, { log, logTail, clock, signal, admin });
    return this.#bridge;
  }

  #openServer(dataDir: string): Promise<AdminServer> {
    const { clock, log, logTail } = this.#options;
    const setUp = this.#openSetUp;
    return openSetupServer({ ...this.#setUpAt, dataDir, setUp, sessions: this.#sessions, clock, log, logTail });
  }

  async #load(): Promise<LoadedConfig> {
    const { path, env, log } = this.#options;
    const loaded = await loadConfig(path, { env });
    for (const warning of loaded.warnings) log.warn(warning);
    return loaded;
  }
}
