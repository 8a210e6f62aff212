import type { Logger } from '../../ops/log/log.ts';
import { unlessFired } from '../unless-fired.ts';
import type { EnvelopeSpan, Spans, TraceIds } from './traced-engine.ts';

/**
 * Traces by OpenTelemetry, set up by its own variables (OTEL_*). Its packages are loaded only where traces are wanted.
 */

type Environment = Readonly<Record<string, string | undefined>>;

export interface Tracing extends Spans {
  /** Sends what is left, for a few seconds at most. */
  close(): Promise<void>;
}

const CLOSE_MS_MAX = 3_000;

/** Whether these variables ask for traces: an endpoint, or the exporter by its name. */
export function wantsTraces(env: Environment): boolean {
  if (env.OTEL_SDK_DISABLED?.toLowerCase() === 'true' || env.OTEL_TRACES_EXPORTER === 'none') return false;
  return [
    env.OTEL_TRACES_EXPORTER,
    env.OTEL_EXPORTER_OTLP_ENDPOINT,
    env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT,
  ].some((value) => value !== undefined && value !== '');
}

/** What these variables ask for and this node cannot do, in words; null if it can. */
export function unsupportedTraces(env: Environment): string | null {
  const { OTEL_TRACES_EXPORTER: exporter = 'otlp' } = env;
  if (!['', 'otlp'].includes(exporter)) return `OTEL_TRACES_EXPORTER is "${exporter}": must be otlp or none`;
  const protocol =
    env.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL ?? env.OTEL_EXPORTER_OTLP_PROTOCOL ?? 'http/protobuf';
  if (!['', 'http/protobuf'].includes(protocol)) {
    return `OTEL_EXPORTER_OTLP_PROTOCOL is "${protocol}": must be http/protobuf`;
  }
  const { OTEL_TRACES_SAMPLER: sampler = '', OTEL_TRACES_SAMPLER_ARG: ratio = '1' } = env;
  if (sampler !== '' && !/^(parentbased_)?(always_on|always_off|traceidratio)$/.test(sampler)) {
    return `OTEL_TRACES_SAMPLER is "${sampler}": must be always_on, always_off or traceidratio, or parentbased_ and one of them`;
  }
  if (sampler.endsWith('traceidratio') && !(Number(ratio) >= 0 && Number(ratio) <= 1)) {
    return `OTEL_TRACES_SAMPLER_ARG is "${ratio}": must be a number from 0 to 1`;
  }
  return null;
}

export async function startTracing(node: {
  readonly nodeId: string;
  readonly version: string;
  readonly log: Logger;
}): Promise<Tracing> {
  const [api, sdk, resources, { OTLPTraceExporter }] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-trace-base'),
    import('@opentelemetry/resources'),
    import('@opentelemetry/exporter-trace-otlp-proto'),
  ]);
  tellOnce(api, node.log);
  const ids = new GivenIds(new sdk.RandomIdGenerator());
  const attributes = {
    'service.name': 'keyrelay',
    'service.instance.id': node.nodeId,
    'service.version': node.version,
  };
  const given = resources.detectResources({ detectors: [resources.envDetector] });
  const sampler = samplerFor(sdk, process.env);
  const provider = new sdk.BasicTracerProvider({
    // What is recorded was sampled before.
    sampler: new sdk.AlwaysOnSampler(),
    idGenerator: ids,
    resource: resources.defaultResource().merge(resources.resourceFromAttributes(attributes)).merge(given),
    spanProcessors: [new sdk.BatchSpanProcessor(new OTLPTraceExporter())],
  });
  const tracer = provider.getTracer('keyrelay', node.version);
  const { ROOT_CONTEXT, SpanKind, TraceFlags, trace } = api;

  const record = (span: EnvelopeSpan) => {
    const { name, ids: of, isRoot, startMs, endMs, attributes, receiptMs } = span;
    const parent = {
      traceId: of.traceId,
      spanId: of.rootSpanId,
      traceFlags: TraceFlags.SAMPLED,
      isRemote: true,
    };
    const context = isRoot ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent);
    if (isRoot) ids.give(of);
    const kind = name === 'store' ? SpanKind.PRODUCER : SpanKind.CONSUMER;
    const started = tracer.startSpan(`keyrelay ${name}`, { kind, attributes, startTime: startMs }, context);
    if (receiptMs !== undefined) started.addEvent('receipt', receiptMs);
    started.end(endMs);
  };
  return {
    isSampled: ({ traceId }) =>
      sampler.shouldSample(ROOT_CONTEXT, traceId).decision === sdk.SamplingDecision.RECORD_AND_SAMPLED,
    record,
    close: async () => {
      // A collector that is away must not hold up the end of the node.
      await unlessFired(provider.shutdown(), AbortSignal.timeout(CLOSE_MS_MAX)).catch(() => undefined);
    },
  };
}

type Sdk = typeof import('@opentelemetry/sdk-trace-base');

/** By the trace id alone: here every trace begins, so that those `parentbased_…` samplers are what they are based on. */
function samplerFor(
  sdk: Sdk,
  env: Environment,
): Pick<InstanceType<Sdk['TraceIdRatioBasedSampler']>, 'shouldSample'> {
  const { OTEL_TRACES_SAMPLER: name = '', OTEL_TRACES_SAMPLER_ARG: argument = '' } = env;
  if (name.endsWith('always_off')) return new sdk.TraceIdRatioBasedSampler(0);
  if (!name.endsWith('traceidratio') || argument === '') return new sdk.TraceIdRatioBasedSampler(1);
  return new sdk.TraceIdRatioBasedSampler(Number(argument));
}

/** Makes ids at random, but those of the next root span as they are given. */
class GivenIds {
  readonly #random: { generateTraceId(): string; generateSpanId(): string };
  #next: TraceIds | null = null;

  constructor(random: { generateTraceId(): string; generateSpanId(): string }) {
    this.#random = random;
  }

  give(ids: TraceIds): void {
    this.#next = ids;
  }

  /** Called after `generateSpanId`, for root spans only. */
  generateTraceId(): string {
    const given = this.#next?.traceId;
    this.#next = null;
    return given ?? this.#random.generateTraceId();
  }

  generateSpanId(): string {
    return this.#next?.rootSpanId ?? this.#random.generateSpanId();
  }
}

/** A collector that is away is one line, not one for each attempt. */
function tellOnce({ diag, DiagLogLevel }: typeof import('@opentelemetry/api'), log: Logger): void {
  let told = '';
  const tell = (message: string, ...details: unknown[]) => {
    const reason = [message, ...details].map(String).join(' ');
    if (reason === told) return;
    told = reason;
    log.warn('traces cannot be sent', { reason });
  };
  const ignore = () => {};
  diag.setLogger(
    { error: tell, warn: tell, info: ignore, debug: ignore, verbose: ignore },
    DiagLogLevel.WARN,
  );
}
