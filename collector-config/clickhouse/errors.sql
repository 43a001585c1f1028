-- What fails, how often, and for how many: failures by event and category.
SELECT
    event,
    error_category,
    count() AS failures,
    uniqExact(installation) AS installations
FROM agent_events.events FINAL
WHERE error_category != ''
GROUP BY event, error_category
ORDER BY failures DESC, event, error_category;
