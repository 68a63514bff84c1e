import type { RecipientOutcome } from '../message/delivery.ts';
import { couriers } from './registry.ts';

/** Our own codes (src/base/error-catalogue.ts) that have a status of their own. */
const ownStatuses: Readonly<Record<string, string>> = {
  'address-not-sendable': '5.1.3',
  'message-too-large-for-smtp': '5.3.4',
  'message-too-large-for-graph': '5.3.4',
  'header-too-large-for-graph': '5.3.4',
  'message-not-sendable-by-graph': '5.3.4',
  'envelope-narrower-than-headers': '5.6.0',
  'delivery-aborted': '4.4.2',
  'upstream-unreachable': '4.4.1',
  'upstream-name-unknown': '4.4.3',
  'upstream-timeout': '4.4.1',
  'upstream-connection-lost': '4.4.2',
  'upstream-ambiguous': '4.4.2',
  'upstream-certificate-untrusted': '4.7.5',
  'token-refused': '4.7.0',
  'token-temporarily-unavailable': '4.7.0',
  'sign-in-needed': '4.7.0',
  'sign-in-ended': '4.7.0',
};

/**
 * The enhanced status (RFC 3463) that describes a refusal best, whatever kind of code it has. Its first digit is 5 for
 * permanent refusals and 4 for all others.
 */
export function enhancedStatus({ code, outcome }: Pick<RecipientOutcome, 'code' | 'outcome'>): string {
  const isPermanent = outcome === 'permanent';
  const known = isEnhancedStatus(code) ? code : (ownStatuses[code] ?? upstreamStatus(code));
  return `${isPermanent ? 5 : 4}${(known ?? (isPermanent ? '5.0.0' : '4.3.0')).slice(1)}`;
}

/** Whether a code is itself an enhanced status of a refusal. */
export function isEnhancedStatus(code: string): boolean {
  return /^[45]\.\d{1,3}\.\d{1,3}$/.test(code);
}

/** Codes of different upstreams never look alike, so the code shows whose it is. */
function upstreamStatus(code: string): string | undefined {
  for (const { statusOf } of Object.values(couriers)) {
    const status = statusOf(code);
    if (status !== undefined) return status;
  }
  return undefined;
}
