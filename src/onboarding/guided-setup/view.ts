import type { BegunHop, HopResult } from '../check/hops/hop.ts';
import type { ClientSetting } from './ports.ts';
import type { AskedQuestion } from './questions.ts';
import type { RegistrationShown } from './registration.ts';
import type { TaskView } from './task.ts';
import type { WrittenListener } from './written.ts';

/** The steps of a guided set-up, in order. */
export const setupSteps = ['answers', 'register', 'account', 'sign-in', 'exchange', 'check', 'test', 'done'] as const;
export type SetupStep = (typeof setupSteps)[number];

/** A code for a person to enter. */
export interface PersonSignInShown {
  readonly code?: { readonly userCode: string; readonly verificationUri: string; readonly expiresAt: string };
}

/** The results of the check so far. */
export interface CheckShown {
  readonly hops: readonly HopResult[];
  /** The hop being tried. */
  readonly running?: Pick<BegunHop, 'hop' | 'target'>;
  /** When it tries again automatically, because failures may only need time; ISO 8601. */
  readonly againAt?: string;
}

/** The result of the test message. */
export interface TestShown {
  readonly to?: string;
  readonly detail?: string;
  readonly warning?: string;
}

/** Everything that a page shows of a guided set-up. Contains no secret. */
export interface SetupView {
  /** The next step to do. */
  readonly step: SetupStep;
  /** The steps of this set-up. */
  readonly steps: readonly { readonly step: SetupStep; readonly state: 'done' | 'current' | 'todo' }[];
  /** There is a configuration, which this set-up extends. */
  readonly adds: boolean;
  readonly configFile: string;
  readonly clouds: readonly string[];
  readonly cloud?: unknown;
  readonly questions: readonly AskedQuestion[];
  /** Names of the existing connections. */
  readonly connections: readonly string[];
  readonly app?: { readonly tenantId: string; readonly clientId: string; readonly objectId?: string };
  /** The registration is only looked for by this name, and used if there is one; only before it is done. */
  readonly appNamed?: string;
  /** What the registration found, created and added, once it is done. */
  readonly registered: RegistrationShown['steps'];
  readonly registration: TaskView<RegistrationShown>;
  /** Listeners that this set-up has written, with their ports. */
  readonly listeners: readonly WrittenListener[];
  readonly username?: string;
  readonly mailbox?: string;
  /** Networks whose devices need no password, separated by commas. */
  readonly networks?: string;
  /** Puts the written configuration into force. */
  readonly start: TaskView<null>;
  readonly signIn: TaskView<PersonSignInShown>;
  readonly signedInAs?: string;
  /** The person who signed in is not the mailbox, and nobody has confirmed that: the next step waits for it. */
  readonly asksWhetherMeant: boolean;
  readonly script?: { readonly file: string; readonly text: string; readonly runs: readonly string[] };
  readonly check: TaskView<CheckShown>;
  readonly test: TaskView<TestShown>;
  readonly settings: readonly ClientSetting[];
  readonly needsRestart: boolean;
}
