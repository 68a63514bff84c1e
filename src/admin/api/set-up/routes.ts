import { z } from 'zod';
import { BridgeError } from '../../../base/errors.ts';
import type { GuidedSetup, MadeLogin } from '../../../onboarding/guided-setup/guided-setup.ts';
import { type ApiAnswer, type ApiCall, type ApiRoute, apiRoute, noContent, ok } from '../route.ts';
import { madeLoginSchema, setUpAnswers, setUpCloud, setUpQuestionsSchema, setUpViewSchema } from './schemas.ts';

const view = { 200: { description: 'The state of the set-up.', schema: setUpViewSchema } };
const login = { 201: { description: 'What programs log in with.', schema: madeLoginSchema } };
const nothing = { 204: { description: 'Done.' } };

/** The guided set-up; opened on first use. */
export type OpenSetUp = () => Promise<GuidedSetup>;

/** The guided set-up, step by step. */
export function setUpRoutes(setUp: OpenSetUp): ApiRoute[] {
  return [
    ...lookRoutes(setUp),
    ...answerRoutes(setUp),
    ...accountRoutes(setUp),
    ...signInRoutes(setUp),
    ...provingRoutes(setUp),
  ];
}

/** Does or begins a step. @returns the state of the set-up afterwards */
async function after(setUp: OpenSetUp, step?: (guided: GuidedSetup) => Promise<void> | void): Promise<ApiAnswer> {
  const guided = await setUp();
  await step?.(guided);
  return ok(await guided.view());
}

function lookRoutes(setUp: OpenSetUp): ApiRoute[] {
  return [
    apiRoute({
      method: 'GET',
      path: '/set-up',
      summary: 'The state of the set-up, and its next step.',
      access: 'operate',
      answers: view,
      run: () => after(setUp),
    }),
    apiRoute({
      method: 'DELETE',
      path: '/set-up',
      summary: 'Discard this set-up to start another. What is already written stays.',
      access: 'operate',
      audit: 'set-up-start-over',
      answers: view,
      run: () => after(setUp, (guided) => guided.startOver()),
    }),
    apiRoute({
      method: 'DELETE',
      path: '/set-up/task',
      summary: 'Cancel what is in progress: a sign-in, a registration, a check.',
      access: 'operate',
      audit: 'set-up-cancel',
      answers: view,
      run: () => after(setUp, (guided) => guided.cancel()),
    }),
    apiRoute({
      method: 'GET',
      path: '/set-up/authority',
      summary: 'The certificate authority that programs must trust.',
      access: 'operate',
      answers: { 200: { description: 'PEM.', type: 'application/x-pem-file' } },
      async run() {
        const pem = await (await setUp()).authority();
        if (pem === undefined) throw new BridgeError('admin-not-found', 'The certificate was not made here.');
        return download('mailbridge-ca.crt', 'application/x-pem-file', pem);
      },
    }),
  ];
}

function answerRoutes(setUp: OpenSetUp): ApiRoute[] {
  return [
    apiRoute({
      method: 'POST',
      path: '/set-up/questions',
      summary: 'The questions that apply after these answers, for a form being filled in. Stores nothing.',
      access: 'operate',
      body: z.strictObject({ answers: setUpAnswers() }),
      answers: { 200: { description: 'The questions.', schema: setUpQuestionsSchema } },
      run: async ({ body }) => ok({ questions: await (await setUp()).questions(body.answers) }),
    }),
    apiRoute({
      method: 'POST',
      path: '/set-up/answers',
      summary: 'Answer the questions.',
      access: 'operate',
      audit: 'set-up-answers',
      body: z.strictObject({ answers: setUpAnswers(), cloud: setUpCloud().optional() }),
      answers: view,
      async run({ body: { answers, cloud }, note }) {
        note(await (await setUp()).subjectOf(answers, cloud));
        return await after(setUp, (guided) => guided.answer(answers, cloud));
      },
    }),
    apiRoute({
      method: 'POST',
      path: '/set-up/registration',
      summary: 'Start the sign-in of an administrator; the app is registered after it.',
      access: 'operate',
      audit: 'set-up-registration',
      body: z.strictObject({ by: z.enum(['device-code', 'browser']).default('device-code') }),
      answers: view,
      run: ({ body }) => after(setUp, (guided) => guided.register(body.by)),
    }),
    apiRoute({
      method: 'POST',
      path: '/set-up/app',
      summary: 'Use an app that was registered by hand.',
      access: 'operate',
      audit: 'set-up-app',
      body: z.strictObject({ clientId: z.string().max(100), clientSecret: z.string().max(1000).optional() }),
      answers: view,
      run: ({ body: { clientId, clientSecret } }) =>
        after(setUp, (guided) => guided.useApp({ clientId, ...(clientSecret !== undefined && { clientSecret }) })),
    }),
  ];
}

