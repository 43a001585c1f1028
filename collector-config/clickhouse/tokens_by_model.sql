-- Tokens and cost by model and month. Only token.usage is summed: session.cost and session.ended count the same again.
SELECT
    toStartOfMonth(occurred) AS month,
    model,
    sum(input_tokens) AS input,
    sum(output_tokens) AS output,
    round(sum(cost_usd), 2) AS usd,
    uniqExact(installation) AS installations
FROM agent_events.events FINAL
WHERE event = 'token.usage'
GROUP BY month, model
ORDER BY month, input DESC, model;
