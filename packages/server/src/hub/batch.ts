/**
 * What one connection is about to receive in this loop turn, shared between all that receive the same.
 *
 * A batch is a node in a tree whose edges are encoded messages: a connection that is given messages a, b stands on node
 * root→a→b, and so does every other connection that was given the same. Appending is one comparison and one assignment
 * for all but the first, and the bytes of a node are joined and framed once however many connections stand on it. The
 * tree lives for one turn. This is what brings a fan-out near the floor: encode once, frame once, one write a socket.
 */
import { deflateRawSync } from 'node:zlib';
import { frame, websocketFrame, type Format, type Framing } from '@tidings/protocol';

export class Batch {
  readonly #framing: Framing;
  readonly #parent: Batch | undefined;
  readonly #message: Uint8Array | undefined;
  /** Messages from the root to here. */
  readonly length: number;
  #bytes: Uint8Array | undefined;
  #compressed: Uint8Array | undefined;
  /** The child taken last: in a fan-out nearly always the one wanted next. */
  #lastMessage: Uint8Array | undefined;
  #lastChild: Batch | undefined;
  #otherChildren: Map<Uint8Array, Batch> | undefined;

  private constructor(framing: Framing, parent: Batch | undefined, message: Uint8Array | undefined) {
    this.#framing = framing;
    this.#parent = parent;
    this.#message = message;
    this.length = parent ? parent.length + 1 : 0;
  }

  /** The empty batch of a format. */
  static root(format: Format): Batch {
    return new Batch(format.framing, undefined, undefined);
  }

  /** This batch and one message more. The same message (by identity) gives the same batch. */
  append(message: Uint8Array): Batch {
    if (message === this.#lastMessage) return this.#lastChild as Batch;
    let child = this.#otherChildren?.get(message);
    if (!child) {
      child = new Batch(this.#framing, this, message);
      if (this.#lastMessage) {
        this.#otherChildren ??= new Map();
        this.#otherChildren.set(this.#lastMessage, this.#lastChild as Batch);
        this.#otherChildren.set(message, child);
      }
    }
    this.#lastMessage = message;
    this.#lastChild = child;
    return child;
  }

  /** The encoded messages, first to last. */
  messages(): Uint8Array[] {
    const messages = new Array<Uint8Array>(this.length);
    for (let at: Batch = this; at.#message; at = at.#parent as Batch) messages[at.length - 1] = at.#message;
    return messages;
  }

  /** The framed bytes, made once. */
  get bytes(): Uint8Array {
    // A socket takes a Buffer as it is; any other array it would wrap anew at every write.
    this.#bytes ??= asBuffer(frame(this.#framing, this.messages()));
    return this.#bytes;
  }

  /**
   * The bytes as one WebSocket frame compressed without context takeover (RFC 7692 §7.2.1), made once; frames that
   * are small or do not shrink stay plain.
   * @param minBytes frames below this size are not compressed.
   */
  compressed(minBytes: number): Uint8Array {
    this.#compressed ??= this.#compress(minBytes);
    return this.#compressed;
  }

  #compress(minBytes: number): Uint8Array {
    const plain = this.bytes;
    if (plain.length < minBytes) return plain;
    const headerBytes = plain[1] === 127 ? 10 : plain[1] === 126 ? 4 : 2;
    const deflated = deflateRawSync(plain.subarray(headerBytes), { finishFlush: 2 /* Z_SYNC_FLUSH */ });
    // The sync flush ends in 00 00 ff ff, which the receiver adds again (RFC 7692 §7.2.1).
    const framed = websocketFrame(this.#framing, deflated.subarray(0, -4), true);
    return framed.length < plain.length ? asBuffer(framed) : plain;
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
