import { commandTable } from '../../src/cli/commands.ts';
import { commandPage } from './command-page.ts';
import { configPage } from './config-page.ts';

/** A manual page by its file name: `mailbridge.1`. */
export interface ManualPage {
  readonly name: string;
  readonly text: string;
}

/** All manual pages. The output depends only on the sources. */
export async function manualPages(version: string): Promise<ManualPage[]> {
  const date = '2026-11-30';
  return [
    { name: 'mailbridge.1', text: commandPage(await commandTable(), version, date) },
    { name: 'mailbridge-config.5', text: configPage(version, date) },
  ];
}
