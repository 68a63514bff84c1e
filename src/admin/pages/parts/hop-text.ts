/**
 * The result of a hop, for a page, which has no command-line options.
 * @param sends where a test message is sent, replacing the option of `mailbridge check`
 */
export function hopText(text: string, sends: string): string {
  return text
    .replace('--send-test ADDRESS', sends)
    .replace(
      /mailbridge check \S+ --mailbox ADDRESS tries one/,
      '“Mailbox to try” on the page of the connection tries one',
    );
}
