import { openDialog } from '../parts/dialog.ts';
import { onSubmit, textField } from '../parts/fields.ts';
import { html } from '../vendor/lit-html/lit-html.js';

/** Asks for an address. @returns undefined if the dialog is closed without one */
export async function askAddress(title: string, text: string, label: string): Promise<string | undefined> {
  let given: string | undefined;
  const { closed } = openDialog(title, (dialog) => {
    const submit = onSubmit(({ address }) => {
      given = address;
      dialog.close();
    });
    return html`<p>${text}</p>
      <form @submit=${submit}>
        ${textField({ name: 'address', label, type: 'email', isRequired: true })}
        <div class="buttons"><button class="primary">Continue</button>
          <button type="button" @click=${() => dialog.close()}>Cancel</button></div>
      </form>`;
  });
  await closed;
  return given;
}
