import { messages } from '../queue/text.ts';
import { type NextCommand, tellCommands } from '../terminal/commands.ts';
import type { Screen } from '../terminal/screen.ts';
import { shellWord } from '../terminal/shell-word.ts';
import { shownPath } from '../terminal/shown-path.ts';
import { localDateTime } from '../terminal/times.ts';
import type { RestoredMessages } from './restored-queue.ts';
import type { UnpackedStart } from './unpacking.ts';

/** The result of a restore, for a program. */
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

/** The same for a person, with the commands to run next. */
export function tellReport(report: RestoreReport, screen: Screen): void {
  screen.say(`${report.file} is restored.`, { mark: 'ok' });
  const facts = [
    ['made', `${localDateTime(Date.parse(report.madeAt))} on ${report.host}, by mailbridge ${report.version}`],
    ['configuration', report.config],
    ['data folder', report.dataDir],
    ...report.files.map((path) => ['named in it', path]),
    ...report.movedAside.map((path) => ['moved aside', path]),
  ];
  for (const [name = '', fact] of facts) screen.say(`${name.padEnd(13)}  ${fact}`, { indent: 2, hanging: 17 });
  for (const line of messageLines(report.messages)) screen.say(line);
  if (report.environment.length > 0) {
    screen.say(`A backup does not contain the environment. Set ${report.environment.join(', ')} for the bridge.`, {
      mark: 'warning',
    });
  }
  screen.say('Next:');
  tellCommands(nextCommands(report), screen);
}

function messageLines(found: RestoredMessages | undefined): string[] {
  if (!found) return ['The bridge had not run yet: there is no queue.'];
  const { held, heldBefore, queued } = found;
  return [
    ...(held > 0 ? [`${messages(held)} held: they may have been delivered since the backup was made.`] : []),
    ...(queued > 0 ? [`${messages(queued)} queued: the bridge tries them at its start.`] : []),
    ...(heldBefore > 0 ? [`${messages(heldBefore)} held as before.`] : []),
    ...(held + queued + heldBefore === 0 ? ['No message is waiting in the queue.'] : []),
  ];
}

function nextCommands({ config, messages: found }: RestoreReport): NextCommand[] {
  const option = `--config ${shellWord(shownPath(config))}`;
  return [
    { command: `mailbridge start ${option}`, does: 'runs the bridge' },
    ...(found && found.held > 0
      ? [
          { command: `mailbridge queue list --state held ${option}`, does: 'shows what waits' },
          { command: `mailbridge queue release --state held ${option}`, does: 'sends it' },
        ]
      : []),
  ];
}
