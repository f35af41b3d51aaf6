import type { Socket } from 'node:net';
import { isRefused, peerOf as kernelPeerOf } from '../../toolchain/loopback-peer.ts';
import type { Peer } from '../../toolchain/loopback-peer.ts';

export interface UnnamedSettings {
  /** How many there may be now. */
  readonly most: () => number;
  /** For one of which this machine does not say whose it is. */
  readonly namingMs: number;
  readonly peerOf?: (socket: Socket) => Peer;
}

/**
 * The connections that have not named a mount yet, which any user of the machine may open: each costs a descriptor, and a process that has none left can
 * neither read a file nor see that it is alive itself. Those of other users are closed at once. Of the rest there are only so many, and for a new one the oldest
 * goes: the engine names its mount as soon as it is connected, so that whoever fills the places keeps nobody out. One that is known to be this user's may take
 * its time: an HTTP client opens some before it needs them.
 */
export class UnnamedConnections {
  readonly #settings: UnnamedSettings;
  /** The oldest first. */
  readonly #waiting = new Map<Socket, NodeJS.Timeout | undefined>();

  constructor(settings: UnnamedSettings) {
    this.#settings = settings;
  }

  /** Before anything of it is read. */
  accept(socket: Socket): void {
    const { most, namingMs, peerOf = kernelPeerOf } = this.#settings;
    const peer = peerOf(socket);
    if (isRefused(peer)) {
      socket.destroy();
      return;
    }
    socket.once('close', () => this.#forget(socket));
    // A timer goes before what has arrived meanwhile: the look comes after that.
    const end = (): void => void setImmediate(() => this.#end(socket));
    this.#waiting.set(socket, peer === 'cannot-tell' ? setTimeout(end, namingMs).unref() : undefined);
    for (const oldest of this.#waiting.keys()) {
      if (this.#waiting.size <= most()) break;
      this.#end(oldest);
    }
  }

  /** It has named a mount: it is the engine's. */
  named(socket: Socket): void {
    this.#forget(socket);
  }

  #end(socket: Socket): void {
    if (!this.#waiting.has(socket)) return;
    this.#forget(socket);
    socket.destroy();
  }

  #forget(socket: Socket): void {
    clearTimeout(this.#waiting.get(socket));
    this.#waiting.delete(socket);
  }
}
