import type { BegunHop, HopResult } from '../check/hops/hop.ts';
import type { ClientSetting } from './ports.ts';
import type { AskedQuestion } from './questions.ts';
import type { RegistrationShown } from './registration.ts';
import type { TaskView } from './task.ts';
import type { WrittenListener } from './written.ts';

/** The steps of a guided set-up, in their order. */
export const setupSteps = ['answers', 'register', 'account', 'sign-in', 'exchange', 'check', 'test', 'done'] as const;
export type SetupStep = (typeof setupSteps)[number];

/** A code that a person enters. */
export interface PersonSignInShown {
  readonly code?: { readonly userCode: string; readonly verificationUri: string; readonly expiresAt: string };
}

/** What the check has found so far. */
export interface CheckShown {
  readonly hops: readonly HopResult[];
  /** The hop that is being tried. */
  readonly running?: Pick<BegunHop, 'hop' | 'target'>;
  /** When it tries again by itself, because what fails may only need time; ISO 8601. */
  readonly againAt?: string;
}

/** How the test message went. */
export interface TestShown {
  readonly to?: string;
  readonly detail?: string;
  readonly warning?: string;
}

/** All that a page shows of a guided set-up. Holds no secret. */
export interface SetupView {
  /** The one to be done next. */
  readonly step: SetupStep;
  /** Those that this set-up has. */
  readonly steps: readonly { readonly step: SetupStep; readonly state: 'done' | 'current' | 'todo' }[];
  /** There is a configuration: this set-up adds to it. */
  readonly adds: boolean;
  readonly configFile: string;
  readonly clouds: readonly string[];
  readonly cloud?: unknown;
  readonly questions: readonly AskedQuestion[];
  /** Names of the connections there are already. */
  readonly connections: readonly string[];
  readonly app?: { readonly tenantId: string; readonly clientId: string; readonly objectId?: string };
  /** The registration is looked for by this name alone, and used if there is one; only before it is done. */
  readonly appNamed?: string;
  /** What the registration has found, made and added, once it is done. */
  readonly registered: RegistrationShown['steps'];
  readonly registration: TaskView<RegistrationShown>;
  /** Those that this set-up has written, with their ports. */
  readonly listeners: readonly WrittenListener[];
  readonly username?: string;
  readonly mailbox?: string;
  /** Networks whose devices need no password, with commas between. */
  readonly networks?: string;
  /** The bridge takes up what was written. */
  readonly start: TaskView<null>;
  readonly signIn: TaskView<PersonSignInShown>;
  readonly signedInAs?: string;
  /** Who signed in is not the mailbox, and nobody has said that this is meant: the next step waits for it. */
  readonly asksWhetherMeant: boolean;
  readonly script?: { readonly file: string; readonly text: string; readonly runs: readonly string[] };
  readonly check: TaskView<CheckShown>;
  readonly test: TaskView<TestShown>;
  readonly settings: readonly ClientSetting[];
  readonly needsRestart: boolean;
}
