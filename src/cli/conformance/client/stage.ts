import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { demand, same, sha256 } from '../peer.ts';
import { MisbehavingRelay } from './misbehaving-relay.ts';
import type { Partner } from './partner.ts';
import { Program } from './program.ts';

/** For a program to start on a busy machine, and to log in. */
const START_MS = 60_000;
/** For a client to do what it must not do. */
const MEANWHILE_MS = 4_000;
/** A program that has ended may still have said something. */
const AFTER_END_MS = 200;

/** One case in play: the client under test, the relay and the partner that it meets, and the steps of a case. */
export class Stage {
  readonly #command: readonly string[];
  readonly #folder: string;
  readonly #waitMs: number;
  #program: Program | null = null;
  readonly relay: MisbehavingRelay;
  /** What the client has shown. */
  readonly shown: unknown[] = [];

  private constructor(command: readonly string[], folder: string, waitMs: number, relay: MisbehavingRelay) {
    this.#command = command;
    this.#folder = folder;
    this.#waitMs = waitMs;
    this.relay = relay;
  }

  /**
   * @param code of the partner
   * @param waitMs at most, for whatever the client has to do
   */
  static async open(command: readonly string[], code: string, waitMs: number): Promise<Stage> {
    const relay = await MisbehavingRelay.open(code);
    return new Stage(command, await mkdtemp(join(tmpdir(), 'keyrelay-conformance-')), waitMs, relay);
  }

  get partner(): Partner {
    return this.relay.partner;
  }

  /** The client under test, once it was started. */
  get program(): Program {
    demand(this.#program !== null, 'the client was not started');
    return this.#program;
  }

  /** Starts the client under test. */
  start(): void {
    const values = { url: this.relay.url, state: join(this.#folder, 'state'), peer: this.partner.user.code };
    const fill = (word: string) =>
      word.replaceAll(/\{(url|state|peer)\}/g, (_, name: keyof typeof values) => values[name]);
    this.#program = new Program(this.#command.map(fill), (from, body) => {
      if (from === this.partner.user.code) this.shown.push(String(body).trimEnd());
    });
  }

  async login(): Promise<void> {
    this.start();
    await this.until(() => this.relay.isLive, 'it to log in', START_MS);
  }

  async comesBack(): Promise<void> {
    await this.until(() => this.relay.isLive, 'it to come back');
  }

  /** The client answers a request of the partner. Gives the data of the request. */
  async exchangesKeys(): Promise<string> {
    const data = this.partner.request();
    this.relay.deliver(data);
    const digest = sha256(data);
    await this.until(
      () => this.partner.answers.includes(digest),
      'an answer to a key_exchange, with its digest',
    );
    return data;
  }

  /** A message of the partner is shown, and nothing else before it. */
  async hears(body: string): Promise<void> {
    const before = [...this.shown] as string[];
    this.relay.deliver(this.partner.message(body));
    await this.shows(...before, body);
  }

  /** So far, the client has shown these. */
  async shows(...bodies: readonly string[]): Promise<void> {
    const isOther = () => this.shown.some((body, index) => body !== bodies[index]);
    const [last] = bodies.slice(-1);
    await this.until(
      () => isOther() || this.shown.length === bodies.length,
      `it to show ${JSON.stringify(last)}`,
    );
    same('what it has shown', this.shown, bodies);
  }

  /** The client writes this line, and it reaches the partner. */
  async writes(body: string): Promise<void> {
    this.program.write(body);
    await this.until(() => this.partner.heard.includes(body), 'what it was told to write');
  }

  async until(holds: () => boolean, what: string, waitMs = this.#waitMs): Promise<void> {
    const deadline = performance.now() + waitMs;
    let endedMs = Number.POSITIVE_INFINITY;
    while (!holds()) {
      if (this.#program?.hasEnded === true) endedMs = Math.min(endedMs, performance.now() + AFTER_END_MS);
      demand(performance.now() < endedMs, `waited for ${what}, but ${this.#program?.end}`);
      demand(performance.now() < deadline, `waited ${waitMs / 1000} s for ${what}`);
      await pause(20);
    }
  }

  /** Time to do what is forbidden: until it is done, or the client has ended. */
  async meanwhile(isDone: () => boolean): Promise<void> {
    const deadline = performance.now() + MEANWHILE_MS;
    while (!isDone() && this.#program?.hasEnded === false && performance.now() < deadline) await pause(20);
  }

  async stop(): Promise<void> {
    await this.#program?.kill();
    await this.relay.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
