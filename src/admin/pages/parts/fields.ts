import { html, nothing, type TemplateResult } from '../vendor/lit-html/lit-html.js';

/** A list of names and values. Undefined values are left out. */
export function facts(pairs: readonly (readonly [name: string, value: unknown])[]): TemplateResult {
  const given = pairs.filter(([, value]) => value !== undefined);
  return html`<dl class="facts">
    ${given.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}
  </dl>`;
}

export interface TextField {
  readonly name: string;
  readonly label: string;
  readonly value?: string | undefined;
  readonly type?: 'text' | 'search' | 'email' | 'password' | 'datetime-local';
  readonly placeholder?: string;
  readonly isRequired?: boolean;
  /** Gets the focus when `/` is pressed. */
  readonly isSearch?: boolean;
}

export function textField({ name, label, value = '', type = 'text', ...rest }: TextField): TemplateResult {
  return html`<label class="field"><span>${label}</span>
    <input name=${name} type=${type} .value=${value} placeholder=${rest.placeholder ?? nothing}
      autocomplete=${type === 'password' ? 'current-password' : 'off'} spellcheck="false"
      ?required=${rest.isRequired ?? false} ?data-search=${rest.isSearch ?? false}>
  </label>`;
}

/** The contents of a form, by field. */
export function valuesOf(form: HTMLFormElement): Record<string, string> {
  return Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value).trim()]));
}

/** Handles the submission of a form instead of the browser. */
export function onSubmit(act: (values: Record<string, string>, form: HTMLFormElement) => void) {
  return (event: Event) => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    act(valuesOf(form), form);
  };
}
