/**
 * Builds that are broken on purpose, one fault each, most of them findings that were real once. The simulator has to find every one of them within a minute.
 * `promise`: the one that has to be seen violated; undefined where it shows in one of several.
 */
export const brokenBuilds = [
  {
    name: 'an engine that ended badly leaves no doubt',
    promise: 'untrue-release',
    edits: [{ file: 'orchestrator/run/verdict.ts', from: '    doubts,\n    settled', to: '    doubts: [],\n    settled' }],
  },
  {
    name: 'what AWS has beyond the checkpoint is not looked for',
    promise: 'untrue-release',
    edits: [{ file: 'orchestrator/aws/tagged-objects.ts', from: 'if (unknown.size + unknownNamed.length === 0) return', to: 'return' }],
  },
  {
    name: 'a recovery believes its first look',
    promise: 'untrue-release',
    edits: [
      { file: 'orchestrator/cli/recovery-parts.ts', from: 'staleness: stalenessOf(spec.recovery.staleness)', to: 'staleness: () => 0' },
    ],
  },
  {
    name: 'every process is taken for dead',
    promise: 'living-owner',
    edits: [{ file: 'orchestrator/ownership/liveness.ts', from: 'livenessRow(facts).then;', to: "({ answer: 'dead', reason: 'gone' });" }],
  },
  {
    name: 'a plugin that outlives its engine is left alone',
    promise: 'living-owner',
    edits: [{ file: 'orchestrator/pulumi/orphans.ts', from: 'if (found.length === 0) return ended;', to: 'return ended;' }],
  },
  {
    name: 'a record is written without its compare-and-swap',
    edits: [
      {
        file: 'orchestrator/ownership/records.ts',
        from: "({ only: 'if-matches', etag: current.etag } as const) : ({ only: 'if-absent' } as const);",
        to: "({ only: 'always' } as const) : ({ only: 'always' } as const);",
      },
    ],
  },
  {
    name: 'a takeover goes on over an owner that was not seen',
    edits: [
      {
        file: 'orchestrator/ownership/records.ts',
        from: "if (event.type === 'take-over' && epochOf(current) !== seenEpoch)",
        to: 'if (seenEpoch === -1)',
      },
    ],
  },
  {
    name: 'the lock goes before the record says that none is wanted',
    edits: [
      {
        file: 'orchestrator/run/stack-run.ts',
        from: "const freed = await claim.write({ type: 'verify', as: claim.as, verified });",
        to: "await claim.dropLock();\n    const freed = await claim.write({ type: 'verify', as: claim.as, verified });",
      },
    ],
  },
  {
    name: 'frozen is told of a stack that has a run',
    promise: 'frozen-at-work',
    edits: [
      {
        file: 'orchestrator/run/freeze.ts',
        from: "if (record.phase !== 'free' && isHeld && record.epoch === seen?.epoch) return",
        to: "if (record.phase !== 'free') return",
      },
      {
        file: 'orchestrator/run/freeze.ts',
        from: "if (standing?.kind !== 'held') return standing?.kind === 'locked';",
        to: 'return false;',
      },
    ],
  },
  {
    name: 'a process is named by a record before it is heard of',
    promise: 'false-alarm',
    edits: [{ file: 'orchestrator/locks/heartbeat.ts', from: '    await this.#last;\n  }\n\n  async stop', to: '  }\n\n  async stop' }],
  },
  {
    name: 'plain pulumi that comes in beside a claim is not given way to',
    promise: 'beside-plain',
    edits: [
      {
        file: 'orchestrator/locks/durable-locks.ts',
        from: 'isForeign(object, key) && !beside.includes(object.etag);',
        to: 'isForeign(object, key) && beside.includes(object.etag);',
      },
    ],
  },
  {
    name: 'the end of a session is believed by a clock that may be wrong',
    promise: 'living-owner',
    edits: [
      {
        file: 'orchestrator/recovery/writer.ts',
        from: 'clockSkewSeconds !== undefined && Math.abs(clockSkewSeconds) <= clockSkewLimitSeconds;',
        to: 'clockSkewLimitSeconds > 0;',
      },
    ],
  },
  {
    name: 'a resume runs what a later run has deployed',
    promise: 'went-back',
    edits: [
      {
        file: 'orchestrator/cli/commands/recover.ts',
        from: 'return isOfOther && !isBefore;',
        to: 'return false;',
      },
    ],
  },
  {
    name: 'a lock of plain pulumi that died stands for ever',
    promise: 'stuck',
    edits: [
      {
        file: 'orchestrator/cli/commands/recover.ts',
        from: 'const beside = isPlainDead ? engineLocks : [];',
        to: 'const beside = engineLocks.slice(engineLocks.length);',
      },
    ],
  },
  {
    name: 'a freeze is forgotten by the run that was at work',
    promise: 'frozen-without-lock',
    edits: [
      {
        file: 'orchestrator/ownership/transitions.ts',
        from: "to({ ...commonOf(at), epoch, verified, phase: 'free', since: now });",
        to: "to({ ...commonOf(at), frozen: undefined, epoch, verified, phase: 'free', since: now } as unknown as NextRecord);",
      },
    ],
  },
  {
    name: 'an owner that was taken over writes the record as before',
    edits: [
      {
        file: 'orchestrator/ownership/transitions.ts',
        from: "if (!isRecord(at) || at.phase === 'free' || as?.epoch !== at.epoch || as.nonce !== at.owner.nonce) return refuse('not-owner');",
        to: "if (!isRecord(at) || at.phase === 'free' || as === undefined) return refuse('not-owner');",
      },
    ],
  },
  {
    name: 'an engine is started, and the record says that none was',
    edits: [
      {
        file: 'orchestrator/ownership/transitions.ts',
        from: 'sessions: [session], engineStarted: true };',
        to: 'sessions: [session], engineStarted: false };',
      },
    ],
  },
  {
    name: "a run's checkpoint is written whatever the bucket has",
    promise: 'stale-write',
    edits: [
      {
        file: 'orchestrator/gateway/own-checkpoint.ts',
        from: "this.#held ? { only: 'if-matches', etag: this.#held.etag } : { only: 'if-absent' };",
        to: "{ only: 'always' };",
      },
    ],
  },
  {
    name: 'a recovery leaves the checkpoint as it found it until it has decided',
    edits: [
      {
        file: 'orchestrator/recovery/recover-stack.ts',
        from: 'options.dryRun ? read.kept : await this.#touch(read.kept);',
        to: 'read.kept;\n      if (tries < 0) await this.#touch(read.kept);',
      },
    ],
  },
  {
    name: 'a process of another user that this one is not shown is dead',
    promise: 'living-owner',
    edits: [
      {
        file: 'orchestrator/ownership/liveness.ts',
        from: "then: { answer: 'cannot-tell', reason: 'not-shown' },\n    because: 'it is another",
        to: "then: dead,\n    because: 'it is another",
      },
      {
        file: 'orchestrator/ownership/liveness.ts',
        from: "when: { heartbeat: 'recent' }, then: heard",
        to: "when: { heartbeat: 'recent', look: 'same' }, then: heard",
      },
    ],
  },
  {
    name: 'a look at the process table that failed shows that nothing is there',
    promise: 'living-owner',
    edits: [
      {
        file: 'orchestrator/ownership/liveness.ts',
        from: "then: { answer: 'cannot-tell', reason: 'look-failed' }",
        to: 'then: dead',
      },
      {
        file: 'orchestrator/ownership/liveness.ts',
        from: "when: { heartbeat: 'recent' }, then: heard",
        to: "when: { heartbeat: 'recent', look: 'same' }, then: heard",
      },
    ],
  },
  {
    name: 'the checkpoints are believed as they were before the records were read',
    promise: 'false-alarm',
    edits: [
      {
        file: 'orchestrator/run/standing.ts',
        from: 'etag === state?.etag ? state : undefined',
        to: 'state',
      },
    ],
  },
];
