-- Of the installations first seen in a week, how many were still active so many weeks later.
WITH
    weeks AS
    (
        SELECT DISTINCT product, installation, toStartOfWeek(occurred, 1) AS week
        FROM agent_events.events FINAL
        WHERE startsWith(installation, 'install_')
    ),
    firsts AS
    (
        SELECT product, installation, min(week) AS first_week
        FROM weeks
        GROUP BY product, installation
    )
SELECT
    product,
    first_week,
    intDiv(dateDiff('day', first_week, week), 7) AS weeks_later,
    count() AS installations
FROM weeks
INNER JOIN firsts USING (product, installation)
GROUP BY product, first_week, weeks_later
ORDER BY product, first_week, weeks_later;
