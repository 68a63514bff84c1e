import { resolve } from 'node:path';
import { isPersonalTenant } from '../../base/personal-accounts.ts';
import type { ExchangeScriptInput } from '../exchange-script/input.ts';
import { exchangeScript, needsExchangeScript } from '../exchange-script/script.ts';
import { scriptFileOf } from '../exchange-script/script-file.ts';
import { appName } from '../names.ts';
import { actsAsPerson, isSignedInTo, knownClientId, knownConnection } from './known-connection.ts';
import type { PresentConfig } from './ports.ts';
import type { SetupProgress } from './progress.ts';
import { scriptAccountOf, type WantedApp } from './registration.ts';
import { type SetupStep, type SetupView, setupSteps } from './view.ts';

/** The next step. */
export function stepOf(progress: SetupProgress, present: PresentConfig): SetupStep {
  const { answers, app, isWritten, isChecked, isTested, isScriptDone, signedInAs } = progress;
  if (answers.mailbox === undefined) return 'answers';
  if (!app) return 'register';
  if (!isWritten) return 'account';
  if (hasSignIn(progress, present) && signedInAs === undefined) return 'sign-in';
  if (asksWhetherMeant(progress, present)) return 'sign-in';
  if (!isScriptDone && scriptOf(progress, present)) return 'exchange';
  if (!isChecked) return 'check';
  return isTested || answers.send === undefined ? 'done' : 'test';
}

/** Every step of this set-up, with its state. */
export function stepStates(current: SetupStep, progress: SetupProgress, present: PresentConfig): SetupView['steps'] {
  const isLeftOut = (step: SetupStep) =>
    (step === 'sign-in' && !hasSignIn(progress, present)) || (step === 'test' && progress.answers.use === 'read');
  const at = setupSteps.indexOf(current);
  return setupSteps
    .filter((step) => !isLeftOut(step))
    .map((step) => {
      const index = setupSteps.indexOf(step);
      const isDone = index < at || current === 'done';
      return { step, state: isDone ? 'done' : index === at ? 'current' : 'todo' };
    });
}

function isPerson({ answers }: SetupProgress, present: PresentConfig): boolean {
  return actsAsPerson(knownConnection(present, answers.name), answers);
}

function hasSignIn({ answers }: SetupProgress, present: PresentConfig): boolean {
  return isSignedInTo(knownConnection(present, answers.name), answers);
}

/** Whether somebody has to confirm that the person who signed in may differ from the mailbox. */
export function asksWhetherMeant(progress: SetupProgress, present: PresentConfig): boolean {
  const { answers, signedInAs, isOtherPersonMeant = false } = progress;
  if (signedInAs === undefined || isOtherPersonMeant || !hasSignIn(progress, present)) return false;
  return !isSameAddress(signedInAs, answers.mailbox);
}

export function isSameAddress(one: string | undefined, other: string | undefined): boolean {
  return one?.toLowerCase() === other?.toLowerCase();
}

/** The script for an Exchange administrator; undefined if nothing has to be set in Exchange, or no app is known. */
export function scriptOf(progress: SetupProgress, present: PresentConfig): SetupView['script'] {
  const { answers, app, signedInAs } = progress;
  if (!app) return undefined;
  const { name = '', mailbox = '' } = answers;
  const input: ExchangeScriptInput = {
    connection: name,
    organization: app.tenantId,
    principal: isPerson(progress, present)
      ? { kind: 'person', user: signedInAs ?? mailbox }
      : { kind: 'app', clientId: app.clientId, objectId: app.objectId, classic: false, tenantWide: false },
    accounts: present.accountsOf(name),
  };
  if (isPersonalTenant(app.tenantId) || !needsExchangeScript(input)) return undefined;
  return scriptFileOf(name, exchangeScript(input, { undo: false }));
}

/** The app that the answers ask for. */
export async function wantedApp({ answers }: SetupProgress, present: PresentConfig): Promise<WantedApp> {
  const { name = '' } = answers;
  const before = knownConnection(present, name);
  const tenantId = before?.tenantId ?? answers.tenant;
  return {
    name,
    tenantId: typeof tenantId === 'string' && tenantId !== '' ? tenantId : 'organizations',
    isPerson: actsAsPerson(before, answers),
    clientId: knownClientId(before, answers),
    accounts: [...present.accountsOf(name), scriptAccountOf(answers)],
    present: await present.credentialOf(name),
    dataDir: resolve(present.dataDir),
  };
}

/** The name by which the app is looked for if nothing else is known about it. */
export function nameLookedFor({ answers }: SetupProgress, present: PresentConfig): string | undefined {
  const { name = '' } = answers;
  return knownClientId(knownConnection(present, name), answers) === undefined ? appName(name) : undefined;
}
