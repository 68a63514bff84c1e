/**
 * Commands that a client may send before it has logged in. The most thorough mail program needs a dozen; whoever sends
 * thousands costs time and replies that nobody takes.
 */
export const maxCommandsBeforeLogin = 100;
