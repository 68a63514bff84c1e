import type { Overview } from './api/overview/schemas.ts';
import type { InstanceFacts } from './api/session/routes.ts';
import type { AdminFacts } from './facts.ts';

/** What the admin server asks of the bridge. */
export interface AdminPorts {
  readonly facts: AdminFacts;
  readonly instance: InstanceFacts;
  overview(): Promise<Overview>;
}
