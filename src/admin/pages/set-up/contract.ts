/** A question of the set-up. */
export interface ShownQuestion {
  readonly key: string;
  readonly asks: string;
  readonly explains: string;
  readonly choices?: readonly { readonly value: string; readonly text: string }[];
  readonly isOptional: boolean;
  readonly isDetail: boolean;
  readonly answer: string;
  readonly problem?: string;
}

interface ShownTask<T> {
  readonly state: 'idle' | 'running' | 'done' | 'failed';
  readonly shown: T;
  readonly failure?: { readonly code?: string; readonly text: string; readonly remedy?: string };
}

export interface ShownCode {
  readonly userCode: string;
  readonly verificationUri: string;
  readonly expiresAt: string;
}

export interface ShownSetUpHop {
  readonly hop: string;
  readonly target: string;
  readonly status: 'ok' | 'failed' | 'skipped';
  readonly detail?: string;
  readonly warning?: string;
  readonly cause?: string;
  readonly remedy?: string;
  readonly said?: string;
  readonly spreading?: boolean;
}

export interface ShownSetting {
  readonly protocol: string;
  readonly hosts: readonly string[];
  readonly port: number;
  readonly security: string;
}

export interface ShownRegistration {
  readonly code?: ShownCode;
  readonly link?: string;
  readonly signedInAs?: string;
  readonly steps: readonly { readonly outcome: string; readonly text: string }[];
  readonly waiting?: string;
}

/** GET /api/v1/set-up */
export interface ShownSetUp {
  readonly step: string;
  readonly steps: readonly { readonly step: string; readonly state: 'done' | 'current' | 'todo' }[];
  readonly adds: boolean;
  readonly configFile: string;
  readonly clouds: readonly string[];
  readonly cloud?: string | object;
  readonly questions: readonly ShownQuestion[];
  readonly connections: readonly string[];
  readonly app?: { readonly tenantId: string; readonly clientId: string };
  /** The app registration is only looked for by this name. */
  readonly appNamed?: string;
  /** What was done, once the app is registered. */
  readonly registered: ShownRegistration['steps'];
  readonly registration: ShownTask<ShownRegistration>;
  readonly listeners: readonly { readonly protocol: string; readonly port: number; readonly usualPort: number }[];
  readonly username?: string;
  readonly mailbox?: string;
  readonly start: ShownTask<null>;
  readonly signIn: ShownTask<{ readonly code?: ShownCode }>;
  readonly signedInAs?: string;
  readonly asksWhetherMeant: boolean;
  readonly script?: { readonly file: string; readonly text: string; readonly runs: readonly string[] };
  readonly check: ShownTask<{
    readonly hops: readonly ShownSetUpHop[];
    readonly running?: Pick<ShownSetUpHop, 'hop' | 'target'>;
    readonly againAt?: string;
  }>;
  readonly test: ShownTask<{ readonly to?: string; readonly detail?: string; readonly warning?: string }>;
  readonly settings: readonly ShownSetting[];
  readonly needsRestart: boolean;
}

/** The login for programs; shown once. */
export interface ShownLogin {
  readonly username: string;
  readonly password: string;
}

/** What a step of the page works with. */
export interface SetUpWork {
  readonly set: ShownSetUp;
  /** Does something; the bridge answers with the state of the set-up afterwards. */
  act(method: 'POST' | 'DELETE', path: string, body?: object): void;
}
