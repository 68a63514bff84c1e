import type { Mutant } from './mutants.ts';

/** A mutant that no test can kill, because it behaves like the program. */
export interface Equivalent {
  readonly file: string;
  /** The line before and after the change. */
  readonly before: string;
  readonly after: string;
  readonly why: string;
}

export const equivalents: readonly Equivalent[] = [
  {
    file: 'src/smtp/address-path.ts',
    before: 'if (equals < 0 && !bareKeywords.has(key)) return undefined;',
    after: 'if (equals <= 0 && !bareKeywords.has(key)) return undefined;',
    why: 'a parameter without a name is refused in the next line',
  },
  {
    file: 'src/exchange/reading/imap.ts',
    before: 'capabilities = /^\\* CAPABILITY (.*)$/i.exec(line)?.[1]?.toUpperCase() ?? capabilities;',
    after: 'capabilities = /^\\* CAPABILITY (.*)$/i.exec(line)?.[1].toUpperCase() ?? capabilities;',
    why: 'where the expression matches, its group is there',
  },
  {
    file: 'src/exchange/smtp/reply.ts',
    before: 'const match = /^(?:\\d{3}(?:[ -]|$))?(?:([245]\\.\\d{1,3}\\.\\d{1,3})(?: |$))?(.*)$/s.exec(line);',
    after: 'const match = /(?:\\d{3}(?:[ -]|$))?(?:([245]\\.\\d{1,3}\\.\\d{1,3})(?: |$))?(.*)$/s.exec(line);',
    why: 'all of it may be absent, so it matches at the beginning in any case',
  },
  {
    file: 'src/exchange/reading/imap.ts',
    before: 'untagged = /^\\* CAPABILITY (.*)$/i.exec(line)?.[1] ?? untagged;',
    after: 'untagged = /^\\* CAPABILITY (.*)/i.exec(line)?.[1] ?? untagged;',
    why: 'a line has no line end in it, so the rest of it is all that the dollar sign could ask for',
  },
  {
    file: 'src/exchange/reading/pop3.ts',
    before: 'await expectOk(dialogue, options, false);',
    after: 'await expectOk(dialogue, options);',
    why: 'undefined is as false as false',
  },
  {
    file: 'src/exchange/reading/imap.ts',
    before: 'capabilities = /^\\* CAPABILITY (.*)$/i.exec(line)?.[1]?.toUpperCase() ?? capabilities;',
    after: 'capabilities = /^\\* CAPABILITY (.*)/i.exec(line)?.[1]?.toUpperCase() ?? capabilities;',
    why: 'a line has no line end in it, so the rest of it is all that the dollar sign could ask for',
  },
  {
    file: 'src/smtp/handlers.ts',
    before: "const reversePath = mailFrom ? mailFrom.address : '';",
    after: "const reversePath = mailFrom ? mailFrom.address : 'mutant';",
    why: 'it is read for DATA alone, which the library refuses before MAIL',
  },
  {
    file: 'src/message/address/address.ts',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a line of source
    before: "const dotString = new RegExp(`^[${atext}]+(?:\\\\.[${atext}]+)*$`, 'u');",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a line of source
    after: "const dotString = new RegExp(`^[${atext}]+(?:\\\\.[${atext}]+)*$`, '');",
    why: 'the pattern has ASCII alone, which it matches the same way with and without the flag',
  },
  {
    file: 'src/message/address/tokens.ts',
    before: "this.#add('atom', word, start);",
    after: "this.#add('', word, start);",
    why: 'the kind of an atom is what no other kind is: nobody asks for it by name',
  },
  {
    file: 'src/message/address/tokens.ts',
    before: "if (text !== undefined) this.#add('atom', text, start);",
    after: "if (text !== undefined) this.#add('', text, start);",
    why: 'the kind of an atom is what no other kind is: nobody asks for it by name',
  },
  {
    file: 'src/base/files/file-lock.ts',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a line of source
    before: 'if (performance.now() >= untilMs) throw new LockTimeoutError(`locked for ${this.#timeoutMs} ms`);',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a line of source
    after: 'if (performance.now() > untilMs) throw new LockTimeoutError(`locked for ${this.#timeoutMs} ms`);',
    why: 'a clock that counts microseconds never meets the end of the wait exactly',
  },
  {
    file: 'src/smtp/data-decoder.ts',
    before: "constructor(endOfData: EndOfData = 'crlf') {",
    after: "constructor(endOfData: EndOfData = '') {",
    why: 'the stricter reading is that of whatever is not lf',
  },
  {
    file: 'src/queue/breakers/breaker.ts',
    before: 'this.#period++;',
    after: 'this.#period--;',
    why: 'a period is told from the others by its number alone, whichever way they are numbered',
  },
  {
    file: 'src/queue/stores/sqlite/engine/limits.ts',
    before: 'if (next !== undefined && (earliest === undefined || next < earliest)) earliest = next;',
    after: 'if (next !== undefined && (earliest === undefined || next <= earliest)) earliest = next;',
    why: 'of two equal times it does not matter which is kept',
  },
  {
    file: 'src/smtp/chunk-edit.ts',
    before: 'const result = this.#room(2);',
    after: 'const result = this.#room(3);',
    why: 'one more octet of room than is filled',
  },
  {
    file: 'src/smtp/chunk-edit.ts',
    before: 'const result = this.#room(position - this.#from);',
    after: 'const result = this.#room(position + this.#from);',
    why: 'more room than is filled',
  },
  {
    file: 'src/smtp/data-decoder.ts',
    before: "#trail = '';",
    after: "#trail = 'mutant';",
    why: 'it is set anew with the wrong end, and not looked at before there is one',
  },
  {
    file: 'src/smtp/connection.ts',
    before: "if (code >= 400 && !this._closing) this.app.refused(code, String(data ?? ''));",
    after: "if (code > 400 && !this._closing) this.app.refused(code, String(data ?? ''));",
    why: 'no reply has the code 400 (RFC 5321 section 4.2.3)',
  },
  {
    file: 'src/smtp/auth.ts',
    before: "const [, name = '', initial, ...more] = command.toString('latin1').trim().split(/\\s+/);",
    after: "const [, name = 'mutant', initial, ...more] = command.toString('latin1').trim().split(/\\s+/);",
    why: 'neither names a mechanism',
  },
  {
    file: 'src/queue/stores/sqlite/spool.ts',
    before: '#lookAtBytes = 0;',
    after: '#lookAtBytes = 1;',
    why: 'the first look is at a body of 64 kB and more',
  },
  {
    file: 'src/queue/limits/sliding-window.ts',
    before: 'const cutOffAfter = 256;',
    after: 'const cutOffAfter = 0;',
    why: 'how often entries are cut off that count no more costs time alone',
  },
  {
    file: 'src/queue/ownership/ownership-log.ts',
    before: "const owner = preferredInstance(key, this.#before) ?? '';",
    after: "const owner = preferredInstance(key, this.#before) ?? 'mutant';",
    why: 'where nobody was there before, nobody is gone',
  },
  {
    file: 'src/smtp/address-path.ts',
    before: 'const value = equals < 0 ? true : decodeXtext(word.slice(equals + 1)) || true;',
    after: 'const value = equals < 1 ? true : decodeXtext(word.slice(equals + 1)) || true;',
    why: 'a parameter without a name is refused, whatever its value',
  },
  {
    file: 'src/queue/breakers/breaker.ts',
    before: "return this.#state !== 'open' && this.#underWay < this.#permits;",
    after: "return this.#state !== '' && this.#underWay < this.#permits;",
    why: 'an open breaker has no permits',
  },
  {
    file: 'src/smtp/guarded-connection.ts',
    before: 'if (socket.writableLength === 0) {',
    after: 'if (socket.writableLength === 1) {',
    why: 'where nothing is unsent the system has it at once, asked or not',
  },
  {
    file: 'src/queue/destination.ts',
    before: 'this.#storePausedUntilMs = 0;',
    after: 'this.#storePausedUntilMs = 1;',
    why: 'either is long past',
  },
  {
    file: 'src/queue/limits/sliding-window.ts',
    before: 'if (this.#first < cutOffAfter) return;',
    after: 'if (this.#first < cutOffAfter) ;',
    why: 'how often entries are cut off that count no more costs time alone',
  },
];

/** Why a mutant behaves like the program; undefined if it does not. */
export function whyEquivalent({ file, before, after }: Mutant): string | undefined {
  return equivalents.find((each) => each.file === file && each.before === before.trim() && each.after === after.trim())
    ?.why;
}
