/**
 * The answers of the bridge's API, as these pages read them. The types come from the schemas that the answers are
 * checked with; a browser loads none of that code.
 */
import type { AccountDetail } from '../api/accounts/schemas.ts';
import type { CheckedHop, CheckRun } from '../api/connections/schemas.ts';
import type { MessageDetail } from '../api/messages/schemas.ts';
import type { Overview } from '../api/overview/schemas.ts';

export type {
  AccountDetail as ShownAccountDetail,
  AccountPage as ShownAccountPage,
  ClientServer as ShownServer,
  ListedAccount as ShownAccount,
  ToldAppPassword as ShownAppPassword,
} from '../api/accounts/schemas.ts';
export type {
  ToldInvitation as ShownInvitation,
  ToldInvitations as ShownInvitations,
  ToldInvited as ShownInvited,
} from '../api/connect/invitations.ts';
export type {
  CheckedHop as ShownHop,
  CheckRun as ShownCheck,
  ConnectionDetail as ShownConnectionDetail,
  ConnectionScript as ShownScript,
  SignInStatus as ShownSignIn,
  ToldDeviceCode as ShownDeviceCode,
} from '../api/connections/schemas.ts';
export type { ToldLogLine as ShownLogLine } from '../api/log/log-tail.ts';
export type {
  MessageAction,
  MessageDetail as ShownMessageDetail,
  MessagePage as ShownMessagePage,
  ToldMessage as ShownMessage,
} from '../api/messages/schemas.ts';
export type { ConnectionStatus as ShownConnection, Overview as ShownOverview } from '../api/overview/schemas.ts';
export type { HistoryRange, HistorySeries, HistoryView as ShownHistory } from '../history/history.ts';

export interface ShownSession {
  readonly user: string;
  readonly role: 'view' | 'operate';
  readonly csrfToken: string | null;
  readonly version: string;
  readonly instance: string;
  /** False until there is a configuration that can send mail. */
  readonly setUp: boolean;
  readonly signInBy: readonly string[];
}

export type ShownExpiry = Overview['connections'][number]['expires'][number];
export type ShownMessageState = MessageDetail['state'];
export type ShownHopOfMessage = MessageDetail['hops'][number];
export type ShownAttempt = MessageDetail['attemptLog'][number];
export type ShownOutcome = ShownAttempt['outcomes'][number];
export type ShownAccountKind = AccountDetail['kind'];

/** A hop of a check has begun or ended; or the check is done. */
export interface CheckEvent extends Pick<CheckRun, 'run' | 'done'> {
  readonly hop?: CheckedHop;
}
