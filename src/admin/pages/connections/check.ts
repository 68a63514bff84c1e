import type { CheckEvent, ShownCheck, ShownHop } from '../contract.ts';
import { hopText } from '../parts/hop-text.ts';
import { type OwnPlaces, pagePlaces, type RemedyPlace } from '../parts/page-places.ts';
import { stateMark } from '../parts/state.ts';
import { span } from '../parts/times.ts';
import { remedyLine } from '../parts/trouble.ts';
import type { PageContext } from '../shell/page.ts';
import { html, nothing, type TemplateResult } from '../vendor/lit-html/lit-html.js';

export interface CheckRuns {
  /** @param mailbox to try, for accounts with `*@domain` */
  start(connection: string, mailbox?: string): void;
  isRunning(connection: string): boolean;
  /** The hops of the last check of a connection so far. */
  view(connection: string, own?: OwnPlaces): TemplateResult | typeof nothing;
}

interface StartedCheck {
  readonly id: string;
  hops: readonly ShownHop[];
  isDone: boolean;
}

/** If an event is lost, polling gets the rest. */
const askEveryMs = 2_000;

/** Checks that were started on this page. Their hops arrive as events. */
export function checkRuns(context: PageContext, done: () => void): CheckRuns {
  const runs = new Map<string, StartedCheck>();
  const ask = async (run: StartedCheck) => {
    const { hops, done: isDone } = await context.api.get<ShownCheck>(`checks/${encodeURIComponent(run.id)}`);
    // Between request and answer, events may have brought more.
    if (hops.length >= run.hops.length || isDone) run.hops = hops;
    if (isDone && !run.isDone) done();
    run.isDone = isDone;
    context.redraw();
  };
  context.on('check', (data) => {
    const { run: id, done: isDone, hop } = data as CheckEvent;
    const run = [...runs.values()].find((each) => each.id === id);
    if (!run) return;
    if (hop) run.hops = withHop(run.hops, hop);
    if (isDone) void ask(run).catch(() => undefined);
    context.redraw();
  });
  context.every(askEveryMs, () => {
    for (const run of runs.values()) if (!run.isDone) void ask(run).catch(() => undefined);
  });
  return {
    start: (connection, mailbox) =>
      context.run(async () => {
        const { run: id } = await context.api.send<{ run: string }>(
          'POST',
          `connections/${encodeURIComponent(connection)}/check`,
          mailbox === undefined ? {} : { mailbox },
        );
        const run: StartedCheck = { id, hops: [], isDone: false };
        runs.set(connection, run);
        await ask(run);
      }),
    isRunning: (connection) => runs.get(connection)?.isDone === false,
    view: (connection, own) => {
      const run = runs.get(connection);
      return run ? runView(run, { connection, ...(own && { own }) }) : nothing;
    },
  };
}

/** The hop replaces its earlier state; any other hop under way has ended. */
function withHop(hops: readonly ShownHop[], hop: ShownHop): readonly ShownHop[] {
  const ended = hops.filter(({ state }) => state !== 'running');
  const at = ended.findIndex(
    (each) => each.hop === hop.hop && each.target === hop.target && each.account === hop.account,
  );
  return at < 0 ? [...ended, hop] : ended.with(at, hop);
}

function runView({ hops, isDone }: StartedCheck, place: RemedyPlace): TemplateResult {
  const failed = hops.filter(({ state }) => state === 'failed').length;
  const verdict = failed === 0 ? 'Every hop works.' : `${failed} of ${hops.length} hops failed.`;
  return html`<h3>Check</h3>
    <ol class="hops">${hops.map((hop) => hopView(hop, place))}</ol>
    <p role="status" class="lead">${isDone ? html`${stateMark(failed === 0 ? 'ok' : 'failed', failed === 0 ? 'Done' : 'Failed')} ${verdict}` : html`${stateMark('running')} Trying each hop …`}</p>`;
}

function hopView({ hop, target, state, text, remedy, ms }: ShownHop, place: RemedyPlace): TemplateResult {
  const isTrouble = state === 'failed' || state === 'warning';
  return html`<li class=${state}>
    <p class="line">${stateMark(state, state === 'ok' ? 'Works' : undefined)} <b>${hop}</b> ${target ? html`<span class="hint">${target}</span>` : nothing}
      ${text && !isTrouble ? html`<span>${hopText(text, 'the page of an account sends one')}</span>` : nothing} ${ms ? html`<span class="hint">${span(ms)}</span>` : nothing}</p>
    ${isTrouble ? html`<div class="trouble ${state}"><p class="told">${text}</p>${remedy ? remedyLine(remedy, place) : pagePlaces(text ?? '', place)}</div>` : nothing}
  </li>`;
}
