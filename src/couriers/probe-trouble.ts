import { errorText } from '../base/errors.ts';
import type { ConnectionPart, ConnectionTrouble } from '../message/delivery.ts';
import { inTrouble, ownVerdict } from './verdict.ts';

/** How long a host has to answer a probe. */
export const probeTimeoutMs = 10_000;

/** The trouble in a failure of a probe that its protocol does not name. */
export function unforeseenTrouble(error: unknown, part: ConnectionPart): ConnectionTrouble | undefined {
  return inTrouble(ownVerdict('upstream-unreachable', errorText(error)), part, true).trouble;
}
