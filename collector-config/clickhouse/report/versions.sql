-- Active installations by week and version.
-- Parameters: product, environment (String), since, until (DateTime). The same question as `agent-telemetry report` asks.
WITH there AS
(
    SELECT DISTINCT toStartOfWeek(occurred, 1) AS start, version, installation
    FROM agent_events.events FINAL
    WHERE product = {product:String} AND environment IN ({environment:String}, '') AND startsWith(installation, 'install_')
)
SELECT toString(start) AS week, version, count() AS installations
FROM there
WHERE toDateTime(start, 'UTC') >= {since:DateTime('UTC')} - INTERVAL 6 DAY AND toDateTime(start, 'UTC') < {until:DateTime('UTC')}
GROUP BY start, version
ORDER BY week, version;
