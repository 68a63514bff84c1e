import { type Clock, systemClock } from '../../base/clock.ts';
import { BridgeError } from '../../base/errors.ts';
import { OneAtATime } from '../../base/one-at-a-time.ts';
import { isPersonalTenant } from '../../base/personal-accounts.ts';
import type { BegunHop, HopResult } from '../check/hops/hop.ts';
import { noClientId } from '../init-config.ts';
import { makePassword } from '../init-password.ts';
import type { InitAnswers } from '../init-questions.ts';
import { secretFile } from '../registration/credential-files.ts';
import { pause } from '../registration/pause.ts';
import { writeWholeFile } from '../whole-file.ts';
import { actsAsPerson, assertSameApp, assertSameCloud, knownConnection } from './known-connection.ts';
import type { AdministratorWay, PresentConfig, SetupPorts } from './ports.ts';
import { keptSteps, noProgress, ProgressFile, type SetupProgress } from './progress.ts';
import { type AskedQuestion, answersOf, askedQuestions } from './questions.ts';
import { type RegistrationShown, registerGuided } from './registration.ts';
import { asksWhetherMeant, isSameAddress, nameLookedFor, scriptOf, stepOf, stepStates, wantedApp } from './steps.ts';
import { Task, type TaskWork } from './task.ts';
import type { CheckShown, PersonSignInShown, SetupView, TestShown } from './view.ts';
import { configChanges, listenersOf, newConfig, writtenListeners } from './written.ts';

/** What a guided set-up needs. */
export interface GuidedSetupOptions {
  readonly ports: SetupPorts;
  readonly clock?: Clock;
  /** Called after each change of {@link GuidedSetup.view}. Must not throw. */
  readonly onChange?: () => void;
}

/** The login for programs, shown once. */
export interface MadeLogin {
  readonly username: string;
  readonly password: string;
}

/** How long permissions may take to arrive, according to Microsoft. */
const checkPatienceMs = 2 * 60 * 60_000;
const checkAgainMs = 60_000;

/**
 * The whole way from no app registration to working mail, in steps that can be interrupted and resumed anywhere: their
 * results are kept in the data folder. One set-up is under way at a time.
 */
export class GuidedSetup {
  readonly #ports: SetupPorts;
  readonly #clock: Clock;
  readonly #changes = new OneAtATime();
  readonly #registration: Task<RegistrationShown>;
  readonly #signIn: Task<PersonSignInShown>;
  readonly #check: Task<CheckShown>;
  readonly #test: Task<TestShown>;
  readonly #start: Task<null>;
  readonly #onChange: () => void;
  readonly #file: ProgressFile;
  #progress: SetupProgress;

  private constructor(
    { ports, clock = systemClock, onChange = () => {} }: GuidedSetupOptions,
    file: ProgressFile,
    progress: SetupProgress,
  ) {
    this.#ports = ports;
    this.#clock = clock;
    this.#onChange = onChange;
    this.#file = file;
    this.#progress = progress;
    this.#registration = new Task<RegistrationShown>({ steps: [] }, onChange);
    this.#signIn = new Task<PersonSignInShown>({}, onChange);
    this.#check = new Task<CheckShown>({ hops: [] }, onChange);
    this.#test = new Task<TestShown>({}, onChange);
    this.#start = new Task<null>(null, onChange);
  }

  /** Resumes what an earlier process has left. */
  static async open(options: GuidedSetupOptions): Promise<GuidedSetup> {
    const { dataDir } = await options.ports.config();
    const file = new ProgressFile(dataDir);
    return new GuidedSetup(options, file, await file.read());
  }

