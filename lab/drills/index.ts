import type { Drill } from './drill.ts';
import { revokedSession } from './revoked-session.ts';

/** Every drill. A new one is a file beside these and a line here. */
export const drills: readonly Drill[] = [revokedSession];
