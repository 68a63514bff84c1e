import { expect, test } from 'vitest';
import { entraErrorBody } from '../../../src/tokens/entra/msal-network.ts';

const answer = {
  error: 'invalid_grant',
  error_description: 'AADSTS50126: Wrong password.',
  suberror: 'basic_action',
  correlation_id: '11111111-2222-3333-4444-555555555555',
  trace_id: 'trace-1',
  timestamp: '2026-01-05 08:00:00Z',
  error_codes: [50126],
};

test('the fields of an error answer are kept', () => {
  expect(entraErrorBody(answer, [])).toEqual({
    error: 'invalid_grant',
    errorDescription: 'AADSTS50126: Wrong password.',
    suberror: 'basic_action',
    correlationId: '11111111-2222-3333-4444-555555555555',
    traceId: 'trace-1',
    timestamp: '2026-01-05 08:00:00Z',
    errorCodes: [50126],
  });
});

test.each([
  ['error', 'a text with blanks'],
  ['error', 'x'.repeat(65)],
  ['error', ''],
  ['suberror', '<script>'],
  ['correlation_id', 'line\nbreak'],
  ['trace_id', 7],
  ['timestamp', 'yesterday'],
  ['timestamp', 'geheim 2026-01-05 08:00:00Z'],
  ['timestamp', null],
  ['error_description', { deep: true }],
])('%s that is %j is left out: whoever answers could put anything there', (name, value) => {
  const field = { correlation_id: 'correlationId', trace_id: 'traceId', error_description: 'errorDescription' }[name];
  expect(entraErrorBody({ ...answer, [name]: value }, [])).not.toHaveProperty(field ?? name);
});

test('an id that is or holds a secret of the request is left out', () => {
  const body = entraErrorBody({ ...answer, trace_id: 'geheim-geheim-1' }, ['geheim-geheim-1']);
  expect(body).not.toHaveProperty('traceId');
  expect(body.suberror).toBe('basic_action');
});

test.each([['50126'], [{}], [null], [undefined]])('error codes that are %j are none', (codes) => {
  expect(entraErrorBody({ ...answer, error_codes: codes }, []).errorCodes).toEqual([]);
});
