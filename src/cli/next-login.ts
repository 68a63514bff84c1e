/**
 * The next step for a connection to work on behalf of people.
 * @param connection as in the configuration file
 */
export function nextLogin(name: string, connection: Readonly<Record<string, unknown>> | undefined): string {
  return connection?.signIns === 'each'
    ? `people sign in at /connect, or: mailbridge login ${name} --mailbox ADDRESS`
    : `mailbridge login ${name}`;
}
