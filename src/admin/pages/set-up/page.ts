import { ask as askFirst, type Confirmation } from '../parts/dialog.ts';
import { stateMark } from '../parts/state.ts';
import { trouble, troubleOf } from '../parts/trouble.ts';
import type { ApiError } from '../shell/api.ts';
import type { OpenPage, PageContext } from '../shell/page.ts';
import { html, nothing, type TemplateResult } from '../vendor/lit-html/lit-html.js';
import { accountStep } from './account.ts';
import { setUpCommands } from './commands.ts';
import type { SetUpWork, ShownSetUp } from './contract.ts';
import { checkStep, doneStep, exchangeStep, signInStep, testStep } from './proving.ts';
import { questionsStep } from './questions.ts';
import { registerStep } from './register.ts';

interface Step {
  readonly title: string;
  /** The result of a finished step. */
  done?(set: ShownSetUp): string | undefined;
  /** Whether it has more to show or to do once it is done. */
  readonly staysOpen?: boolean;
  view(work: SetUpWork): TemplateResult;
}

const askEveryMs = 1_000;

/** From nothing to working mail, step by step; people who return continue where they were. */
export const openSetUp: OpenPage = (context) => {
  let set: ShownSetUp | undefined;
  let error: ApiError | undefined;
  const ask = async () => {
    try {
      set = await context.api.get<ShownSetUp>('set-up');
      error = undefined;
    } catch (cause) {
      error = cause as ApiError;
    }
    context.redraw();
  };
  void ask();
  context.every(askEveryMs, () => {
    if (error?.status === 0 || (set && isMoving(set))) void ask();
  });
  const work = (shown: ShownSetUp): SetUpWork => ({
    set: shown,
    act: (method, path, body) =>
      context.run(async () => {
        const answer = await context.api.send<ShownSetUp | undefined>(method, path, body);
        if (answer) set = answer;
        else await ask();
        context.redraw();
      }),
  });
  let steps = stepsOf(context, () => void ask());
  const again = async (shown: ShownSetUp) => {
    if (shown.step !== 'done' && !(await askFirst(startOver(shown)))) return;
    steps = stepsOf(context, () => void ask());
    work(shown).act('DELETE', 'set-up');
  };
  return {
    title: 'Set up',
    view: () => {
      if (set) return setUpView(work(set), steps, error, again);
      if (error?.status === 404) return setUpCommands();
      return error ? troubleOf(error) : html`<p class="loading">Loading …</p>`;
    },
  };
};

/** Whether something progresses without the user. */
function isMoving({ registration, start, signIn, check, test }: ShownSetUp): boolean {
  return [registration, start, signIn, check, test].some(({ state }) => state === 'running');
}

function stepsOf(context: PageContext, changed: () => void): Readonly<Record<string, Step>> {
  return {
    answers: { title: 'Mailbox and programs', done: answersText, view: questionsStep(context) },
    register: {
      title: 'App registration',
      done: ({ app }) => app && `Client ID ${app.clientId}`,
      view: registerStep,
      staysOpen: true,
    },
    account: {
      title: 'Configuration',
      done: ({ configFile, username }) => username && `${configFile} is written; account ${username}`,
      view: () => html``,
    },
    'sign-in': { title: 'Sign-in', done: ({ signedInAs }) => signedInAs, view: signInStep, staysOpen: true },
    exchange: { title: 'Exchange', view: exchangeStep },
    check: { title: 'Check', view: checkStep },
    test: { title: 'Test message', done: ({ test }) => test.shown.detail, view: testStep, staysOpen: true },
    done: { title: 'Programs', view: doneStep, staysOpen: true },
    // Its password is shown once and stays as long as the page is open.
    ...{ login: { title: '', view: accountStep(context, changed) } },
  };
}

/** What will be lost, and what stays. */
function startOver({ app, username, configFile }: ShownSetUp): Confirmation {
  const stays = [
    ...(username ? [`what was written to ${configFile}`] : []),
    ...(app ? [`the app registration (client ID ${app.clientId})`] : []),
  ];
  const kept = stays.length > 0 ? ` What stays: ${stays.join(', and ')}.` : '';
  return {
    title: 'Start over?',
    text: `The set-up forgets the answers and its progress, and starts again at the first step.${kept}`,
    confirm: 'Start over',
    isDangerous: true,
  };
}

function answersText({ questions }: ShownSetUp): string | undefined {
  return questions.find(({ key }) => key === 'mailbox')?.answer;
}

function setUpView(
  work: SetUpWork,
  steps: Readonly<Record<string, Step>>,
  error: ApiError | undefined,
  again: (set: ShownSetUp) => Promise<void>,
): TemplateResult {
  const { set } = work;
  const isAway = error?.status === 0;
  return html`${isAway ? html`<p class="loading" role="status">The bridge starts …</p>` : error ? troubleOf(error) : nothing}
    ${set.start.state === 'failed' ? startTrouble(work) : nothing}
    ${set.needsRestart ? restartTrouble : nothing}
    ${set.adds && set.step === 'answers' ? html`<p class="hint">Adds to ${set.configFile}: another mailbox, over an existing connection or a new one.</p>` : nothing}
    <ol class="steps">
      ${set.steps.map(({ step, state }) => {
        const { title, done, view, staysOpen } = steps[step] as Step;
        const text = state === 'done' ? done?.(set) : undefined;
        return html`<li id="step-${step}" tabindex="-1" aria-current=${state === 'current' ? 'step' : nothing}>
          <h2>${title} ${state === 'done' ? stateMark('ok', 'Done') : nothing}</h2>
          ${text ? html`<p class="hint">${text}</p>` : nothing}
          ${step === 'account' ? (steps.login as Step).view(work) : nothing}
          ${state === 'current' || (state === 'done' && staysOpen) ? view(work) : nothing}
        </li>`;
      })}
    </ol>
    ${set.step === 'answers' ? nothing : html`<p><button type="button" @click=${() => void again(set)}>${set.step === 'done' ? 'Set up another mailbox' : 'Start over …'}</button></p>`}`;
}

function startTrouble(work: SetUpWork): TemplateResult {
  const { text = 'The bridge did not start.', remedy, code } = work.set.start.failure ?? {};
  return html`<div role="alert">${trouble({ text, remedy, code })}</div>
    <p class="hint">What is set up so far is kept. What you change in <code>${work.set.configFile}</code> counts at the next start.</p>
    <p><button type="button" @click=${() => work.act('POST', 'set-up/start')}>Start the bridge again</button></p>`;
}

const restartTrouble = trouble({
  severity: 'warning',
  text: 'The configuration has changes that need a restart, such as another listener.',
  remedy: 'Restart mailbridge: systemctl restart mailbridge, or stop it and start it again.',
});
