import type { openClients } from '../aws/clients.ts';
import type { openSession } from '../aws/session.ts';
import type { openStateClients } from '../aws/state-clients.ts';
import type { Gateway } from '../gateway/gateway.ts';
import type { Engine, EngineSettings } from '../pulumi/engine.ts';
import type { StackKind } from '../pulumi/kind.ts';
import type { Trusted } from '../state/checkpoint-trust.ts';
import type { ProvidedEngine } from './open-engine.ts';

/**
 * Where a command meets the world: AWS (the state bucket among it), the engine, and the kinds of stacks that there are. A command uses the real ones;
 * the simulator passes models of them, and replaces nothing above. The clocks, timers, files and processes of a machine are Node's own.
 */
export interface Ports {
  readonly kinds: readonly StackKind[];
  readonly openSession: typeof openSession;
  /** Every call to AWS, and to the bucket, is sent by one of these. */
  readonly openClients: typeof openClients;
  readonly openStateClients: typeof openStateClients;
  /** What the engine reaches the bucket through. */
  readonly openGateway: (trusted: Trusted) => Promise<Gateway>;
  readonly provideEngine: () => Promise<ProvidedEngine>;
  /** What starts the Pulumi CLI. */
  readonly openEngine: (settings: EngineSettings) => Engine;
}
