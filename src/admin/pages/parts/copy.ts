import { html, type TemplateResult } from '../vendor/lit-html/lit-html.js';
import { notify } from './toast.ts';

/**
 * A button that copies a text.
 * @param what its accessible name
 * @param label its visible text; the name begins with it
 */
export function copyButton(text: string, what: string, label = 'Copy'): TemplateResult {
  const copy = async () => {
    const isCopied = await toClipboard(text);
    notify(isCopied ? `Copied: ${what}` : 'The browser does not let this page copy. Select the text and copy it.');
  };
  return html`<button type="button" class="copy" aria-label="Copy ${what}" @click=${() => void copy()}>
    ${label}
  </button>`;
}

/** Over plain HTTP from another machine, only a selection can be copied to the clipboard. */
async function toClipboard(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copySelected(text);
  }
}

function copySelected(text: string): boolean {
  const box = document.createElement('textarea');
  box.value = text;
  (document.querySelector('dialog[open]') ?? document.body).append(box);
  const focused = document.activeElement;
  box.select();
  const isCopied = document.execCommand('copy');
  box.remove();
  if (focused instanceof HTMLElement) focused.focus();
  return isCopied;
}
