/**
 * A separate process, so that its memory is that of sending only: `ORIGIN CA-FILE MESSAGE-FILE` sends the message and
 * reports its peak memory.
 */
import { createReadStream, readFileSync, statSync } from 'node:fs';
import { createHttpClient } from '../../src/base/http/client.ts';
import { GraphClient } from '../../src/graph/client/client.ts';
import { surveyMessage } from '../../src/graph/json/form.ts';
import { sendAsJson } from '../../src/graph/json/send.ts';

const [origin = '', caFile = '', file = ''] = process.argv.slice(2);
const http = createHttpClient({ ca: readFileSync(caFile), env: {} });
const client = new GraphClient({
  http,
  origin,
  getToken: async () => 'token-1',
  retry: { mode: 'none', statusCodes: [], maxAttempts: 1, waitMs: 1, multiplyWait: false },
});
const open = () => createReadStream(file);
const survey = await surveyMessage(open, statSync(file).size);
if (survey.jsonForm === 'lossy') throw new Error(survey.reason);
await sendAsJson(client, {
  mailbox: 'a@contoso.com',
  sendAs: 'mailbox',
  survey,
  open,
  recipients: { to: [{ address: 'b@fabrikam.com' }], cc: [], bcc: [] },
  signal: AbortSignal.timeout(120_000),
});
await http.close();
process.stdout.write(JSON.stringify({ maxMegabytes: process.resourceUsage().maxRSS / 1024 }));
