import { z } from 'zod';

/** A literal address, in the spelling that the lab writes: a name may mean any machine. */
const loopbackUrl = /^http:\/\/(127\.0\.0\.1|\[::1\]):\d{1,5}$/;

/** What a running lab leaves in its folder, and `lab status --json` prints. The lab writes it; the orchestrator reads it and starts nothing. */
export const labRecordSchema = z.object({
  schema: z.literal(1),
  /** Random; the proxy answers it at `/_lab`, which is how an endpoint is known to be this lab and no other. */
  lab: z.string(),
  pid: z.int(),
  endpoint: z.string().regex(loopbackUrl, { error: 'not http on a loopback address' }),
  region: z.string(),
  accountId: z.string(),
  bucket: z.string(),
  stateUrl: z.string(),
  /** The network file that commands use while this lab runs. */
  network: z.string(),
  /** Where the aws plugin is that the engine runs against this lab. */
  pluginDirectory: z.string(),
  startedAt: z.iso.datetime(),
  /** How the lab takes orders; absent in the record of a lab that an older Holdfast started. The record is for its user's eyes only, and is printed without it. */
  control: z
    .object({
      /** On which it hears that it is to end. */
      socket: z.string(),
      /** For what changes something on the proxy's own paths. */
      token: z.string(),
    })
    .optional(),
});

export type LabRecord = z.infer<typeof labRecordSchema>;

/** The account that is the lab, and never a real one: AWS keeps it for examples. */
export const labAccountId = '111122223333';
