import { errorText } from '../base/errors.ts';
import type { ConnectionPart, ConnectionTrouble } from '../message/delivery.ts';
import { inTrouble, ownVerdict } from './verdict.ts';

/** So long a host has time to answer a probe. */
export const probeTimeoutMs = 10_000;

/** What a probe says of a failure that its protocol does not name. */
export function unforeseenTrouble(error: unknown, part: ConnectionPart): ConnectionTrouble | undefined {
  return inTrouble(ownVerdict('upstream-unreachable', errorText(error)), part, true).trouble;
}
