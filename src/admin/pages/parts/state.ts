import { html, type TemplateResult } from '../vendor/lit-html/lit-html.js';

type Mark = 'good' | 'warn' | 'bad' | 'need' | 'none';

/** Each state's shape and words; the colour is never the only sign. */
const marks: Readonly<Record<string, readonly [mark: Mark, text: string]>> = {
  ok: ['good', 'Works'],
  degraded: ['warn', 'In trouble'],
  'sign-in-needed': ['need', 'Sign-in needed'],
  unknown: ['none', 'Not known yet'],
  queued: ['none', 'Queued'],
  held: ['need', 'Held'],
  delivered: ['good', 'Delivered'],
  failed: ['bad', 'Failed'],
  quarantined: ['bad', 'Quarantined'],
  pending: ['none', 'Waits'],
  deferred: ['warn', 'Deferred'],
  ambiguous: ['warn', 'May be delivered'],
  temporary: ['warn', 'Deferred'],
  permanent: ['bad', 'Failed'],
  'needs-admin': ['need', 'Needs an administrator'],
  running: ['none', 'Running'],
  skipped: ['none', 'Skipped'],
  warning: ['warn', 'Warning'],
  open: ['none', 'Open'],
  used: ['good', 'Used'],
  over: ['none', 'Over'],
  ready: ['good', 'Ready'],
  'not-ready': ['warn', 'Not ready'],
};

/** A state as a shape and a word. */
export function stateMark(state: string, words?: string): TemplateResult {
  const [mark, text] = marks[state] ?? ['none', state];
  return html`<span class="mark ${mark}">${words ?? text}</span>`;
}
