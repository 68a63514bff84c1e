import type { HttpAnswer } from '../../http/http-server.ts';

/** Text that is already HTML. */
export class Html {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

type Part = Html | string | undefined | readonly Html[];

/** HTML with every inserted part escaped, except HTML itself; undefined becomes nothing. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  const texts = parts.map(textOf);
  return new Html(strings.reduce((all, piece, index) => all + (texts[index - 1] ?? '') + piece));
}

function textOf(part: Part): string {
  if (part === undefined) return '';
  if (part instanceof Html) return part.text;
  return typeof part === 'string' ? escaped(part) : part.map(({ text }) => text).join('');
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}

const style = new Html(`
  body { font: 16px/1.5 system-ui, sans-serif; background: #f0f2f5; margin: 0; }
  main { max-width: 27rem; margin: 4rem auto; padding: 2.5rem; background: #fff; box-shadow: 0 2px 6px #0003; }
  h1 { font-size: 1.5rem; font-weight: 600; margin: 0 0 1rem; }
  label { display: block; margin: 0 0 .25rem; }
  input:not([type]), input[type=password] { width: 100%; box-sizing: border-box; padding: .4rem; font: inherit; margin: 0 0 1rem; }
  button { font: inherit; padding: .35rem 1.5rem; margin: .25rem .25rem 0 0; }
  .main { background: #0067b8; color: #fff; border: 1px solid #0067b8; }
  .account { display: block; width: 100%; text-align: left; padding: .7rem; background: none; border: 1px solid #ccc; }
  [role=alert] { color: #b00020; }
  footer { margin-top: 2rem; color: #555; font-size: .8rem; }
`);

/** A page of the sign-in site. */
export function page(title: string, content: Html, status = 200): HttpAnswer {
  const { text } = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>${title}</h1>
${content}
<footer>Simulated Microsoft Entra ID</footer>
</main>
</body>
</html>
`;
  return {
    status,
    headers: {
      'Content-Type': 'text/html; charset=utf-8',
      'Cache-Control': 'no-store',
      'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
      'Referrer-Policy': 'no-referrer',
    },
    body: text,
  };
}
