import type { AdminPorts } from '../../admin/ports.ts';
import type { GuidedSetup } from '../../onboarding/guided-setup/guided-setup.ts';
import type { BridgeState } from '../bridge-state.ts';
import { instanceName } from '../instances/instance.ts';
import { version } from '../version.ts';
import { type AdminSources, adminFacts } from './facts.ts';
import { Overviews } from './overview.ts';

/** What the admin server is told by. */
export interface PortSources extends Omit<AdminSources, 'upstreams'> {
  readonly startedAtMs: number;
  readonly setUp: GuidedSetup | undefined;
  state(): BridgeState;
}

/** Answers the admin server from a running bridge. */
export function adminPorts(sources: PortSources): AdminPorts {
  const { state } = sources;
  const facts = adminFacts({ ...sources, upstreams: () => state().upstreams.values() });
  const instance = {
    version: version(),
    instance: instanceName(state().config),
    isSetUp: () => true,
  };
  const overviews = new Overviews({ ...sources, facts, instance });
  return { facts, instance, setUp: sources.setUp, overview: () => overviews.get() };
}
