-- Which commands are used, how often they fail, and how long they take, in two significant digits.
-- Parameters: product, environment (String), since, until (DateTime). The same question as `agent-telemetry report` asks.
WITH used AS
(
    SELECT properties['command'] AS name, properties['isSuccess'] = 'false' AS bad, installation, duration_ms,
    if(duration_ms < 100, duration_ms,
        intDiv(duration_ms + intDiv(toUInt64(exp10(length(toString(duration_ms)) - 2)), 2),
            toUInt64(exp10(length(toString(duration_ms)) - 2)))
        * toUInt64(exp10(length(toString(duration_ms)) - 2))) AS took_ms
    FROM agent_events.events FINAL
    WHERE product = {product:String} AND environment IN ({environment:String}, '') AND occurred >= {since:DateTime('UTC')} AND occurred < {until:DateTime('UTC')}
        AND event = 'command.executed'
)
SELECT
    name,
    count() AS calls,
    countIf(bad) AS failed,
    round(failed / calls, 4) AS failure_rate,
    if(countIf(isNotNull(took_ms)) = 0, NULL, arraySort(groupArrayIf(assumeNotNull(took_ms), isNotNull(took_ms)))[toUInt64(ceil(50 * countIf(isNotNull(took_ms)) / 100))]) AS median_ms,
    if(countIf(isNotNull(took_ms)) = 0, NULL, arraySort(groupArrayIf(assumeNotNull(took_ms), isNotNull(took_ms)))[toUInt64(ceil(95 * countIf(isNotNull(took_ms)) / 100))]) AS p95_ms,
    uniqExact(installation) AS installations
FROM used
GROUP BY name
ORDER BY calls DESC, name;