function accountRoutes(setUp: OpenSetUp): ApiRoute[] {
  /** The bridge applies the written configuration once the answer is sent: it may take this very server with it. */
  const applied = async (
    { reply }: ApiCall,
    write: (guided: GuidedSetup) => Promise<MadeLogin>,
  ): Promise<ApiAnswer> => {
    const guided = await setUp();
    const made = await write(guided);
    reply.raw.once('close', () => guided.apply());
    return { status: 201, body: made };
  };
  return [
    apiRoute({
      method: 'POST',
      path: '/set-up/account',
      summary: 'Write the connection and the account into the configuration, and start or reload the bridge.',
      access: 'operate',
      audit: 'set-up-account',
      answers: login,
      run: (call) => applied(call, (guided) => guided.write()),
    }),
    apiRoute({
      method: 'POST',
      path: '/set-up/account/password',
      summary: 'Create a new password for the account, which replaces the old one.',
      access: 'operate',
      audit: 'set-up-password',
      answers: login,
      run: (call) => applied(call, (guided) => guided.renewPassword()),
    }),
    apiRoute({
      method: 'POST',
      path: '/set-up/start',
      summary: 'Start or reload the bridge again after a failure.',
      access: 'operate',
      audit: 'set-up-start',
      answers: nothing,
      async run({ reply }) {
        const guided = await setUp();
        reply.raw.once('close', () => guided.apply());
        return noContent;
      },
    }),
  ];
}

function signInRoutes(setUp: OpenSetUp): ApiRoute[] {
  return [
    apiRoute({
      method: 'POST',
      path: '/set-up/sign-in',
      summary: 'Start the sign-in of the mailbox owner by device code.',
      access: 'operate',
      audit: 'set-up-sign-in',
      answers: view,
      run: () => after(setUp, (guided) => guided.signIn()),
    }),
    apiRoute({
      method: 'POST',
      path: '/set-up/sign-in/meant',
      summary: 'Confirm that somebody other than the mailbox signed in, as for a shared mailbox.',
      access: 'operate',
      audit: 'set-up-sign-in-meant',
      answers: view,
      run: () => after(setUp, (guided) => guided.personMeant()),
    }),
  ];
}

function provingRoutes(setUp: OpenSetUp): ApiRoute[] {
  return [
    apiRoute({
      method: 'GET',
      path: '/set-up/exchange-script',
      summary: 'The PowerShell that an Exchange administrator runs.',
      access: 'operate',
      answers: { 200: { description: 'A script.', type: 'text/plain; charset=utf-8' } },
      async run() {
        const { script } = await (await setUp()).view();
        if (!script) throw new BridgeError('admin-not-found', 'Exchange needs no settings.');
        return download(script.file, 'text/plain; charset=utf-8', script.text);
      },
    }),
    apiRoute({
      method: 'POST',
      path: '/set-up/exchange-script',
      summary: 'Mark the script as run, or to be run later.',
      access: 'operate',
      audit: 'set-up-exchange-script',
      answers: view,
      run: () => after(setUp, (guided) => guided.scriptDone()),
    }),
    apiRoute({
      method: 'POST',
      path: '/set-up/check',
      summary: 'Check every hop; `skip` accepts the findings so far.',
      access: 'operate',
      audit: 'set-up-check',
      body: z.strictObject({ skip: z.boolean().default(false) }),
      answers: view,
      run({ body: { skip }, note }) {
        note({ skip });
        return after(setUp, (guided) => (skip ? guided.skipCheck() : guided.check()));
      },
    }),
    apiRoute({
      method: 'POST',
      path: '/set-up/test',
      summary: 'Send a test message; without an address, skip this step.',
      access: 'operate',
      audit: 'set-up-test',
      body: z.strictObject({ to: z.string().max(320).optional() }),
      answers: view,
      run: ({ body }) => after(setUp, (guided) => guided.test(body.to)),
    }),
  ];
}

function download(file: string, type: string, body: string): ApiAnswer {
  const name = file.replace(/[^\w.-]/g, '_');
  return { status: 200, type, body, headers: { 'Content-Disposition': `attachment; filename="${name}"` } };
}
