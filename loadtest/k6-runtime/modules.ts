import type { Contains, MetricType, Registry, Tags } from './metrics.ts';
import type { Modules } from './script.ts';
import type { Vu } from './vu.ts';
import { webSocketOf } from './websocket.ts';

/** What the modules of all VUs share. */
export interface Shared {
  readonly metrics: Registry;
  /** Elements as JSON, by the name of the array. */
  readonly arrays: {
    get(name: string): readonly string[] | undefined;
    set(name: string, elements: readonly string[]): unknown;
  };
  /** Passes and fails of each check, in the order in which they were first made. */
  readonly checks: Map<string, { passes: number; fails: number }>;
  abort(reason: string): void;
  /** `exec.scenario` and `exec.instance`, now; null in init code, setup and teardown. */
  scenario(vu: Vu): object | null;
  instance(): object;
}

/** The modules of k6 that this runtime has, for one VU: what a script imports from them. */
export function modulesFor(vu: Vu, shared: Shared): Modules {
  const { metrics } = shared;
  const known: Readonly<Record<string, object>> = {
    k6: { check: checkOf(shared), sleep: blocking('sleep'), fail },
    'k6/data': { SharedArray: sharedArrayOf(shared) },
    'k6/execution': executionOf(vu, shared),
    'k6/http': httpOf(vu, metrics),
    'k6/metrics': {
      Counter: metricOf('counter', metrics),
      Gauge: metricOf('gauge', metrics),
      Rate: metricOf('rate', metrics),
      Trend: metricOf('trend', metrics),
    },
    'k6/timers': timersOf(vu),
    'k6/websockets': { WebSocket: webSocketOf(vu, metrics) },
  };
  return (name) => {
    const module = known[name];
    if (module === undefined)
      throw new Error(`${name}: this runtime has ${Object.keys(known).join(', ')}; run the script with k6`);
    // Not spread: some properties of k6/execution are worked out when they are read.
    const parts = Object.getOwnPropertyDescriptors(module);
    return Object.create(null, { ...parts, default: { value: module }, __esModule: { value: true } });
  };
}

/** The VUs share one thread here, so nothing may block it. */
function blocking(name: string): () => never {
  return () => {
    throw new Error(
      `${name} blocks: use setTimeout of k6/timers, or http.asyncRequest; or run the script with k6`,
    );
  };
}

function fail(message?: string): never {
  throw new Error(message ?? 'fail');
}

function checkOf({ metrics, checks }: Shared) {
  return <T>(
    value: T,
    sets: Readonly<Record<string, ((value: T) => unknown) | unknown>>,
    tags: Tags = {},
  ) => {
    let all = true;
    for (const [name, test] of Object.entries(sets)) {
      const passed = Boolean(typeof test === 'function' ? test(value) : test);
      all &&= passed;
      const count = checks.get(name) ?? { passes: 0, fails: 0 };
      count[passed ? 'passes' : 'fails'] += 1;
      checks.set(name, count);
      metrics.add('checks', passed ? 1 : 0, { check: name, ...tags });
    }
    return all;
  };
}

/** The callback runs once for all VUs; each access gives a copy of one element. */
function sharedArrayOf({ arrays }: Shared) {
  return class SharedArray {
    constructor(name: string, callback: () => readonly unknown[]) {
      const elements = arrays.get(name) ?? callback().map((element) => JSON.stringify(element));
      arrays.set(name, elements);
      const refuse = (): never => {
        throw new TypeError('a SharedArray cannot be changed');
      };
      // biome-ignore lint/correctness/noConstructorReturn: it is an array to the script, as in k6.
      return new Proxy(new Array(elements.length), {
        get: (target, property, receiver) => {
          if (typeof property === 'string' && /^\d+$/.test(property)) {
            const element = elements[Number(property)];
            return element === undefined ? undefined : JSON.parse(element);
          }
          return Reflect.get(target, property, receiver);
        },
        has: (target, property) => Reflect.has(target, property) || Number(property) < elements.length,
        set: refuse,
        deleteProperty: refuse,
      });
    }
  };
}

