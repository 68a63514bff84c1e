import { join } from 'node:path';
import { type Bridge, startBridge } from '../../../src/app/bridge.ts';
import { setupPorts } from '../../../src/app/set-up/ports.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { silentLog } from '../../../src/base/log.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { GuidedSetup } from '../../../src/onboarding/guided-setup/guided-setup.ts';
import type { SetupPorts } from '../../../src/onboarding/guided-setup/ports.ts';
import type { SetupView } from '../../../src/onboarding/guided-setup/view.ts';
import { FormBrowser, signInAtDevicePage } from '../../simulator/entra-browser.ts';
import { afterTest, type Microsoft365, microsoft365 } from '../../simulator/harness.ts';
import { until } from '../../support/relay.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

/** An empty folder, a tenant that does not know the bridge, and a guided set-up. */
export interface GuidedWorld {
  readonly m365: Microsoft365;
  readonly folder: string;
  readonly configFile: string;
  /** As `simulate` prints it. */
  readonly cloud: object;
  setup: GuidedSetup;
  readonly ports: { -readonly [K in keyof SetupPorts]: SetupPorts[K] };
  bridge(): Bridge | undefined;
  /** Another process continues from the state that this one left. */
  reopen(): Promise<void>;
  /** The view, once the condition holds. */
  when(what: string, is: (view: SetupView) => boolean): Promise<SetupView>;
  /** Enters a code on another device. */
  enters(code: string | undefined, username: string): Promise<void>;
}

/** @see GuidedWorld */
export async function guidedWorld(): Promise<GuidedWorld> {
  const m365 = await microsoft365();
  m365.tenant.lifetimes.deviceCodeIntervalSeconds = 0.01;
  m365.tenant.apps.delete(m365.clientId.toLowerCase());
  const folder = temporaryFolder();
  const configFile = join(folder, 'config.json');
  const { authority, graph, imap, pop3, smtp, caFile } = m365.endpoints;
  let bridge: Bridge | undefined;
  const apply = async () => {
    const { config } = await loadConfig(configFile, { env: {} });
    if (bridge) await bridge.reload(config);
    else bridge = await startBridge(config, { log: silentLog });
  };
  afterTest(async () => {
    await world.setup.close();
    await bridge?.stop();
  });
  const place = {
    path: configFile,
    env: {},
    clock: systemClock,
    admin: () => ({ port: 0 }),
    bridge: () => bridge,
    apply,
  };
  const ports = setupPorts(place);
  const open = () => GuidedSetup.open({ ports });
  const world: GuidedWorld = {
    m365,
    folder,
    configFile,
    cloud: { cloud: { authority, graph, imap, pop3, smtp, caFile } },
    setup: await open(),
    ports,
    bridge: () => bridge,
    async reopen() {
      await world.setup.close();
      world.setup = await open();
    },
    when: (what, is) =>
      until(what, async () => {
        const view = await world.setup.view();
        const failed = [view.registration, view.start, view.signIn, view.check, view.test].find(
          ({ state }) => state === 'failed',
        );
        if (failed && !is(view)) throw new Error(JSON.stringify(failed.failure));
        return is(view) ? view : undefined;
      }),
    async enters(code, username) {
      await signInAtDevicePage(m365, code ?? '', username, new FormBrowser(m365));
    },
  };
  return world;
}
