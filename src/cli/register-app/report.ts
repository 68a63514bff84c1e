import { carryingLines, type ScriptFile } from '../../onboarding/exchange-script/script-file.ts';
import type { PlannedRequest } from '../../onboarding/registration/planning-directory.ts';
import type { Registered, RegistrationStep } from '../../onboarding/registration/register-app.ts';
import type { CliIo } from '../terminal/io.ts';
import { Screen } from '../terminal/screen.ts';

/** What became of the connection's configuration. */
export type ConfigOutcome =
  | { readonly written: true; readonly path: string; readonly backup: string | undefined }
  | { readonly written: false; readonly path: string; readonly connections: Readonly<Record<string, unknown>> };

/** The result of `register-app`. */
export interface RegisterAppOutcome {
  readonly connection: string;
  readonly tenantId: string;
  readonly delegated: boolean;
  /** If people sign in. */
  readonly nextLogin: string;
  readonly registered: Registered;
  readonly config: ConfigOutcome;
  /** Whether a token with every permission was issued; undefined if that was not tried. */
  readonly proven: boolean | undefined;
  /** Whether the old credential was removed; undefined if there was none to remove. */
  readonly oldRemoved: boolean | undefined;
  /** Undefined if no mailbox is known, and if a person signs in. */
  readonly exchangeScript: string | undefined;
  /** Where it was written; undefined with `--json`, and if nothing has to be set in Exchange. */
  readonly scriptFile: ScriptFile | undefined;
}

/** The output of `register-app`: lines as things happen, or with `--json` one object at the end. */
export class RegisterAppReport {
  readonly #io: CliIo;
  readonly #json: boolean;
  readonly #steps: RegistrationStep[] = [];

  constructor(io: CliIo, json: boolean) {
    this.#io = io;
    this.#json = json;
  }

  /** For the person who has to act now; it must reach them however the output is used. */
  say(text: string): void {
    new Screen(this.#json ? this.#io.stderr : this.#io.stdout, this.#io.env).say(text);
  }

  done(text: string): void {
    this.say(`✓ ${text}`);
  }

  waiting(text: string): void {
    this.say(`  ${text} …`);
  }

  step(step: RegistrationStep): void {
    this.#steps.push(step);
    const verb = { created: 'made the', added: 'added', found: 'found the', 'left-alone': 'left alone:' }[step.outcome];
    if (step.outcome === 'left-alone') this.say(`  ${verb} ${step.text}`);
    else this.done(`${verb} ${step.text}`);
  }

  /** What a run without `--dry-run` would do. */
  plan(requests: readonly PlannedRequest[], fresh: boolean, connections: Readonly<Record<string, unknown>>): void {
    if (this.#json) {
      this.#io.stdout.write(`${JSON.stringify({ dryRun: true, requests, connections }, null, 2)}\n`);
      return;
    }
    const about = fresh
      ? 'These requests would be sent to Microsoft Graph, if the app did not exist yet:'
      : 'These changes would be sent to Microsoft Graph:';
    this.say(requests.length === 0 ? 'Nothing is missing; no change would be sent.' : `${about}\n`);
    for (const { method, path, body } of requests) {
      this.say(`${method} ${path}${body === undefined ? '' : `\n${indented(body)}`}`);
    }
    this.say(`\nThis connection would be written into the configuration:\n\n${indented({ connections })}`);
    this.say('\nNothing has been changed.');
  }

  conclude(outcome: RegisterAppOutcome): void {
    if (this.#json) this.#io.stdout.write(`${JSON.stringify(this.#data(outcome), null, 2)}\n`);
    else this.#remains(outcome);
  }

  #data({ registered, delegated, nextLogin: _, ...outcome }: RegisterAppOutcome): object {
    const { clientId, applicationId, servicePrincipalId, changed, credential } = registered;
    const expires = credential?.expiresAtMs;
    return {
      ...outcome,
      clientId,
      applicationObjectId: applicationId,
      enterpriseApplicationObjectId: servicePrincipalId,
      grant: delegated ? 'delegated' : 'app-only',
      changed,
      ...(expires === undefined ? {} : { credentialExpires: new Date(expires).toISOString() }),
      steps: this.#steps,
    };
  }

  #remains(outcome: RegisterAppOutcome): void {
    const { connection, config, delegated, oldRemoved, exchangeScript, scriptFile, nextLogin } = outcome;
    if (config.written) {
      if (config.backup === undefined) this.done(`${config.path} needs no change`);
      else this.done(`wrote connection "${connection}" to ${config.path} (as it was: ${config.backup})`);
    } else {
      this.say(
        `\nThere is no ${config.path} yet. Put this into it:\n\n${indented({ connections: config.connections })}`,
      );
    }
    if (oldRemoved !== undefined) {
      if (oldRemoved) this.done('removed the old credential from the app registration');
      else this.say('  The old credential cannot be identified: remove it in the Entra admin center.');
      this.say(
        'A running bridge still has the old one in memory. Make it read its configuration again now: SIGHUP, or a restart.',
      );
    }
    if (delegated) {
      this.say(`Next: ${nextLogin}`);
      return;
    }
    if (scriptFile !== undefined) this.#script(connection, scriptFile);
    else if (exchangeScript === undefined) {
      this.say(
        `\nThe rest is set up in Exchange: mailbridge exchange-script ${connection}, once accounts name the mailboxes.`,
      );
    } else this.say('  Exchange needs no settings.');
    this.say(`Then: mailbridge check ${connection}`);
  }

  #script(connection: string, file: ScriptFile): void {
    if (file.outcome === 'other') {
      this.say(`\nThe rest is set up in Exchange. ${file.path} has other content and was not changed; the script:`);
      this.say(`  mailbridge exchange-script ${connection} --force`);
      return;
    }
    this.done(`${file.outcome === 'written' ? 'wrote' : 'nothing has changed in'} ${file.path}`);
    this.say('\nThe rest is set up in Exchange, by that script.');
    for (const line of carryingLines(file)) this.say(line);
  }
}

function indented(value: object): string {
  return JSON.stringify(value, null, 2).replace(/^/gm, '  ');
}
