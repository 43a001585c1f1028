-- Of the installations first seen in a week, how many were active so many weeks later.
-- Parameters: product, environment (String), since, until (DateTime). The same question as `agent-telemetry report` asks.
WITH weeks AS
(
    SELECT DISTINCT toStartOfWeek(occurred, 1) AS week, installation
    FROM agent_events.events FINAL
    WHERE product = {product:String} AND environment IN ({environment:String}, '') AND startsWith(installation, 'install_')
),
firsts AS (SELECT installation, min(week) AS first FROM weeks GROUP BY installation)
SELECT toString(first) AS cohort, intDiv(dateDiff('day', first, week), 7) AS weeks_later, count() AS installations
FROM weeks INNER JOIN firsts USING (installation)
WHERE toDateTime(first, 'UTC') >= {since:DateTime('UTC')} - INTERVAL 6 DAY AND toDateTime(first, 'UTC') < {until:DateTime('UTC')}
GROUP BY first, weeks_later
ORDER BY first, weeks_later;
