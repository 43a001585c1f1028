-- Active installations by day, and how many of them were seen for the first time.
-- Parameters: product, environment (String), since, until (DateTime). The same question as `agent-telemetry report` asks.
WITH there AS
(
    SELECT DISTINCT toDate(occurred) AS start, installation
    FROM agent_events.events FINAL
    WHERE product = {product:String} AND environment IN ({environment:String}, '') AND startsWith(installation, 'install_')
),
firsts AS (SELECT installation, min(start) AS first FROM there GROUP BY installation)
SELECT toString(start) AS start, count() AS installations, countIf(there.start = first) AS new
FROM there INNER JOIN firsts USING (installation)
WHERE there.start >= toDate({since:DateTime('UTC')})
    AND toDateTime(there.start, 'UTC') < {until:DateTime('UTC')}
GROUP BY start
ORDER BY start;
