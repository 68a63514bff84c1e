/** The header of a message does not end within the limit. */
export class HeaderTooLargeError extends Error {
  override readonly name = 'HeaderTooLargeError';
  readonly maxHeaderBytes: number;

  constructor(maxHeaderBytes: number) {
    super(`The message header is larger than ${maxHeaderBytes} octets.`);
    this.maxHeaderBytes = maxHeaderBytes;
  }
}
