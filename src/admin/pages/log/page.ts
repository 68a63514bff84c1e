import type { ShownLogLine } from '../contract.ts';
import { asked } from '../parts/asked.ts';
import { onSubmit, textField } from '../parts/fields.ts';
import { moment } from '../parts/times.ts';
import { empty } from '../parts/trouble.ts';
import type { OpenPage } from '../shell/page.ts';
import { html, nothing, type TemplateResult } from '../vendor/lit-html/lit-html.js';

/** Starting with the most verbose. */
const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'];

const keptLines = 500;
const askedLines = 200;

/** The bridge's log, live, from a level up and filtered by text. */
export const openLog: OpenPage = (context) => {
  const { query } = context.place;
  const { level = '', search = '' } = query;
  let lines: ShownLogLine[] = [];
  let isPaused = false;
  const earlier = asked(context, async () => {
    const { lines: told } = await context.api.get<{ lines: ShownLogLine[] }>('log', {
      level,
      search,
      limit: askedLines,
    });
    lines = told.toReversed();
    return told;
  });
  context.on('log', (data) => {
    const line = data as ShownLogLine;
    if (isPaused || !earlier.value || !isWanted(line, level, search)) return;
    lines = [line, ...lines].slice(0, keptLines);
    context.redraw();
  });
  context.on('open', () => {
    if (!isPaused) void earlier.ask();
  });
  const pause = () => {
    isPaused = !isPaused;
    if (!isPaused) void earlier.ask();
    context.redraw();
  };
  const filter = onSubmit((values) => context.go(`/ui/log?${new URLSearchParams(values)}`, { replace: true }));
  return {
    title: 'Log',
    view: () => html`<form class="filters" role="search" @submit=${filter}>
        <label class="field"><span>From level</span>
          <select name="level" @change=${(event: Event) => (event.target as HTMLSelectElement).form?.requestSubmit()}>
            <option value="">every</option>
            ${levels.map((each) => html`<option value=${each} ?selected=${each === level}>${each}</option>`)}
          </select></label>
        ${textField({ name: 'search', label: 'Text', type: 'search', value: search, isSearch: true })}
        <button>Search</button>
        <button type="button" aria-pressed=${isPaused} @click=${pause}>${isPaused ? 'Resume' : 'Pause'}</button>
      </form>
      ${earlier.view(() => lineTable(lines))}`,
  };
};

function isWanted(line: ShownLogLine, level: string, search: string): boolean {
  const isLoud = level === '' || levels.indexOf(line.level) >= levels.indexOf(level);
  return isLoud && JSON.stringify(line).toLowerCase().includes(search.toLowerCase());
}

const marks: Readonly<Record<string, string>> = { warn: 'warn', error: 'bad', fatal: 'bad' };

function lineTable(lines: readonly ShownLogLine[]): TemplateResult {
  if (lines.length === 0) return empty('No line matches.', 'New ones appear here by themselves.');
  return html`<div class="log" role="log" aria-live="off" aria-label="Log lines, newest first" tabindex="0">
    ${lines.map(
      ({ time, level, msg, fields = {} }) => html`<p>
        ${moment(time)} <span class="mark ${marks[level] ?? 'none'}">${level}</span> <b>${msg}</b>
        ${Object.entries(fields).map(([name, value]) => html`<span class="pair"><i>${name}</i>&nbsp;${fieldText(name, value)}</span> `)}
      </p>`,
    )}
  </div>`;
}

function fieldText(name: string, value: unknown): unknown {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  return name === 'id' ? html`<a href="/ui/messages/${encodeURIComponent(text)}">${text}</a>` : text || nothing;
}
