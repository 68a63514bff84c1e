import type { CourierKind } from '../message/courier-kind.ts';

/** What an account wants if there is a choice. */
export interface DeliveryPolicy {
  /**
   * For a message to Graph whose To and Cc name other recipients than its envelope. `auto`: SMTP if the connection may
   * use it, else as `rewrite`. `smtp`: only SMTP. `rewrite`: To and Cc are reduced to the envelope. `refuse`: not sent.
   */
  readonly envelope: 'auto' | 'smtp' | 'rewrite' | 'refuse';
  /** For a message that may have been delivered, if nobody can look: sent again, or held for an administrator. */
  readonly onAmbiguity: 'resend' | 'hold';
  /** The couriers it may use; default: the one that is asked. */
  readonly couriers?: readonly CourierKind[];
}
