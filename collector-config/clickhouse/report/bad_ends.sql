-- Sessions that ended with an error, by its category, provider and model.
-- Parameters: product, environment (String), since, until (DateTime). The same question as `agent-telemetry report` asks.
SELECT error_category AS category, provider, model, count() AS sessions, uniqExact(installation) AS installations
FROM agent_events.events FINAL
WHERE product = {product:String} AND environment IN ({environment:String}, '') AND occurred >= {since:DateTime('UTC')} AND occurred < {until:DateTime('UTC')}
    AND event = 'session.failure'
GROUP BY category, provider, model
ORDER BY sessions DESC, category, provider, model;
