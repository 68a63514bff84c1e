/** The flow of mail through the bridge, for the README. Its colours follow the reader's theme. */

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly title: string;
  readonly lines?: readonly string[];
  readonly kind?: 'outside' | 'inside' | 'frame';
}

interface Arrow {
  readonly from: readonly [x: number, y: number];
  readonly to: readonly [x: number, y: number];
  readonly label?: string;
  /** Above the line, or below it. */
  readonly below?: boolean;
  /** Mail flows both ways. */
  readonly isBoth?: boolean;
}

const boxes: readonly Box[] = [
  {
    x: 10,
    y: 60,
    width: 170,
    height: 92,
    title: 'Senders',
    lines: ['scanner, ERP job,', 'monitoring, cron'],
    kind: 'outside',
  },
  { x: 10, y: 232, width: 170, height: 72, title: 'Mail programs', lines: ['IMAP or POP3'], kind: 'outside' },
  { x: 262, y: 20, width: 446, height: 372, title: 'mailbridge, in your network', kind: 'frame' },
  { x: 282, y: 60, width: 110, height: 92, title: 'Account', lines: ['password,', 'sender rules'] },
  { x: 438, y: 60, width: 110, height: 92, title: 'Queue', lines: ['on disk', 'before 250'] },
  { x: 594, y: 60, width: 96, height: 92, title: 'Courier', lines: ['retries,', 'limits'] },
  { x: 282, y: 232, width: 110, height: 72, title: 'Account', lines: ['login'] },
  {
    x: 438,
    y: 232,
    width: 252,
    height: 72,
    title: 'Passed through, or translated',
    lines: ['IMAP and POP3 over Graph'],
  },
  { x: 438, y: 330, width: 252, height: 46, title: 'Tokens, renewed automatically' },
  { x: 850, y: 20, width: 180, height: 372, title: 'Microsoft 365', kind: 'frame' },
  { x: 866, y: 60, width: 148, height: 244, title: 'Exchange Online', lines: ['mailboxes'], kind: 'outside' },
  { x: 866, y: 330, width: 148, height: 46, title: 'Entra ID', kind: 'outside' },
];

const arrows: readonly Arrow[] = [
  { from: [180, 106], to: [282, 106], label: 'SMTP' },
  { from: [392, 106], to: [438, 106] },
  { from: [548, 106], to: [594, 106] },
  { from: [690, 92], to: [866, 92], label: 'Graph sendMail' },
  { from: [690, 126], to: [866, 126], label: 'SMTP, XOAUTH2', below: true },
  { from: [180, 268], to: [282, 268], label: 'IMAP, POP3', isBoth: true },
  { from: [392, 268], to: [438, 268], isBoth: true },
  { from: [690, 268], to: [866, 268], label: 'IMAP, POP3, Graph', isBoth: true },
  { from: [690, 353], to: [866, 353], label: 'OAuth 2.0' },
];

const css = `
text{font:13px system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;fill:#1a222d}
.title{font-weight:650}.small{font-size:12px;fill:#566172}
.outside,.inside{fill:#fff;stroke:#808b9a}.inside{stroke:#2456b5}.frame{fill:#f5f6f8;stroke:#dbe0e7}
path{fill:none;stroke:#2456b5;stroke-width:1.6}marker path{fill:#2456b5;stroke:none}
@media (prefers-color-scheme:dark){text{fill:#e3e8ef}.small{fill:#9dabbd}.outside,.inside{fill:#191f27;stroke:#76849a}
.inside{stroke:#8ab4ff}.frame{fill:#11151a;stroke:#303a46}path{stroke:#8ab4ff}marker path{fill:#8ab4ff}}`;

/** The picture, as SVG. */
export function drawFlow(): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1040 412" role="img">
<title>Senders submit mail to mailbridge over SMTP. It is queued on disk and delivered to Microsoft 365 through Graph or SMTP. Mail programs read over IMAP or POP3.</title>
<style>${css}</style>
<defs><marker id="end" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto-start-reverse"><path d="M0 0l8 4-8 4z"/></marker></defs>
${boxes.map(drawBox).join('\n')}
${arrows.map(drawArrow).join('\n')}
</svg>
`;
}

function drawBox({ x, y, width, height, title, lines = [], kind = 'inside' }: Box): string {
  const isFrame = kind === 'frame';
  const top = isFrame ? y + 24 : y + height / 2 - lines.length * 8 + 4;
  const words = [title, ...lines].map((text, row) => {
    const style = row === 0 ? 'title' : 'small';
    return `<text class="${style}" x="${x + width / 2}" y="${top + row * 18}" text-anchor="middle">${text}</text>`;
  });
  return `<rect class="${kind}" x="${x}" y="${y}" width="${width}" height="${height}" rx="8"/>${words.join('')}`;
}

function drawArrow({ from: [x1, y1], to: [x2, y2], label, below = false, isBoth = false }: Arrow): string {
  const start = isBoth ? ' marker-start="url(#end)"' : '';
  const line = `<path d="M${x1 + 3} ${y1}L${x2 - 3} ${y2}" marker-end="url(#end)"${start}/>`;
  // Keeps the edge of the frame free.
  const middle = (x1 + x2) / 2 - (x1 < 200 ? 10 : 0);
  const words = label
    ? `<text class="small" x="${middle}" y="${y1 + (below ? 17 : -8)}" text-anchor="middle">${label}</text>`
    : '';
  return line + words;
}
