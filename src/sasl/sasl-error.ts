/** The other side's SASL message violates its mechanism's syntax. The text contains nothing of the message. */
export class SaslSyntaxError extends Error {
  override readonly name = 'SaslSyntaxError';
}
