-- What fails: failures by event, category and model.
-- Parameters: product, environment (String), since, until (DateTime). The same question as `agent-telemetry report` asks.
SELECT event, error_category AS category, model AS model, count() AS failures, uniqExact(installation) AS installations
FROM agent_events.events FINAL
WHERE product = {product:String} AND environment IN ({environment:String}, '') AND occurred >= {since:DateTime('UTC')} AND occurred < {until:DateTime('UTC')}
    AND error_category != '' AND model != '' AND event IN ('task.failed', 'session.failure', 'tool.called', 'command.executed')
GROUP BY event, category, model
ORDER BY failures DESC, event, category, model;
