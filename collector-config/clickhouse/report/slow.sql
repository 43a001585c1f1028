-- What is slow: quantiles of durations by event and name, in two significant digits.
-- Parameters: product, environment (String), since, until (DateTime). The same question as `agent-telemetry report` asks.
WITH timed AS
(
    SELECT event, if(event = 'tool.called', properties['toolName'], properties['command']) AS name, installation, duration_ms,
    if(duration_ms < 100, duration_ms,
        intDiv(duration_ms + intDiv(toUInt64(exp10(length(toString(duration_ms)) - 2)), 2),
            toUInt64(exp10(length(toString(duration_ms)) - 2)))
        * toUInt64(exp10(length(toString(duration_ms)) - 2))) AS took_ms
    FROM agent_events.events FINAL
    WHERE product = {product:String} AND environment IN ({environment:String}, '') AND occurred >= {since:DateTime('UTC')} AND occurred < {until:DateTime('UTC')}
        AND isNotNull(duration_ms)
        AND event IN ('task.completed', 'session.ended', 'tool.called', 'command.executed', 'workflow.completed')
)
SELECT
    event,
    name,
    count() AS count,
    if(countIf(isNotNull(took_ms)) = 0, NULL, arraySort(groupArrayIf(assumeNotNull(took_ms), isNotNull(took_ms)))[toUInt64(ceil(50 * countIf(isNotNull(took_ms)) / 100))]) AS median_ms,
    if(countIf(isNotNull(took_ms)) = 0, NULL, arraySort(groupArrayIf(assumeNotNull(took_ms), isNotNull(took_ms)))[toUInt64(ceil(95 * countIf(isNotNull(took_ms)) / 100))]) AS p95_ms,
    if(countIf(isNotNull(took_ms)) = 0, NULL, arraySort(groupArrayIf(assumeNotNull(took_ms), isNotNull(took_ms)))[toUInt64(ceil(99 * countIf(isNotNull(took_ms)) / 100))]) AS p99_ms,
    uniqExact(installation) AS installations
FROM timed
GROUP BY event, name
ORDER BY p95_ms DESC, event, name;
