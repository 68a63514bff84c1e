import { readNetwork } from './blocks/accounts.ts';
import { guid, mailbox, tenant } from './fields.ts';

interface Rule {
  safeParse(text: string): {
    readonly error?: { readonly issues: readonly { readonly message: string }[] } | undefined;
  };
}

const bySchema = (rule: Rule) => (answer: string) => rule.safeParse(answer).error?.issues[0]?.message;

/** The configuration's own rules, so that no answer is refused at the end. */
export const answerRules = {
  mailbox: bySchema(mailbox()),
  tenant: bySchema(tenant()),
  'client-id': bySchema(guid()),
  name(answer: string): string | undefined {
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(answer)) return 'must be letters, digits, ".", "_" and "-"';
    // A key file of that name would be `token.key`.
    return /^token$/i.test(answer) ? 'must not be "token"' : undefined;
  },
  username: (answer: string) =>
    /^[^\p{Cc}\s](?:[^\p{Cc}]{0,253}[^\p{Cc}\s])?$/u.test(answer)
      ? undefined
      : 'must not contain control characters, or begin or end with a space',
  network(answer: string): string | undefined {
    const network = readNetwork(answer);
    if (network === undefined) return 'must be IP addresses, or networks such as 192.168.10.0/24';
    return network.prefix === 0 ? 'would let everybody send without a password' : undefined;
  },
};
