/**
 * Parts of statements that record attempts as `settled`: what these used is no longer held.
 * @param token the parameter with the token of the process
 */
export const lowerGrants = (token: string): string => `
  spent AS MATERIALIZED (
    SELECT split_part(destination, '/', 1) AS connection, sum(external) AS external FROM settled WHERE external > 0
    GROUP BY 1
  ),
  holders AS MATERIALIZED (
    SELECT g.connection FROM mailbridge.external_grants g
    WHERE g.token = ${token} AND g.connection IN (SELECT connection FROM spent) ORDER BY g.connection FOR UPDATE
  ),
  lowered AS (
    UPDATE mailbridge.external_grants g SET amount = greatest(0, g.amount - s.external), touched_at = clock_timestamp()
    FROM spent s WHERE g.token = ${token} AND g.connection = s.connection
      AND g.connection IN (SELECT connection FROM holders)
  )`;
