import { type ParseArgsConfig, parseArgs } from 'node:util';
import { BridgeError, errorText } from '../base/errors.ts';
import { nearest, suggestion } from '../config/nearest.ts';

/**
 * Reads the options of a command.
 * @throws BridgeError `usage` for what the command does not know
 */
export function readArguments<T extends ParseArgsConfig>(command: string, config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (cause) {
    throw new BridgeError('usage', argumentProblem(cause, Object.keys(config.options ?? {})), {
      cause,
      remedy: `Run mailbridge ${command} --help.`,
    });
  }
}

/** Words of a command line are few and short: with more wrong letters the nearest would be arbitrary. */
const wrongShare = 0.3;

/** `; did you mean "x"?` for a command or action, or the period that ends the sentence. */
export function suggestionOrStop(word: string, known: readonly string[]): string {
  return suggestion(word, known, wrongShare) || '.';
}

/** The problem that parseArgs found, in one sentence, with the option that was probably meant. */
export function argumentProblem(error: unknown, options: readonly string[]): string {
  const text = errorText(error).replace(/\..*$/s, '');
  const word = /^Unknown option '-{1,2}([^']+)'/.exec(text)?.[1];
  const meant = word === undefined ? undefined : nearest(word, options, wrongShare);
  return meant === undefined ? `${text}.` : `${text}; did you mean "--${meant}"?`;
}

/**
 * A whole number from an option.
 * @throws BridgeError `usage`
 */
export function numberOption(name: string, text: string, lowest: number, highest: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= lowest && value <= highest) return value;
  throw new BridgeError('usage', `--${name} needs a whole number from ${lowest} to ${highest}, not "${text}".`);
}
