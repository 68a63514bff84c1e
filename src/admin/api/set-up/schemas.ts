import { z } from 'zod';
import { setupSteps } from '../../../onboarding/guided-setup/view.ts';
import { initKeys } from '../../../onboarding/init-questions.ts';

/** The answers so far, by question. */
export const setUpAnswers = () => z.partialRecord(z.enum(initKeys), z.string().max(1000));

/** The Microsoft cloud: a name, or custom endpoints such as those from `simulate --write`. */
export const setUpCloud = () => z.union([z.string().max(100), z.record(z.string().max(100), z.unknown())]);

const question = z.strictObject({
  key: z.enum(initKeys),
  asks: z.string(),
  explains: z.string(),
  choices: z.array(z.strictObject({ value: z.string(), text: z.string() })).optional(),
  isOptional: z.boolean(),
  isDetail: z.boolean(),
  answer: z.string(),
  problem: z.string().optional(),
});

export const setUpQuestionsSchema = z.strictObject({ questions: z.array(question) });

const taskOf = (shown: z.ZodType) =>
  z.strictObject({
    state: z.enum(['idle', 'running', 'done', 'failed']),
    shown,
    failure: z
      .strictObject({ code: z.string().optional(), text: z.string(), remedy: z.string().optional() })
      .optional(),
  });

const code = z.strictObject({ userCode: z.string(), verificationUri: z.string(), expiresAt: z.iso.datetime() });

/** Everything that a page shows about the set-up. */
export const setUpViewSchema = z.looseObject({
  step: z.enum(setupSteps).meta({ description: 'The next step.' }),
  steps: z.array(z.strictObject({ step: z.enum(setupSteps), state: z.enum(['done', 'current', 'todo']) })),
  adds: z.boolean().meta({ description: 'A configuration exists; this set-up adds to it.' }),
  questions: z.array(question),
  appNamed: z.string().optional().meta({ description: 'The app registration is identified only by this name.' }),
  registered: z.array(z.strictObject({ outcome: z.string(), text: z.string() })),
  listeners: z.array(z.strictObject({ protocol: z.string(), port: z.int(), usualPort: z.int() })).meta({
    description: 'The ports written to the configuration; if one is not the usual port, another program has that.',
  }),
  registration: taskOf(z.looseObject({ code: code.optional(), link: z.string().optional() })),
  start: taskOf(z.null()),
  signIn: taskOf(z.looseObject({ code: code.optional() })),
  asksWhetherMeant: z
    .boolean()
    .meta({ description: 'Somebody other than the mailbox signed in, and this is not confirmed.' }),
  check: taskOf(
    z.looseObject({
      hops: z.array(z.looseObject({})),
      running: z.looseObject({}).optional().meta({ description: 'The hop being checked.' }),
      againAt: z.iso.datetime().optional(),
    }),
  ),
  test: taskOf(z.looseObject({})),
});

export const madeLoginSchema = z.strictObject({
  username: z.string(),
  password: z.string().meta({ description: 'Returned only here; the bridge keeps its hash.' }),
});