function executionOf(vu: Vu, shared: Shared): object {
  return {
    get scenario() {
      const scenario = shared.scenario(vu);
      if (scenario === null) throw new Error('exec.scenario does not exist in init code, setup and teardown');
      return scenario;
    },
    get instance() {
      return shared.instance();
    },
    test: { abort: (reason = 'test aborted') => shared.abort(reason) },
    vu: {
      idInInstance: vu.id,
      idInTest: vu.id,
      get iterationInInstance() {
        return vu.iterationInInstance;
      },
      get iterationInScenario() {
        return vu.iterationInScenario;
      },
    },
  };
}

function metricOf(type: MetricType, registry: Registry) {
  return class {
    readonly name: string;
    readonly #contains: Contains;

    constructor(name: string, isTime = false) {
      this.name = name;
      this.#contains = isTime ? 'time' : 'default';
      registry.declare(name, type, this.#contains);
    }

    add(value: number | boolean, tags: Tags = {}): void {
      const number = Number(value);
      if (Number.isNaN(number)) throw new TypeError(`metric ${this.name}: NaN is no value`);
      registry.add(this.name, number, tags);
    }
  };
}

function timersOf(vu: Vu): object {
  const timers = new Map<number, () => void>();
  let last = 0;
  const start =
    (repeats: boolean) =>
    (callback: (...args: unknown[]) => void, ms = 0, ...args: unknown[]) => {
      last += 1;
      const id = last;
      const timer = (repeats ? setInterval : setTimeout)(() => {
        held.call(() => callback(...args));
        if (!repeats) clear(id);
      }, ms);
      const held = vu.hold(() => clearTimeout(timer));
      timers.set(id, () => {
        clearTimeout(timer);
        held.release();
      });
      return id;
    };
  const clear = (id: number) => {
    timers.get(id)?.();
    timers.delete(id);
  };
  return {
    setTimeout: start(false),
    setInterval: start(true),
    clearTimeout: clear,
    clearInterval: clear,
  };
}

interface HttpParams {
  readonly headers?: Readonly<Record<string, string>>;
  readonly tags?: Tags;
}

function httpOf(vu: Vu, metrics: Registry): object {
  const asyncRequest = async (method: string, url: string, body?: string | null, params: HttpParams = {}) => {
    const { headers = {}, tags = {} } = params;
    const abort = new AbortController();
    const { release } = vu.hold(() => abort.abort());
    const startedMs = performance.now();
    let [status, text, error]: [number, string, string] = [0, '', ''];
    let answered: Readonly<Record<string, string>> = {};
    try {
      const response = await fetch(url, { method, headers, body: body ?? null, signal: abort.signal });
      status = response.status;
      answered = Object.fromEntries(response.headers);
      text = await response.text();
    } catch (failure) {
      error = String(failure);
    }
    const duration = performance.now() - startedMs;
    const tagged = { ...tags, method, status: `${status}` };
    metrics.add('http_reqs', 1, tagged);
    metrics.add('http_req_duration', duration, tagged);
    metrics.add('http_req_failed', status >= 200 && status < 400 ? 0 : 1, tagged);
    // Behind the callers that await this, so that what they begin is still a part of the iteration.
    setImmediate(release);
    return {
      url,
      status,
      error,
      body: text,
      headers: answered,
      timings: { duration },
      /** @param path members with dots between */
      json: (path?: string) =>
        (path?.split('.') ?? []).reduce((value, member) => value?.[member], JSON.parse(text)),
    };
  };
  const others = ['get', 'post', 'put', 'patch', 'del', 'head', 'options', 'request', 'batch'];
  return { asyncRequest, ...Object.fromEntries(others.map((name) => [name, blocking(`http.${name}`)])) };
}
