import type { MailStore } from '../mailbox/mail-store.ts';
import type { SaslMechanism } from '../sasl/server-exchange.ts';

/** The facts that decide a connection's capabilities. */
export interface CapabilityFacts {
  /** The mailbox logged in to; undefined before login. */
  readonly store: MailStore | undefined;
  /** Mechanisms offered now. */
  readonly mechanisms: readonly SaslMechanism[];
  readonly canStartTls: boolean;
}

/** Everything this engine supports after login, with any store. */
const overAnyStore = [
  ...[
    'IDLE',
    'NAMESPACE',
    'UNSELECT',
    'CHILDREN',
    'UIDPLUS',
    'MULTIAPPEND',
    'CATENATE',
    'MOVE',
    'SPECIAL-USE',
    'LIST-EXTENDED',
    'LIST-STATUS',
  ],
  ...['STATUS=SIZE', 'OBJECTID', 'ESEARCH', 'SEARCHRES', 'WITHIN', 'CONDSTORE', 'QRESYNC'],
  ...['SORT', 'SORT=DISPLAY', 'ESORT', 'THREAD=ORDEREDSUBJECT', 'THREAD=REFERENCES'],
  ...['BINARY', 'UTF8=ACCEPT', 'COMPRESS=DEFLATE'],
];

/** The capabilities this engine offers a client now, listed in this place only. An application may announce fewer. */
export function engineCapabilities({ store, mechanisms, canStartTls }: CapabilityFacts): readonly string[] {
  const always = ['IMAP4rev1', 'IMAP4rev2', 'LITERAL+', 'ID', 'ENABLE'];
  if (store !== undefined) {
    const { appendLimit } = store;
    return [
      ...always,
      ...overAnyStore,
      ...(store.createsSpecialUses ? ['CREATE-SPECIAL-USE'] : []),
      appendLimit === undefined ? 'APPENDLIMIT' : `APPENDLIMIT=${appendLimit}`,
    ];
  }
  const passwords = mechanisms.some((name) => name === 'PLAIN' || name === 'LOGIN');
  return [
    ...always,
    'SASL-IR',
    ...mechanisms.map((name) => `AUTH=${name}`),
    ...(canStartTls ? ['STARTTLS'] : []),
    ...(passwords ? [] : ['LOGINDISABLED']),
  ];
}
