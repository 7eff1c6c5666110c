/** The application that lifecycle events go to: keeps them in the order they arrived. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ReceivedEvent {
  readonly id: string;
  readonly type: string;
  readonly client?: string;
  readonly channel?: string;
  readonly code?: number;
}

export class Application implements AsyncDisposable {
  readonly events: ReceivedEvent[] = [];
  /** Requests, answered or not. */
  asked = 0;
  readonly #server: Server;

  private constructor(hangs: boolean) {
    this.#server = createServer((request, response) => {
      this.asked++;
      if (hangs) return;
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        this.events.push(JSON.parse(body) as ReceivedEvent);
        response.end();
      });
    });
  }

  static async start({ hangs = false } = {}): Promise<Application> {
    const application = new Application(hangs);
    await new Promise<void>((resolve) => application.#server.listen(0, '127.0.0.1', resolve));
    return application;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/events`;
  }

  ofType(type: string): ReceivedEvent[] {
    return this.events.filter((event) => event.type === type);
  }

  /** Types of the events of one client, repetitions left out, in order. */
  storyOf(client: string): string[] {
    const seen = new Set<string>();
    const story: string[] = [];
    for (const event of this.events) {
      if (event.client !== client || seen.has(event.id)) continue;
      seen.add(event.id);
      story.push(event.type);
    }
    return story;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
