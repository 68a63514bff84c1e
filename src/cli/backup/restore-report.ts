import { isAbsolute, relative } from 'node:path';
import { messages } from '../queue/text.ts';
import { localDateTime } from '../terminal/times.ts';
import type { RestoredMessages } from './restored-queue.ts';
import type { UnpackedStart } from './unpacking.ts';

/** What a restore has done, for a program. */
export interface RestoreReport {
  readonly file: string;
  readonly madeAt: string;
  readonly host: string;
  readonly version: string;
  readonly config: string;
  readonly dataDir: string;
  readonly files: readonly string[];
  readonly messages?: RestoredMessages;
  readonly movedAside: readonly string[];
  /** Variables that have to be set. */
  readonly environment: readonly string[];
}

interface Done extends UnpackedStart {
  readonly named: readonly { readonly path: string }[];
  readonly messages: RestoredMessages | undefined;
  readonly movedAside: readonly string[];
}

export function reportOf(file: string, configFile: string, done: Done): RestoreReport {
  const { manifest, config, named, messages, movedAside } = done;
  return {
    file,
    madeAt: manifest.madeAt,
    host: manifest.host,
    version: manifest.mailbridge,
    config: configFile,
    dataDir: config.dataDir,
    files: named.map(({ path }) => path),
    ...(messages && { messages }),
    movedAside,
    environment: manifest.environment,
  };
}

/** The same for a person, with the commands that come next. */
export function reportText(report: RestoreReport): string {
  const made = `${localDateTime(Date.parse(report.madeAt))} on ${report.host} by mailbridge ${report.version}`;
  const lines = [
    `Restored from ${report.file}, made ${made}:`,
    `  configuration  ${report.config}`,
    `  data folder    ${report.dataDir}`,
    ...report.files.map((path) => `  named in it    ${path}`),
    ...report.movedAside.map((path) => `  moved aside    ${path}`),
    ...messageLines(report.messages),
    ...(report.environment.length > 0
      ? [`The environment is in no backup. Set ${report.environment.join(', ')} for the bridge.`]
      : []),
    'Next:',
    ...nextLines(report),
  ];
  return `${lines.join('\n')}\n`;
}

function messageLines(found: RestoredMessages | undefined): string[] {
  if (!found) return ['The bridge had not run yet: there is no queue.'];
  const { held, heldBefore, queued } = found;
  return [
    ...(held > 0 ? [`${messages(held)} held: they may have been delivered since the backup was made.`] : []),
    ...(queued > 0 ? [`${messages(queued)} queued: the bridge tries them at its start.`] : []),
    ...(heldBefore > 0 ? [`${messages(heldBefore)} held as before.`] : []),
    ...(held + queued + heldBefore === 0 ? ['No message waits in the queue.'] : []),
  ];
}

function nextLines({ config, messages: found }: RestoreReport): string[] {
  const option = `--config ${quoted(shortest(config))}`;
  const next = [
    [`mailbridge start ${option}`, 'runs the bridge'],
    ...(found && found.held > 0
      ? [
          [`mailbridge queue list --state held ${option}`, 'shows what waits'],
          [`mailbridge queue release --state held ${option}`, 'sends it'],
        ]
      : []),
  ];
  const width = Math.max(...next.map(([command = '']) => command.length));
  return next.map(([command = '', does = '']) => `  ${command.padEnd(width)}  ${does}`);
}

function shortest(path: string): string {
  const near = relative('', path);
  return near.startsWith('..') || isAbsolute(near) ? path : near;
}

/** As a shell takes it. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
