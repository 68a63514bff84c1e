import type { GuidedSetup } from '../onboarding/guided-setup/guided-setup.ts';
import type { Overview } from './api/overview/schemas.ts';
import type { InstanceFacts } from './api/session/routes.ts';
import type { AdminFacts } from './facts.ts';

/** What the admin server asks before there is a bridge. */
export interface SetupModePorts {
  readonly facts: AdminFacts;
  readonly instance: InstanceFacts;
  readonly setUp: GuidedSetup;
}

/** What the admin server asks of the bridge. */
export interface AdminPorts {
  readonly facts: AdminFacts;
  readonly instance: InstanceFacts;
  /** Left out where nobody can write the configuration. */
  readonly setUp?: GuidedSetup | undefined;
  overview(): Promise<Overview>;
}
