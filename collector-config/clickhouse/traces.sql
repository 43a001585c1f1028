-- What gateway.yaml writes to: sampled spans, the metrics that were counted before sampling, and log records of coding
-- agents. The columns are those that the Collector's exporter inserts.
--
--   clickhouse-client --multiquery < traces.sql
CREATE DATABASE IF NOT EXISTS otel;

CREATE TABLE IF NOT EXISTS otel.otel_traces
(
    Timestamp DateTime64(9) CODEC(Delta, ZSTD),
    TraceId String,
    SpanId String,
    ParentSpanId String,
    TraceState String,
    SpanName LowCardinality(String),
    SpanKind LowCardinality(String),
    ServiceName LowCardinality(String),
    ResourceAttributes Map(LowCardinality(String), String),
    ScopeName String,
    ScopeVersion String,
    SpanAttributes Map(LowCardinality(String), String),
    Duration UInt64,
    StatusCode LowCardinality(String),
    StatusMessage String,
    Events Nested (Timestamp DateTime64(9), Name LowCardinality(String), Attributes Map(LowCardinality(String), String)),
    Links Nested (TraceId String, SpanId String, TraceState String, Attributes Map(LowCardinality(String), String)),
    INDEX by_trace TraceId TYPE bloom_filter(0.001) GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toDate(Timestamp)
ORDER BY (ServiceName, SpanName, toDateTime(Timestamp))
TTL toDateTime(Timestamp) + INTERVAL 30 DAY
SETTINGS ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS otel.otel_logs
(
    Timestamp DateTime64(9) CODEC(Delta, ZSTD),
    TraceId String,
    SpanId String,
    TraceFlags UInt8,
    SeverityText LowCardinality(String),
    SeverityNumber UInt8,
    ServiceName LowCardinality(String),
    Body LowCardinality(String),
    ResourceSchemaUrl LowCardinality(String),
    ResourceAttributes Map(LowCardinality(String), String),
    ScopeSchemaUrl LowCardinality(String),
    ScopeName LowCardinality(String),
    ScopeVersion LowCardinality(String),
    ScopeAttributes Map(LowCardinality(String), String),
    LogAttributes Map(LowCardinality(String), String),
    EventName LowCardinality(String),
    INDEX by_trace TraceId TYPE bloom_filter(0.001) GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toDate(Timestamp)
ORDER BY (ServiceName, EventName, toDateTime(Timestamp))
TTL toDateTime(Timestamp) + INTERVAL 30 DAY
SETTINGS ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS otel.otel_metrics_gauge
(
    ResourceAttributes Map(LowCardinality(String), String),
    ResourceSchemaUrl String,
    ScopeName String,
    ScopeVersion String,
    ScopeAttributes Map(LowCardinality(String), String),
    ScopeDroppedAttrCount UInt32,
    ScopeSchemaUrl String,
    ServiceName LowCardinality(String),
    MetricName LowCardinality(String),
    MetricDescription String,
    MetricUnit String,
    Attributes Map(LowCardinality(String), String),
    StartTimeUnix DateTime,
    TimeUnix DateTime,
    Value Float64,
    Flags UInt32,
    Exemplars Nested (
        FilteredAttributes Map(LowCardinality(String), String),
        TimeUnix DateTime,
        Value Float64,
        SpanId String,
        TraceId String
    )
)
ENGINE = MergeTree
PARTITION BY toDate(TimeUnix)
ORDER BY (ServiceName, MetricName, TimeUnix)
TTL TimeUnix + INTERVAL 13 MONTH
SETTINGS ttl_only_drop_parts = 1;

CREATE TABLE IF NOT EXISTS otel.otel_metrics_sum AS otel.otel_metrics_gauge;
ALTER TABLE otel.otel_metrics_sum
    ADD COLUMN IF NOT EXISTS AggregationTemporality Int32,
    ADD COLUMN IF NOT EXISTS IsMonotonic Boolean;

CREATE TABLE IF NOT EXISTS otel.otel_metrics_histogram AS otel.otel_metrics_gauge;
ALTER TABLE otel.otel_metrics_histogram
    DROP COLUMN IF EXISTS Value,
    ADD COLUMN IF NOT EXISTS Count UInt64,
    ADD COLUMN IF NOT EXISTS Sum Float64,
    ADD COLUMN IF NOT EXISTS BucketCounts Array(UInt64),
    ADD COLUMN IF NOT EXISTS ExplicitBounds Array(Float64),
    ADD COLUMN IF NOT EXISTS Min Float64,
    ADD COLUMN IF NOT EXISTS Max Float64,
    ADD COLUMN IF NOT EXISTS AggregationTemporality Int32;

CREATE TABLE IF NOT EXISTS otel.otel_metrics_exponential_histogram AS otel.otel_metrics_histogram;
ALTER TABLE otel.otel_metrics_exponential_histogram
    DROP COLUMN IF EXISTS BucketCounts,
    DROP COLUMN IF EXISTS ExplicitBounds,
    ADD COLUMN IF NOT EXISTS Scale Int32,
    ADD COLUMN IF NOT EXISTS ZeroCount UInt64,
    ADD COLUMN IF NOT EXISTS PositiveOffset Int32,
    ADD COLUMN IF NOT EXISTS PositiveBucketCounts Array(UInt64),
    ADD COLUMN IF NOT EXISTS NegativeOffset Int32,
    ADD COLUMN IF NOT EXISTS NegativeBucketCounts Array(UInt64);
