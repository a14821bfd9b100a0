import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { NodeTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-node";

/*
 * What an operator loads with `node --import`: the SDK of OpenTelemetry, with an exporter that takes
 * its collector from OTEL_EXPORTER_OTLP_ENDPOINT.
 */
const exporter = new OTLPTraceExporter();
new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).register();
