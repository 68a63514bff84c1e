import { couriers } from '../couriers/registry.ts';
import { courierKinds } from '../message/courier-kind.ts';

/** What init has to know, by the name of the option. */
export const initKeys = [
  'use',
  'from',
  'mailbox',
  'sign-in',
  'send',
  'read',
  'tenant',
  'client-id',
  'name',
  'username',
  'networks',
] as const;
export type InitKey = (typeof initKeys)[number];

/** The answers so far, as texts; an empty one is an answer if the question is optional. */
export type InitAnswers = Readonly<Partial<Record<InitKey, string>>>;

/** The verdict of the configuration's schema on an answer: what is wrong with it, or undefined. */
export type AnswerRules = Readonly<
  Record<'mailbox' | 'tenant' | 'client-id' | 'name' | 'username' | 'network', (text: string) => string | undefined>
>;

/** One question of `mailbridge init`. */
export interface Question {
  readonly key: InitKey;
  readonly asks: string;
  /** One line. */
  readonly explains: string;
  /** The same for the set-up page, if different: it has steps instead of commands. */
  readonly explainsOnPage?: string;
  readonly choices?: readonly { readonly value: string; readonly text: string }[];
  /** May be left unanswered. */
  readonly optional?: true;
  /**
   * Short name of its answer where all details are on one line; undefined for questions that everybody gets. Details
   * are only asked one by one if wanted.
   */
  readonly detail?: string;
  /** Whether it matters, given the answers so far. */
  applies(answers: InitAnswers): boolean;
  proposes(answers: InitAnswers): string | undefined;
  /** What is wrong with an answer, or undefined. */
  problem(text: string): string | undefined;
}

const sends = ({ use }: InitAnswers) => use === 'send' || use === 'both';
const reads = ({ use }: InitAnswers) => use === 'read' || use === 'both';
const always = () => true;
const ofNetwork = (answers: InitAnswers) => sends(answers) && answers.from === 'network';
const ofThisMachine = (answers: InitAnswers) => sends(answers) && answers.from !== 'network';

/** Domains of Microsoft's consumer mailboxes, in any country: outlook.de, hotmail.co.uk … */
const isPersonal = ({ mailbox = '' }: InitAnswers) => /@(?:outlook|hotmail|live|msn)\.[a-z.]+$/i.test(mailbox);

const courierChoices = courierKinds.map((courier) => [courier, couriers[courier].choice] as const);

/** The questions, in the order of asking. */
export function initQuestions(rules: AnswerRules): readonly Question[] {
  return [
    choice('use', 'What will connect to the bridge?', 'This decides which ports it opens.', always, [
      ['send', 'devices or programs that send mail: a scanner, an ERP, cron'],
      ['read', 'a mail program that reads mail'],
      ['both', 'programs that send and programs that read'],
    ]),
    {
      ...choice('from', 'Where do they run?', 'The bridge listens only where it has to.', always, [
        ['here', 'only on this machine'],
        ['network', 'on other machines too: a scanner, a printer, another server'],
      ]),
      // A client that only sends is usually a device.
      proposes: ({ use }) => (use === 'send' ? 'network' : 'here'),
    },
    {
      key: 'mailbox',
      asks: 'Which Microsoft 365 mailbox?',
      explains:
        'Its address (user principal name), such as reports@contoso.com. A shared mailbox or an outlook.com mailbox works too.',
      applies: always,
      proposes: () => undefined,
      problem: rules.mailbox,
    },
    {
      ...choice('sign-in', 'How does the bridge sign in to Microsoft 365?', 'App-only is right for most.', always, [
        ['app', 'as an app: nobody has to sign in, an administrator sets it up once'],
        ['person', 'as a person: somebody signs in once with a code; the bridge may do what that person may'],
      ]),
      proposes: (answers) => (isPersonal(answers) ? 'person' : 'app'),
    },
    networksQuestion(rules, ofNetwork),
    {
      ...choice(
        'send',
        'How should mail be sent?',
        'Graph needs no SMTP AUTH in the tenant; SMTP sends every message as it is.',
        sends,
        courierChoices,
      ),
      detail: 'sending by',
    },
    {
      ...choice('read', 'How should the mailbox be read?', 'IMAP serves IMAP and POP3 programs alike.', reads, [
        ['imap', 'by IMAP'],
        ['pop3', 'only by POP3'],
      ]),
      detail: 'reading by',
    },
    {
      key: 'tenant',
      detail: 'tenant',
      asks: 'Which tenant?',
      explains:
        'The Directory (tenant) ID of the Entra admin center, or a domain of the tenant; consumers for a personal mailbox.',
      applies: always,
      proposes: (answers) => (isPersonal(answers) ? 'consumers' : answers.mailbox?.split('@')[1]),
      problem: rules.tenant,
    },
    {
      key: 'client-id',
      detail: 'app registration',
      asks: 'Is there an app registration already?',
      explains: 'Its Application (client) ID. Leave it empty if there is none: mailbridge register-app makes one.',
      explainsOnPage:
        'Its Application (client) ID. Leave it empty if there is none: the step App registration makes one.',
      optional: true,
      applies: always,
      proposes: () => undefined,
      problem: rules['client-id'],
    },
    {
      key: 'name',
      detail: 'connection',
      asks: 'What is the name of the connection?',
      explains: 'A short name for this tenant in the configuration and in commands.',
      applies: always,
      proposes: ({ mailbox }) => mailbox?.split('@')[1]?.split('.')[0],
      problem: rules.name,
    },
    {
      key: 'username',
      detail: 'username',
      asks: 'Which username should they log in with?',
      explains: 'A name of your choice, not that of Microsoft 365. init makes its password.',
      explainsOnPage: 'A name of your choice, not that of Microsoft 365. The step Configuration makes its password.',
      applies: always,
      proposes: ({ mailbox }) => mailbox?.split('@')[0],
      problem: rules.username,
    },
    { ...networksQuestion(rules, ofThisMachine), detail: 'devices without a password' },
  ];
}

function networksQuestion(rules: AnswerRules, applies: Question['applies']): Question {
  return {
    key: 'networks',
    asks: 'Are there devices that cannot log in?',
    explains: 'Their networks or addresses, separated by commas; they send without a password. Empty: none.',
    optional: true,
    applies,
    proposes: () => undefined,
    problem: (text) => networksOf(text).map(rules.network).find(Boolean),
  };
}

function choice(
  key: InitKey,
  asks: string,
  explains: string,
  applies: Question['applies'],
  choices: readonly (readonly [string, string])[],
): Question {
  const values = choices.map(([value]) => value);
  return {
    key,
    asks,
    explains,
    choices: choices.map(([value, text]) => ({ value, text })),
    applies,
    proposes: () => values[0],
    problem: (text) => (values.includes(text) ? undefined : `must be ${values.join(' or ')}`),
  };
}

/** The networks of an answer. */
export function networksOf(answer: string): string[] {
  return answer.split(/[,\s]+/).filter((network) => network !== '');
}
