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
    edits: [{ file: 'orchestrator/cli/recovery-parts.ts', from: 'stalenessSeconds: spec.recovery.staleness', to: 'stalenessSeconds: 0' }],
  },
  {
    name: 'every process is taken for dead',
    promise: 'living-owner',
    edits: [{ file: 'orchestrator/ownership/liveness.ts', from: 'livenessRow(facts).then;', to: "({ answer: 'dead', reason: 'gone' });" }],
  },
  {
    name: 'a plugin that outlives its engine is left alone',
    promise: 'untrue-release',
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
    name: 'a process of another machine that is not heard of is dead',
    promise: 'living-owner',
    edits: [
      {
        file: 'orchestrator/ownership/liveness.ts',
        from: "then: { answer: 'cannot-tell', reason: 'quiet' }, because: 'silence proves nothing'",
        to: "then: dead, because: 'silence proves nothing'",
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
    promise: 'frozen-without-lock',
    edits: [
      {
        file: 'orchestrator/run/freeze.ts',
        from: "if (record.phase !== 'free' && isHeld) return",
        to: "if (record.phase !== 'free') return",
      },
    ],
  },
  {
    name: 'a freeze puts no lock',
    promise: 'frozen-without-lock',
    edits: [
      {
        file: 'orchestrator/run/freeze.ts',
        from: "if (record.phase !== 'free' && isHeld) return",
        to: 'if (looks >= 0) return',
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
    edits: [
      {
        file: 'orchestrator/locks/durable-locks.ts',
        from: 'isForeign(object, key) && !beside.includes(object.etag);',
        to: 'isForeign(object, key) && beside.includes(object.etag);',
      },
    ],
  },
  {
    name: 'an engine is started over a checkpoint that is not the one that was planned over',
    edits: [
      {
        file: 'orchestrator/run/stack-run.ts',
        from: 'if (moved.length > 0) return locked(',
        to: 'if (moved.length > 1000) return locked(',
      },
    ],
  },
  {
    name: 'an engine is started over operations that are under way',
    edits: [
      {
        file: 'orchestrator/run/stack-run.ts',
        from: 'if (pending.length > 0) return await hold(',
        to: 'if (pending.length > 1000) return await hold(',
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
        from: "(verified.run ?? '') > run",
        to: 'verified.run === run',
      },
    ],
  },
  {
    name: 'a recovery writes a checkpoint that another one has recovered',
    edits: [
      {
        file: 'orchestrator/recovery/recover-stack.ts',
        from: "over === null ? { only: 'if-absent' } : { only: 'if-matches', etag: over }, write)",
        to: "{ only: 'always' }, write)",
      },
    ],
  },
  {
    name: 'an answer of S3 that says to send a write again is an error',
    promise: 'unexpected',
    edits: [
      { file: 'orchestrator/aws/bucket.ts', from: 'if (!isConflict(cause) || tries === mostTries) throw cause;', to: 'throw cause;' },
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
];
