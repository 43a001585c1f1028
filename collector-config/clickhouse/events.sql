-- What event-proxy.yaml writes to, and what maintainers ask: one row for each anonymous event. One that comes again, as
-- its sender may not have seen the answer, has the same `key` and takes the place of the first; with FINAL at once.
--
--   clickhouse-client --multiquery < events.sql
CREATE DATABASE IF NOT EXISTS agent_events;

CREATE TABLE IF NOT EXISTS agent_events.events
(
    occurred DateTime,
    product LowCardinality(String),
    event LowCardinality(String),
    installation String,
    version LowCardinality(String),
    source LowCardinality(String),
    environment LowCardinality(String),
    os LowCardinality(String),
    language LowCardinality(String),
    installed_on Nullable(Date),
    model LowCardinality(String),
    provider LowCardinality(String),
    error_category LowCardinality(String),
    errors Array(LowCardinality(String)),
    duration_ms Nullable(UInt64),
    input_tokens UInt64,
    output_tokens UInt64,
    cost_usd Float64,
    properties Map(LowCardinality(String), String),
    key String
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(occurred)
ORDER BY (product, event, occurred, key)
TTL occurred + INTERVAL 13 MONTH;

-- The columns that the Collector's exporter inserts. Nothing stays here: the view below puts each row into its columns.
CREATE TABLE IF NOT EXISTS agent_events.received
(
    Timestamp DateTime64(9),
    TraceId String,
    SpanId String,
    TraceFlags UInt8,
    SeverityText LowCardinality(String),
    SeverityNumber UInt8,
    ServiceName LowCardinality(String),
    Body String,
    ResourceSchemaUrl LowCardinality(String),
    ResourceAttributes Map(LowCardinality(String), String),
    ScopeSchemaUrl LowCardinality(String),
    ScopeName String,
    ScopeVersion LowCardinality(String),
    ScopeAttributes Map(LowCardinality(String), String),
    LogAttributes Map(LowCardinality(String), String)
)
ENGINE = Null;

CREATE MATERIALIZED VIEW IF NOT EXISTS agent_events.received_to_events TO agent_events.events AS
SELECT
    toDateTime(Timestamp, 'UTC') AS occurred,
    LogAttributes['product'] AS product,
    LogAttributes['event'] AS event,
    LogAttributes['installation'] AS installation,
    LogAttributes['version'] AS version,
    LogAttributes['source'] AS source,
    LogAttributes['environment'] AS environment,
    LogAttributes['os'] AS os,
    LogAttributes['language'] AS language,
    toDateOrNull(LogAttributes['installed_on']) AS installed_on,
    LogAttributes['properties.model'] AS model,
    LogAttributes['properties.provider'] AS provider,
    LogAttributes['properties.errorCategory'] AS error_category,
    JSONExtract(LogAttributes['properties.errors'], 'Array(String)') AS errors,
    toUInt64OrNull(LogAttributes['properties.durationMs']) AS duration_ms,
    toUInt64OrZero(LogAttributes['properties.inputTokens']) AS input_tokens,
    toUInt64OrZero(LogAttributes['properties.outputTokens']) AS output_tokens,
    toFloat64OrZero(LogAttributes['properties.costUsd']) + toFloat64OrZero(LogAttributes['properties.totalCostUsd']) AS cost_usd,
    mapApply(
        (name, value) -> (substring(name, 12), value),
        mapFilter((name, value) -> startsWith(name, 'properties.'), LogAttributes)
    ) AS properties,
    if(LogAttributes['key'] = '', toString(generateUUIDv4()), LogAttributes['key']) AS key
FROM agent_events.received;