  async view(): Promise<SetupView> {
    const present = await this.#ports.config();
    // Consistent: nothing below waits.
    const { answers, cloud, app, isWritten, signedInAs } = this.#progress;
    const step = stepOf(this.#progress, present);
    const appNamed = step === 'register' ? nameLookedFor(this.#progress, present) : undefined;
    const asks = asksWhetherMeant(this.#progress, present);
    const script = isWritten && !asks ? scriptOf(this.#progress, present) : undefined;
    return {
      step,
      steps: stepStates(step, this.#progress, present),
      adds: present.exists && !isWritten,
      configFile: present.path,
      clouds: this.#ports.cloudNames,
      ...(cloud !== undefined && { cloud }),
      questions: askedQuestions(answers, this.#ports.rules, isWritten ? noneTaken(present) : present),
      connections: Object.keys(present.connections),
      ...(app && { app: withoutCredential(app) }),
      ...(appNamed !== undefined && { appNamed }),
      registered: this.#progress.registered ?? [],
      registration: this.#registration.view,
      listeners: writtenListeners(this.#progress.listeners),
      ...(isWritten && { username: answers.username ?? '', mailbox: answers.mailbox ?? '' }),
      ...(answers.networks && { networks: answers.networks }),
      start: this.#start.view,
      signIn: this.#signIn.view,
      ...(signedInAs !== undefined && { signedInAs }),
      asksWhetherMeant: asks,
      ...(script && { script }),
      check: this.#check.view,
      test: this.#test.view,
      settings: isWritten ? this.#ports.clientSettings() : [],
      needsRestart: this.#ports.needsRestart(),
    };
  }

  /** The questions that matter after these answers, with their proposals: for a form being filled in. */
  async questions(answers: InitAnswers): Promise<AskedQuestion[]> {
    return askedQuestions(answers, this.#ports.rules, await this.#ports.config());
  }

  /**
   * The first step. An app that was registered for other answers is checked again.
   * @param cloud a name, or an object with custom endpoints; undefined: the global one
   * @throws BridgeError `set-up-answer-invalid`, `set-up-step-done` once the configuration is written, `usage` if the
   * connection already exists and has another cloud
   */
  answer(given: InitAnswers, cloud: unknown): Promise<void> {
    return this.#changes.run(async () => {
      this.#assertNotWritten();
      const asked = await this.questions(given);
      const wrong = asked.find(({ problem }) => problem !== undefined);
      if (wrong) {
        throw new BridgeError('set-up-answer-invalid', `"${wrong.asks}" The answer ${wrong.problem}.`, {
          details: { key: wrong.key },
        });
      }
      const answers = answersOf(asked);
      const { name = '' } = answers;
      const described = describedCloud(cloud);
      this.#ports.cloudOf(described, answers.tenant ?? '');
      const known = knownConnection(await this.#ports.config(), name);
      if (known) assertSameCloud(this.#ports, name, known, described);
      this.#registration.cancel();
      const isLeftOut = known !== undefined || described === undefined || described === 'global';
      const kept = isLeftOut ? {} : { cloud: described as NonNullable<SetupProgress['cloud']> };
      await this.#keep({ ...noProgress, answers, ...kept });
    });
  }

  /**
   * The subject of {@link answer}, for the audit log: the connection, and the authority of its app.
   * @throws BridgeError `config-invalid`
   */
  async subjectOf(given: InitAnswers, cloud: unknown): Promise<{ readonly name: string; readonly authority: string }> {
    const { name = '' } = answersOf(await this.questions(given));
    const described = describedCloud(cloud) ?? knownConnection(await this.#ports.config(), name)?.cloud;
    return { name, authority: this.#ports.cloudOf(described, '').authority };
  }

  /**
   * Begins the sign-in of an administrator; the registration follows automatically. Can be repeated after a failure.
   * @throws BridgeError `set-up-step-missing`, `set-up-step-done`, `usage` for personal accounts, which have no
   * administrator
   */
  register(way: AdministratorWay): Promise<void> {
    return this.#changes.run(async () => {
      this.#assertNotWritten();
      const { answers, cloud } = this.#answered();
      const present = await this.#ports.config();
      const wanted = await wantedApp(this.#progress, present);
      if (isPersonalTenant(answers.tenant)) throw noAdministrator();
      const known = knownConnection(present, wanted.name);
      const endpoints = this.#ports.cloudOf(known ? known.cloud : cloud, wanted.tenantId);
      this.#registration.begin(async (work) => {
        const http = await this.#ports.openHttp(endpoints);
        try {
          const app = await registerGuided(wanted, endpoints, { way, http, clock: this.#clock }, work);
          const { steps } = this.#registration.view.shown;
          await this.#change({ app, registered: keptSteps(steps) }, work.signal);
        } finally {
          await http.close();
        }
      });
    });
  }

  /**
   * Uses an app that was registered by hand.
   * @param clientSecret goes into a separate file; undefined if a person signs in
   * @throws BridgeError `set-up-step-missing`, `set-up-step-done`, `set-up-answer-invalid`, `file-not-written`, `usage`
   * if the connection already exists and belongs to another app
   */
  useApp({ clientId, clientSecret }: { readonly clientId: string; readonly clientSecret?: string }): Promise<void> {
    return this.#changes.run(async () => {
      this.#assertNotWritten();
      const { answers } = this.#answered();
      const problem = clientId === noClientId ? 'must be an ID of yours' : this.#ports.rules['client-id'](clientId);
      if (problem !== undefined) throw new BridgeError('set-up-answer-invalid', `The client ID ${problem}.`);
      const { name = '' } = answers;
      const present = await this.#ports.config();
      const known = knownConnection(present, name);
      const app = { tenantId: String(known?.tenantId ?? answers.tenant ?? ''), clientId };
      assertSameApp(name, known, app);
      this.#registration.cancel();
      if (actsAsPerson(known, answers)) return await this.#keep({ ...this.#progress, app, registered: [] });
      if (!clientSecret?.trim()) throw new BridgeError('set-up-answer-invalid', 'The client secret is missing.');
      const file = secretFile(present.dataDir, name);
      await writeWholeFile(file, `${clientSecret.trim()}\n`, 0o600);
      await this.#keep({ ...this.#progress, app: { ...app, credential: { secret: file } }, registered: [] });
    });
  }

  /** Ends the sign-in or the registration under way. */
  cancel(): void {
    for (const task of this.#tasks()) task.cancel();
  }

  /**
   * Writes the configuration. {@link apply} puts it into force.
   * @returns the login for programs; only the hash of the password is stored
   * @throws BridgeError `set-up-step-missing`, `set-up-step-done`, `usage` if the connection already exists and belongs
   * to another app or tenant, and see the ports
   */
  write(): Promise<MadeLogin> {
    return this.#changes.run(async () => {
      this.#assertNotWritten();
      const { app } = this.#progress;
      if (!app) throw stepMissing('The app is not registered yet.');
      const progress = { ...this.#answered(), app };
      const present = await this.#ports.config();
      const { name = '', username = '' } = progress.answers;
      assertSameApp(name, knownConnection(present, name), app);
      const login = { username, password: makePassword() };
      const passwordHash = await this.#ports.hashPassword(login.password);
      const listeners = await this.#writeConfig(progress, present, passwordHash);
      const { mailbox = '' } = progress.answers;
      const signedInAs = await this.#ports.signedInUser(name, mailbox);
      await this.#keep({
        ...this.#progress,
        isWritten: true,
        listeners,
        ...(signedInAs !== undefined && { signedInAs }),
      });
      return login;
    });
  }

  /** @returns the listeners that were written */
  async #writeConfig(
    progress: Parameters<typeof newConfig>[0],
    present: PresentConfig,
    passwordHash: string,
  ): Promise<NonNullable<SetupProgress['listeners']>> {
    if (present.exists) {
      const changes = await configChanges(progress, present, passwordHash);
      await this.#ports.change(changes);
      return listenersOf(changes.filter(({ path }) => path[0] === 'listeners').map(({ value }) => value));
    }
    const config = await newConfig(progress, present, { passwordHash, admin: this.#ports.admin() });
    await this.#ports.create(config);
    return listenersOf(config.listeners as readonly unknown[]);
  }

  /** Puts the written configuration into force: starts or reloads the bridge, in the background. */
  apply(): void {
    this.#start.begin(() => this.#ports.apply());
  }

  /** Makes another password, if the first was not seen. @throws BridgeError `set-up-step-missing` */
  renewPassword(): Promise<MadeLogin> {
    return this.#changes.run(async () => {
      const { username = '' } = this.#written().answers;
      const { usernames } = await this.#ports.config();
      const index = usernames.findIndex((each) => each.toLowerCase() === username.toLowerCase());
      if (index < 0) throw stepMissing(`The configuration has no account ${username} any more.`);
      const password = makePassword();
      const value = await this.#ports.hashPassword(password);
      await this.#ports.change([{ path: ['accounts', index, 'password'], value }]);
      return { username, password };
    });
  }

  /**
   * Begins the sign-in of the mailbox's owner; again, if somebody else is to sign in.
   * @throws BridgeError `set-up-step-missing`
   */
  async signIn(): Promise<void> {
    const { name = '', mailbox = '' } = this.#written().answers;
    this.#signIn.begin(async ({ signal, show }) => {
      const signedInAs = await this.#ports.signIn(name, mailbox, {
        signal,
        onCode: ({ expiresAtMs, ...code }) =>
          show(() => ({ code: { ...code, expiresAt: new Date(expiresAtMs).toISOString() } })),
      });
      await this.#keepSignIn(signedInAs, signal);
    });
  }

