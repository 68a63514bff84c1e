import type { Config } from '../config/schema.ts';
import type { DeliveryPolicy } from '../couriers/policy.ts';

/** What an account wants of the couriers. An account that is gone from the configuration wants nothing special. */
export function deliveryPolicy({ accounts }: Config, username: string): DeliveryPolicy {
  const account = accounts.find((each) => each.username === username);
  return { envelope: account?.envelope ?? 'auto', onAmbiguity: account?.onAmbiguity ?? 'resend' };
}
