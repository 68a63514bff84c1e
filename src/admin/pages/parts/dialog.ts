import { html, render, type TemplateResult } from '../vendor/lit-html/lit-html.js';
import { troubleOf } from './trouble.ts';

export interface OpenDialog {
  redraw(): void;
  close(): void;
  /** Resolves once it is closed, by a button or by Escape. */
  readonly closed: Promise<void>;
}

/**
 * Opens a dialog above the page. The browser keeps the focus in it, closes it on Escape, and then restores the focus.
 */
export function openDialog(title: string, view: (dialog: OpenDialog) => TemplateResult): OpenDialog {
  const element = document.createElement('dialog');
  element.setAttribute('aria-label', title);
  document.body.append(element);
  const closed = new Promise<void>((resolve) => {
    element.addEventListener('close', () => {
      element.remove();
      resolve();
    });
  });
  const dialog: OpenDialog = {
    closed,
    close: () => element.close(),
    redraw: () => render(html`<h2>${title}</h2>${view(dialog)}`, element),
  };
  dialog.redraw();
  element.showModal();
  return dialog;
}

export interface Confirmation {
  readonly title: string;
  readonly text: string;
  /** Text of the confirming button. */
  readonly confirm: string;
  readonly isDangerous?: boolean;
}

/** Asks before something is done; Cancel has the focus. */
export async function ask({ title, text, confirm, isDangerous = false }: Confirmation): Promise<boolean> {
  let isConfirmed = false;
  const { closed } = openDialog(title, (dialog) => {
    const yes = () => {
      isConfirmed = true;
      dialog.close();
    };
    return html`<p>${text}</p>
      <div class="buttons">
        <button type="button" class=${isDangerous ? 'danger' : 'primary'} @click=${yes}>${confirm}</button>
        <button type="button" autofocus @click=${() => dialog.close()}>Cancel</button>
      </div>`;
  });
  await closed;
  return isConfirmed;
}

/** Shows what went wrong, and the remedy. */
export function showError(error: unknown): void {
  openDialog(
    'That did not work',
    (dialog) => html`${troubleOf(error)}
      <div class="buttons"><button type="button" autofocus @click=${() => dialog.close()}>Close</button></div>`,
  );
}
