const shownMs = 5_000;

let region: HTMLElement | undefined;

/** Briefly reports that something is done, also to screen readers. */
export function notify(text: string): void {
  region ??= newRegion();
  // A dialog covers everything else on the page.
  (document.querySelector('dialog[open]') ?? document.body).append(region);
  const toast = document.createElement('p');
  toast.textContent = text;
  region.append(toast);
  setTimeout(() => toast.remove(), shownMs);
}

function newRegion(): HTMLElement {
  const made = document.createElement('div');
  made.className = 'toasts';
  made.setAttribute('role', 'status');
  return made;
}
