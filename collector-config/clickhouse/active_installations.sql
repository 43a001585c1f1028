-- How many installations were active in each week, of each product.
SELECT
    product,
    toStartOfWeek(occurred, 1) AS week,
    uniqExact(installation) AS installations
FROM agent_events.events FINAL
WHERE startsWith(installation, 'install_') AND environment IN ('production', '')
GROUP BY product, week
ORDER BY product, week;
