import type { Duplex } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { ResponseHead, ResponseHeaders } from '../classify';
import { Exchange } from '../exchange';

/** What gets the rest of a response as it comes. */
export interface BodyReceiver {
  data(chunk: Buffer): void;
  /** Called at last, unless `error` is. */
  end(trailers: ResponseHeaders): void;
  error(error: Error): void;
}

/**
 * Hands the body on as it comes. The result is known with the head; the body waits in the connection until there is a
 * receiver, or until the exchange is cancelled.
 */
export class RelayExchange extends Exchange<RelayExchange> {
  #controller: Dispatcher.DispatchController | undefined;
  #statusText: string | undefined;
  #socket: Duplex | undefined;
  #receiver: BodyReceiver | undefined;
  /** What came before there was a receiver. */
  readonly #early: ((receiver: BodyReceiver) => void)[] = [];

  /** Of the connection that carries the response; absent before its head. */
  get controller(): Dispatcher.DispatchController | undefined {
    return this.#controller;
  }

  get statusText(): string | undefined {
    return this.#statusText;
  }

  /** The connection itself, if the server agreed to switch protocols. */
  get socket(): Duplex | undefined {
    return this.#socket;
  }

  /** Gives `receiver` what came so far; `isPaused`: the rest waits for `controller.resume`. */
  relayTo(receiver: BodyReceiver, isPaused: boolean): void {
    for (const event of this.#early.splice(0)) event(receiver);
    this.#receiver = receiver;
    if (!isPaused) this.#controller?.resume();
  }

  override cancel(...args: Parameters<Exchange['cancel']>): void {
    super.cancel(...args);
    // undici has let go of it.
    this.#socket?.destroy();
  }

  override onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: ResponseHeaders,
    statusText?: string,
  ): void {
    this.#statusText = statusText;
    super.onResponseStart(controller, status, headers);
  }

  onRequestUpgrade(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: ResponseHeaders,
    socket: Duplex,
  ): void {
    if (this.isCancelled) {
      // undici has let go of it, and no caller takes it.
      socket.destroy();
      this.end();
      return;
    }
    this.#controller = controller;
    this.#socket = socket;
    socket.once('close', () => {
      this.end();
    });
    this.settle({ kind: 'response', status, headers, body: this });
  }

  protected begun(head: ResponseHead, controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    controller.pause();
    this.settle({ kind: 'response', ...head, body: this });
  }

  protected data(chunk: Buffer): void {
    this.#tell((receiver) => {
      receiver.data(chunk);
    });
  }

  protected finished(_head: ResponseHead, trailers: ResponseHeaders): void {
    this.#tell((receiver) => {
      receiver.end(trailers);
    });
  }

  protected broken(error: Error): void {
    this.#tell((receiver) => {
      receiver.error(error);
    });
  }

  #tell(event: (receiver: BodyReceiver) => void): void {
    if (this.#receiver === undefined) this.#early.push(event);
    else event(this.#receiver);
  }
}
