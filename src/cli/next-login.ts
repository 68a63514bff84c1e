/**
 * What somebody does next so that a connection works in people's names.
 * @param connection as the configuration file has it
 */
export function nextLogin(name: string, connection: Readonly<Record<string, unknown>> | undefined): string {
  return connection?.signIns === 'each'
    ? `people sign in at /connect, or: mailbridge login ${name} --mailbox ADDRESS`
    : `mailbridge login ${name}`;
}
