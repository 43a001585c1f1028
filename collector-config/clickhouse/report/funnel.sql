-- Installations that did the first event, then the second, then the third.
-- Parameters besides: first, second, third (String), names of events.
-- Parameters: product, environment (String), since, until (DateTime). The same question as `agent-telemetry report` asks.
WITH
one AS
(
    SELECT installation, min(occurred) AS at
    FROM agent_events.events FINAL
    WHERE product = {product:String} AND environment IN ({environment:String}, '') AND occurred >= {since:DateTime('UTC')} AND occurred < {until:DateTime('UTC')} AND event = {first:String}
    GROUP BY installation
),
two AS
(
    SELECT installation, min(occurred) AS then
    FROM agent_events.events FINAL INNER JOIN one USING (installation)
    WHERE product = {product:String} AND environment IN ({environment:String}, '') AND occurred >= {since:DateTime('UTC')} AND occurred < {until:DateTime('UTC')} AND event = {second:String} AND occurred >= at
    GROUP BY installation
),
three AS
(
    SELECT installation, min(occurred) AS last
    FROM agent_events.events FINAL INNER JOIN two USING (installation)
    WHERE product = {product:String} AND environment IN ({environment:String}, '') AND occurred >= {since:DateTime('UTC')} AND occurred < {until:DateTime('UTC')} AND event = {third:String} AND occurred >= then
    GROUP BY installation
)
SELECT * FROM
(
    SELECT 1 AS step, count() AS installations FROM one
    UNION ALL SELECT 2, count() FROM two
    UNION ALL SELECT 3, count() FROM three
)
ORDER BY step;
