/** How Graph behaves beyond what its documents promise; tests change it. */
export class GraphBehaviour {
  /** How long every request to a mailbox takes at least, in milliseconds. */
  latencyMs = 0;
  /** Delta queries show the extended properties that `$expand` names, as the documents have it and the servers do not. */
  deltaExtendedProperties = false;
  /** A message that left a folder and came back between two rounds shows as removed alone. */
  deltaLosesMoves = false;
}
