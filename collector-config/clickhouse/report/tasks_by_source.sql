-- How tasks ended, by source. Durations in two significant digits.
-- Parameters: product, environment (String), since, until (DateTime). The same question as `agent-telemetry report` asks.
WITH ends AS
(
    SELECT properties['source'] AS by, event = 'task.completed' AS good, event = 'task.failed' AS bad, event = 'task.cancelled' AS stopped, installation, duration_ms,
    if(duration_ms < 100, duration_ms,
        intDiv(duration_ms + intDiv(toUInt64(exp10(length(toString(duration_ms)) - 2)), 2),
            toUInt64(exp10(length(toString(duration_ms)) - 2)))
        * toUInt64(exp10(length(toString(duration_ms)) - 2))) AS took_ms
    FROM agent_events.events FINAL
    WHERE product = {product:String} AND environment IN ({environment:String}, '') AND occurred >= {since:DateTime('UTC')} AND occurred < {until:DateTime('UTC')}
        AND event IN ('task.completed', 'task.failed', 'task.cancelled')
)
SELECT
    by AS source,
    countIf(good) AS completed,
    countIf(bad) AS failed,
    countIf(stopped) AS cancelled,
    if(completed + failed = 0, NULL, round(completed / (completed + failed), 4)) AS success_rate,
    if(countIf(good AND isNotNull(took_ms)) = 0, NULL, arraySort(groupArrayIf(assumeNotNull(took_ms), good AND isNotNull(took_ms)))[toUInt64(ceil(50 * countIf(good AND isNotNull(took_ms)) / 100))]) AS median_ms,
    if(countIf(good AND isNotNull(took_ms)) = 0, NULL, arraySort(groupArrayIf(assumeNotNull(took_ms), good AND isNotNull(took_ms)))[toUInt64(ceil(95 * countIf(good AND isNotNull(took_ms)) / 100))]) AS p95_ms,
    uniqExact(installation) AS installations
FROM ends
GROUP BY by
ORDER BY completed + failed DESC, by;
