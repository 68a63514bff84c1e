import { program } from '../base/program/place.ts';

/** The version of the package: `1.2.3`. */
export function version(): string {
  return (JSON.parse(program.read('package.json').toString('utf8')) as { version: string }).version;
}
