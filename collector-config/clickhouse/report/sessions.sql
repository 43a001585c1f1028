-- Sessions that end badly, by version.
-- Parameters: product, environment (String), since, until (DateTime). The same question as `agent-telemetry report` asks.
SELECT
    version,
    count() AS sessions,
    countIf(properties['isSuccess'] = 'false') AS bad,
    round(bad / sessions, 4) AS bad_rate,
    uniqExact(installation) AS installations
FROM agent_events.events FINAL
WHERE product = {product:String} AND environment IN ({environment:String}, '') AND occurred >= {since:DateTime('UTC')} AND occurred < {until:DateTime('UTC')}
    AND event = 'session.ended'
GROUP BY version
ORDER BY sessions DESC, version;
