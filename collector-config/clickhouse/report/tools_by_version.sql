-- How often each tool fails, by version.
-- Parameters: product, environment (String), since, until (DateTime). The same question as `agent-telemetry report` asks.
SELECT
    properties['toolName'] AS name,
    version,
    count() AS calls,
    countIf(properties['isSuccess'] = 'false') AS failed,
    round(failed / calls, 4) AS failure_rate,
    uniqExact(installation) AS installations
FROM agent_events.events FINAL
WHERE product = {product:String} AND environment IN ({environment:String}, '')
    AND occurred >= {since:DateTime('UTC')} AND occurred < {until:DateTime('UTC')}
    AND event = 'tool.called'
GROUP BY name, version
ORDER BY name, version;
