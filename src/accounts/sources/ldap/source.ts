import type { Clock } from '../../../base/clock.ts';
import { BridgeError, errorText } from '../../../base/errors.ts';
import type { Log } from '../../../base/log.ts';
import { logRepeated } from '../../../base/repeated-lines.ts';
import { KeyedDigest } from '../../keyed-digest.ts';
import type { PasswordProof } from '../../password-proof.ts';
import type { PasswordSource, SourceVerdict } from '../../password-source.ts';
import type { PasswordVerifier } from '../../password-verifier.ts';
import { type AskedPassword, VerdictMemory } from '../../verdict-memory.ts';
import { VerificationPermits } from '../../verification-permits.ts';
import { LdapDirectory } from './directory.ts';
import type { LdapSettings } from './settings.ts';

export interface LdapPasswordsOptions {
  readonly settings: LdapSettings;
  /** Does the usual amount of work for a proof, which the directory cannot check. */
  readonly verifier: PasswordVerifier;
  readonly clock: Clock;
  readonly log: Log;
}

/** Maximum number of simultaneous requests. */
const maxConcurrent = 8;
/**
 * A device with an old password retries it forever; the directory is asked so rarely that it does not lock the account.
 * It is asked again, though: a disabled account may work again.
 */
const rememberWrongMs = 5 * 60 * 1000;

/** Interval at which a server that does not answer is tried while nobody logs in. */
const probeEveryMs = 15_000;

interface Outage {
  readonly error: BridgeError;
  readonly sinceMs: number;
  refused: number;
}

/**
 * Checks passwords with an LDAP server. A right one is remembered for a while, but only the last one per person: a new
 * password ends the old one. While the server does not answer, one login at a time tries it, and all others are told at
 * once to try again.
 */
export class LdapPasswords implements PasswordSource {
  readonly leastRefusalMs = 250;
  readonly #options: LdapPasswordsOptions;
  readonly #directory: LdapDirectory;
  readonly #digest = new KeyedDigest();
  readonly #memory: VerdictMemory;
  readonly #underWay = new Map<string, Promise<SourceVerdict>>();
  readonly #permits = new VerificationPermits({
    maxConcurrent,
    maxWaiting: 128,
    maxWaitingPerNetwork: 64,
    maxWaitingPerAccount: 4,
  });
  #outage: Outage | undefined;
  #isProbing = false;
  #cancelProbe: () => void = () => {};

  constructor(options: LdapPasswordsOptions) {
    const { settings, clock } = options;
    this.#options = options;
    this.#directory = new LdapDirectory(settings, clock);
    this.#memory = new VerdictMemory({
      clock,
      rightMs: settings.rememberMs,
      wrongMs: rememberWrongMs,
      // The directory does not report when a person is disabled.
      renews: false,
      max: 10_000,
    });
  }

  get isUnavailable(): boolean {
    return this.#outage !== undefined;
  }

  async verify(person: string, given: string | PasswordProof, network: string): Promise<SourceVerdict> {
    if (typeof given !== 'string') {
      await this.#options.verifier.verify(person, undefined, given, network);
      return { verdict: 'wrong', why: 'password-hashed' };
    }
    const digest = this.#digest.of(person, given);
    const asked: AskedPassword = { key: person, digest, network };
    const known = this.#memory.known(asked);
    if (known !== undefined) return { verdict: known };
    // A device that opens fifty connections at once needs only one request.
    const same = this.#underWay.get(digest);
    if (same !== undefined) return await same;
    const verdict = this.#ask(person, given, asked).finally(() => this.#underWay.delete(digest));
    this.#underWay.set(digest, verdict);
    return await verdict;
  }

  async prepare(): Promise<void> {
    await this.#probe();
  }

  async close(): Promise<void> {
    this.#cancelProbe();
    this.#directory.close();
  }

  async #ask(person: string, password: string, asked: AskedPassword): Promise<SourceVerdict> {
    if (this.#outage && this.#isProbing) return this.#refused(this.#outage);
    if (!(await this.#permits.acquire(asked.network, person))) return { verdict: 'busy' };
    try {
      if (this.#outage === undefined) return await this.#check(person, password, asked);
      // Others may have waited behind the login that noticed.
      if (this.#isProbing) return this.#refused(this.#outage);
      this.#isProbing = true;
      try {
        return await this.#check(person, password, asked);
      } finally {
        this.#isProbing = false;
      }
    } finally {
      this.#permits.release();
    }
  }

  async #check(person: string, password: string, asked: AskedPassword): Promise<SourceVerdict> {
    const { log } = this.#options;
    try {
      const { isRight, reason } = await this.#directory.check(person, password);
      this.#answers();
      const verdict = isRight ? 'right' : 'wrong';
      this.#memory.learn(asked, verdict);
      if (reason !== undefined) {
        const text = `Active Directory refuses ${person}: the account ${reason}`;
        logRepeated(log, 'warn', `ldap ${person}`, { username: person }, text);
      }
      return { verdict };
    } catch (error) {
      return this.#refused(this.#fails(error));
    }
  }

  #refused(outage: Outage): SourceVerdict {
    outage.refused++;
    return { verdict: 'unavailable', error: outage.error };
  }

  #fails(cause: unknown): Outage {
    const { settings, clock, log } = this.#options;
    const error =
      cause instanceof BridgeError
        ? cause
        : new BridgeError('ldap-unavailable', `${settings.url} does not answer: ${errorText(cause)}.`, { cause });
    if (this.#outage === undefined || this.#outage.error.code !== error.code) {
      log.error({ url: settings.url, error }, `passwords cannot be checked: ${error.message} ${error.remedy}`);
    }
    this.#outage = { error, sinceMs: this.#outage?.sinceMs ?? clock.now(), refused: this.#outage?.refused ?? 0 };
    this.#probeLater();
    return this.#outage;
  }

  /** Perhaps nobody logs in for hours, and the end of the outage helps users of other accounts, too. */
  #probeLater(): void {
    this.#cancelProbe();
    this.#cancelProbe = this.#options.clock.after(probeEveryMs, () => void this.#probe());
  }

  async #probe(): Promise<void> {
    if (this.#isProbing) return;
    this.#isProbing = true;
    try {
      await this.#directory.probe();
      this.#answers();
    } catch (error) {
      this.#fails(error);
    } finally {
      this.#isProbing = false;
    }
  }

  #answers(): void {
    const { settings, clock, log } = this.#options;
    if (this.#outage === undefined) return;
    const { sinceMs, refused } = this.#outage;
    this.#outage = undefined;
    this.#cancelProbe();
    const seconds = Math.round((clock.now() - sinceMs) / 1000);
    log.info({ url: settings.url, seconds, refused }, `${settings.url} checks passwords again`);
  }
}
