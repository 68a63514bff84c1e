/** Graph's behaviour beyond its documented promises; tests change it. */
export class GraphBehaviour {
  /** Minimum duration of every mailbox request, in milliseconds. */
  latencyMs = 0;
  /**
   * Delta queries return the extended properties that `$expand` names, which is documented but which the servers do not
   * do.
   */
  deltaExtendedProperties = false;
  /** A message that left a folder and came back between two rounds shows only as removed. */
  deltaLosesMoves = false;
}
