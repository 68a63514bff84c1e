import type { CourierKind } from '../message/courier-kind.ts';

/** What an account wants where there is a choice. */
export interface DeliveryPolicy {
  /**
   * A message for Graph whose To and Cc name others than its envelope. `auto`: by SMTP where the connection may use it,
   * else as `rewrite`. `smtp`: by SMTP alone. `rewrite`: To and Cc are cut down to the envelope. `refuse`: not at all.
   */
  readonly envelope: 'auto' | 'smtp' | 'rewrite' | 'refuse';
  /** A message that may have been delivered, where nobody can look: sent again, or held for an administrator. */
  readonly onAmbiguity: 'resend' | 'hold';
  /** Those it may go by; default: the one that is asked. */
  readonly couriers?: readonly CourierKind[];
}
