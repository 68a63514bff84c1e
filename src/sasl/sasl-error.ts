/** The other side's SASL message breaks its mechanism's syntax. The text holds nothing of the message. */
export class SaslSyntaxError extends Error {
  override readonly name = 'SaslSyntaxError';
}
