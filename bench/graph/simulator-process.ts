import { startSimulator } from '../../src/simulator/simulator.ts';

/** Microsoft 365 with one full mailbox, in its own process. Reports its requests when asked for `counts`. */
const [mailbox = '', messages = '0', latencyMs = '0'] = process.argv.slice(2);

const simulator = await startSimulator({ mailboxes: [mailbox] });
const began = Date.UTC(2020, 0, 1);
for (let number = 0; number < Number(messages); number++) {
  const header = () =>
    Buffer.from(
      `From: "Sender ${number % 500}" <sender${number % 500}@example.com>\r\nTo: ${mailbox}\r\nSubject: Message ${number}\r\n` +
        `Date: ${new Date(began + number * 60_000).toUTCString()}\r\nMessage-ID: <${number}@example.com>\r\n`,
    );
  const content = () =>
    Buffer.concat([header(), Buffer.from(`\r\n${'Some text in a line of a message.\r\n'.repeat(60)}`)]);
  const internalDate = new Date(began + number * 60_000);
  const facts = { header, size: content().length, internalDate };
  const message = simulator.directory.deliver(mailbox, 'INBOX', content, facts);
  // As in a real mailbox: most messages were last changed long ago.
  Object.assign(message, { createdAt: internalDate, modifiedAt: internalDate });
}
simulator.graph.latencyMs = Number(latencyMs);

process.on('message', (asked) => {
  if (asked === 'counts') process.send?.({ requests: simulator.graphRequests.count() });
  if (asked === 'deliver') {
    simulator.directory.deliver(mailbox, 'INBOX', Buffer.from(`From: a@example.com\r\nTo: ${mailbox}\r\n\r\nnew\r\n`));
    process.send?.({ requests: simulator.graphRequests.count() });
  }
});
const { endpoints, tenantId, clientId, clientSecret } = simulator;
process.send?.({ endpoints, tenantId, clientId, clientSecret });
