import { type ParseArgsConfig, parseArgs } from 'node:util';
import { BridgeError, errorText } from '../base/errors.ts';

/**
 * Reads the options of a command.
 * @throws BridgeError `usage` for what the command does not know
 */
export function readArguments<T extends ParseArgsConfig>(command: string, config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (cause) {
    const text = errorText(cause).replace(/\..*$/s, '');
    throw new BridgeError('usage', `${text}.`, { cause, remedy: `Run mailbridge ${command} --help.` });
  }
}

/**
 * A whole number given as an option.
 * @throws BridgeError `usage`
 */
export function numberOption(name: string, text: string, lowest: number, highest: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= lowest && value <= highest) return value;
  throw new BridgeError('usage', `--${name} needs a whole number from ${lowest} to ${highest}, not "${text}".`);
}