  /**
   * Confirms that the right person signed in although the mailbox is a different, shared one. @throws BridgeError
   * `set-up-step-missing`
   */
  async personMeant(): Promise<void> {
    if (this.#written().signedInAs === undefined) throw stepMissing('Nobody has signed in yet.');
    await this.#change({ isOtherPersonMeant: true });
  }

  /** The authority that programs have to trust, PEM; undefined if the certificate is not a local one. */
  authority(): Promise<string | undefined> {
    return this.#ports.authority();
  }

  /** The script has been run, or will be. @throws BridgeError `set-up-step-missing` */
  async scriptDone(): Promise<void> {
    this.#written();
    await this.#change({ isScriptDone: true });
  }

  /**
   * Tries every hop; repeats automatically as long as failures may only need time. @throws BridgeError
   * `set-up-step-missing`
   */
  async check(): Promise<void> {
    const { name = '' } = this.#written().answers;
    this.#check.begin((work) => this.#tryHops(name, work));
  }

  /** Leaves the check as it is: somebody knows better. @throws BridgeError `set-up-step-missing` */
  async skipCheck(): Promise<void> {
    this.#written();
    this.#check.cancel();
    await this.#change({ isChecked: true });
  }

  /**
   * Sends a test message; without an address that step is skipped. @throws BridgeError `set-up-step-missing`,
   * `set-up-answer-invalid`
   */
  async test(to: string | undefined): Promise<void> {
    const { username = '' } = this.#written().answers;
    if (to === undefined) return await this.#change({ isTested: true });
    const problem = this.#ports.rules.mailbox(to);
    if (problem !== undefined) throw new BridgeError('set-up-answer-invalid', `The address ${problem}.`);
    this.#test.begin(async ({ signal, show }) => {
      show(() => ({ to }));
      const { detail, warning } = await this.#ports.sendTest(username, to);
      show(() => ({ to, ...(detail !== undefined && { detail }), ...(warning !== undefined && { warning }) }));
      await this.#change({ isTested: true }, signal);
    });
  }

  /** Forgets this set-up, to begin another one. What is written stays. */
  async startOver(): Promise<void> {
    this.cancel();
    await this.#changes.run(async () => {
      await this.#file.remove();
      this.#progress = noProgress;
      this.#onChange();
    });
  }

  /** Ends what is under way. */
  async close(): Promise<void> {
    await Promise.all(this.#tasks().map((task) => task.close()));
  }

  #tasks(): readonly Pick<Task<unknown>, 'cancel' | 'close'>[] {
    return [this.#registration, this.#signIn, this.#check, this.#test];
  }

  /** What was confirmed, done and checked for another person no longer holds. */
  #keepSignIn(signedInAs: string, signal: AbortSignal): Promise<void> {
    return this.#changes.run(async () => {
      if (signal.aborted) return;
      const isSame = isSameAddress(this.#progress.signedInAs, signedInAs);
      if (!isSame) this.#check.cancel();
      const undone = isSame ? {} : { isOtherPersonMeant: false, isScriptDone: false, isChecked: false };
      await this.#keep({ ...this.#progress, signedInAs, ...undone });
    });
  }

  async #tryHops(name: string, { signal, show }: TaskWork<CheckShown>): Promise<void> {
    const endMs = this.#clock.now() + checkPatienceMs;
    for (;;) {
      const hops: HopResult[] = [];
      show(() => ({ hops: [] }));
      const begin = ({ hop, target }: BegunHop) => show((shown) => ({ ...shown, running: { hop, target } }));
      for await (const hop of this.#ports.check(name, begin)) {
        signal.throwIfAborted();
        hops.push(hop);
        show(() => ({ hops: [...hops] }));
      }
      const failed = hops.filter(({ status }) => status === 'failed');
      if (failed.length === 0) return await this.#change({ isChecked: true }, signal);
      const nowMs = this.#clock.now();
      if (failed.some(({ spreading }) => spreading !== true) || nowMs >= endMs) {
        const count = failed.length === 1 ? 'One hop fails.' : `${failed.length} hops fail.`;
        throw new BridgeError('set-up-check-failed', count);
      }
      show(({ hops: seen }) => ({ hops: seen, againAt: new Date(nowMs + checkAgainMs).toISOString() }));
      await pause(this.#clock, checkAgainMs, signal);
    }
  }

  #answered(): SetupProgress {
    if (this.#progress.answers.mailbox !== undefined) return this.#progress;
    throw stepMissing('The questions are not answered yet.');
  }

  #written(): SetupProgress {
    if (this.#progress.isWritten) return this.#progress;
    throw stepMissing('The configuration is not written yet.');
  }

  #assertNotWritten(): void {
    if (!this.#progress.isWritten) return;
    throw new BridgeError('set-up-step-done', 'The configuration of this set-up is already written.');
  }

  /** @param signal of the task with the result: a cancelled task changes nothing any more */
  #change(change: Partial<SetupProgress>, signal?: AbortSignal): Promise<void> {
    return this.#changes.run(async () => {
      if (!signal?.aborted) await this.#keep({ ...this.#progress, ...change });
    });
  }

  async #keep(progress: SetupProgress): Promise<void> {
    await this.#file.write(progress);
    this.#progress = progress;
    this.#onChange();
  }
}

/** Only the cloud, of everything that `simulate` prints. */
function describedCloud(given: unknown): unknown {
  return typeof given === 'object' && given !== null && 'cloud' in given ? given.cloud : given;
}

function withoutCredential({ credential: _, ...app }: NonNullable<SetupProgress['app']>) {
  return app;
}

/** The username of this set-up exists once it is written. */
function noneTaken(present: PresentConfig): Pick<PresentConfig, 'connections' | 'usernames'> {
  return { connections: present.connections, usernames: [] };
}

function stepMissing(text: string): BridgeError {
  return new BridgeError('set-up-step-missing', text);
}

function noAdministrator(): BridgeError {
  return new BridgeError('usage', 'Personal accounts have no administrator who could register the app.', {
    remedy:
      'Register it by hand in any tenant, for "Accounts in any organizational directory and personal Microsoft accounts" with public client flows allowed, and enter its client ID here.',
  });
}
