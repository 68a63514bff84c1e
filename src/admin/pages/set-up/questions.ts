import { onSubmit } from '../parts/fields.ts';
import type { PageContext } from '../shell/page.ts';
import { html, nothing, type TemplateResult } from '../vendor/lit-html/lit-html.js';
import type { SetUpWork, ShownQuestion } from './contract.ts';

const other = 'other';

/** The questions. Answers decide what else is asked: the bridge says so after each one. */
export function questionsStep(context: PageContext): (work: SetUpWork) => TemplateResult {
  let questions: readonly ShownQuestion[] | undefined;
  let answers: Record<string, string> = {};
  let cloud = '';
  let described = '';
  let isTried = false;
  let cloudProblem = '';
  const ask = (form: HTMLFormElement) =>
    context.run(async () => {
      answers = answersIn(form);
      const answer = { answers: changedOnly(answers, questions ?? []) };
      ({ questions } = await context.api.send<{ questions: ShownQuestion[] }>('POST', 'set-up/questions', answer));
      context.redraw();
    });
  return ({ set, act }) => {
    const shown = questions ?? set.questions;
    const submit = onSubmit((_, form) => {
      isTried = true;
      answers = answersIn(form);
      const chosen = cloud === other ? parsed(described) : cloud;
      cloudProblem = chosen === undefined ? 'It is not a JSON object.' : '';
      context.redraw();
      if (chosen === undefined) {
        form.querySelector('textarea')?.focus();
        return;
      }
      act('POST', 'set-up/answers', { answers: changedOnly(answers, shown), ...(chosen && { cloud: chosen }) });
    });
    const change = (event: Event) => ask((event.target as HTMLInputElement).form as HTMLFormElement);
    const field = (question: ShownQuestion) => questionField(question, isTried || answers[question.key] !== undefined);
    return html`<form class="questions" @submit=${submit} @change=${change}>
      ${shown.filter(({ isDetail }) => !isDetail).map(field)}
      <details>
        <summary>More questions: ${detailsText(shown)}</summary>
        <div class="questions">
          ${shown.filter(({ isDetail }) => isDetail).map(field)}
          ${cloudField({
            clouds: set.clouds,
            cloud,
            described,
            problem: cloudProblem,
            choose(value) {
              cloud = value;
              cloudProblem = '';
              context.redraw();
            },
            describe(text) {
              described = text;
              if (cloudProblem === '' || parsed(text) === undefined) return;
              cloudProblem = '';
              context.redraw();
            },
          })}
        </div>
      </details>
      <p><button class="primary">Continue</button></p>
    </form>`;
  };
}

/** Answers that differ from the proposals, which follow from other answers. */
function changedOnly(answers: Record<string, string>, shown: readonly ShownQuestion[]): Record<string, string> {
  const details = new Map(shown.filter(({ isDetail }) => isDetail).map(({ key, answer }) => [key, answer]));
  return Object.fromEntries(Object.entries(answers).filter(([key, value]) => details.get(key) !== value));
}

function answersIn(form: HTMLFormElement): Record<string, string> {
  return Object.fromEntries(
    [...new FormData(form)].filter(([key]) => !key.startsWith('cloud')).map(([key, value]) => [key, String(value)]),
  );
}

function detailsText(questions: readonly ShownQuestion[]): string {
  return questions
    .filter(({ isDetail, answer }) => isDetail && answer !== '')
    .map(({ key, answer }) => `${key} ${answer}`)
    .concat('Microsoft cloud')
    .join(', ');
}

function questionField(question: ShownQuestion, tellsProblem: boolean): TemplateResult {
  const { key, asks, explains, choices, isOptional, answer, problem } = question;
  const wrong =
    problem && tellsProblem && answer !== '' ? html`<p class="wrong" role="alert">It ${problem}.</p>` : nothing;
  if (choices) {
    return html`<fieldset><legend>${asks}</legend><p class="hint">${explains}</p>
      ${choices.map(
        ({ value, text }) => html`<label class="option">
          <input type="radio" name=${key} value=${value} .checked=${answer === value}> ${text}
        </label>`,
      )}${wrong}</fieldset>`;
  }
  return html`<div><label class="field"><span>${asks}</span>
    <input name=${key} .value=${answer} autocomplete="off" spellcheck="false" ?required=${!isOptional}
      aria-describedby="about-${key}"></label>
    <p class="hint" id="about-${key}">${explains}</p>${wrong}</div>`;
}

interface CloudChoice {
  readonly clouds: readonly string[];
  readonly cloud: string;
  readonly described: string;
  /** What is wrong with the description; empty: nothing. */
  readonly problem: string;
  choose(value: string): void;
  describe(text: string): void;
}

function cloudField({ clouds, cloud, described, problem, choose, describe }: CloudChoice): TemplateResult {
  const pick = (event: Event) => {
    event.stopPropagation();
    choose((event.target as HTMLSelectElement).value);
  };
  const type = (event: Event) => {
    event.stopPropagation();
    describe((event.target as HTMLTextAreaElement).value);
  };
  return html`<div><label class="field"><span>Which Microsoft cloud?</span>
    <select name="cloud" @change=${pick} .value=${cloud}>
      <option value="">global</option>
      ${clouds.filter((name) => name !== 'global').map((name) => html`<option value=${name}>${name}</option>`)}
      <option value=${other}>Other cloud …</option>
    </select></label>
    ${
      cloud === other
        ? html`<label class="field"><span>Its description, as JSON</span>
            <textarea name="cloud-description" rows="6" spellcheck="false" aria-describedby="about-cloud"
              aria-invalid=${problem === '' ? nothing : 'true'} .value=${described} @change=${type} @input=${type}></textarea></label>
            ${problem === '' ? nothing : html`<p class="wrong" role="alert">${problem}</p>`}
            <p class="hint" id="about-cloud">For example, what <code>mailbridge simulate --write FILE</code> wrote.</p>`
        : nothing
    }</div>`;
}

function parsed(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
