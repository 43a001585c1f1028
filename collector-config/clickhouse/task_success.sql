-- How many of the tasks that ended did so without error, by version; cancelled and superseded ones are not counted.
SELECT
    product,
    version,
    countIf(event = 'task.completed') AS completed,
    countIf(event = 'task.failed') AS failed,
    round(completed / (completed + failed), 4) AS success_rate,
    round(quantileExactIf(0.5)(duration_ms, event = 'task.completed')) AS median_ms
FROM agent_events.events FINAL
WHERE event IN ('task.completed', 'task.failed')
GROUP BY product, version
ORDER BY product, version;
