-- Tokens and cost by model, from token.usage alone, which counts each token once.
-- Parameters: product, environment (String), since, until (DateTime). The same question as `agent-telemetry report` asks.
SELECT
    model,
    sum(input_tokens) AS input,
    sum(output_tokens) AS output,
    round(sum(cost_usd), 2) AS usd,
    uniqExact(installation) AS installations
FROM agent_events.events FINAL
WHERE product = {product:String} AND environment IN ({environment:String}, '') AND occurred >= {since:DateTime('UTC')} AND occurred < {until:DateTime('UTC')}
    AND event = 'token.usage'
GROUP BY model
ORDER BY input DESC, model;
