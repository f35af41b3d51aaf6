export interface Break {
  readonly file: string;
  /** Exact, and once in the file. */
  readonly from: string;
  readonly to: string;
}

/**
 * Does the matrix see anything? Each of these builds breaks a promise by a line or two, in a copy of the checkout, and a named case must fail there. A
 * promise whose breach no case notices is not tested.
 */
export interface Broken extends Break {
  readonly name: string;
  readonly what: string;
  /** Of a promise that several places keep. */
  readonly and?: readonly Break[];
  readonly case: string;
  /** What the case must find: it could fail for another reason. */
  readonly finds: RegExp;
}

export const builds: readonly Broken[] = [
  {
    name: 'unconditional-promote',
    what: 'the recovered checkpoint is written over whatever is there',
    file: 'orchestrator/recovery/recover-stack.ts',
    from: ' etag = await this.#put(kept.etag, body);',
    to: " const put = await parts.store.put(checkpointKey(stack), body, { only: 'always' }); etag = put.done ? put.etag : undefined;",
    case: 'first-deploy/transit-gateway/CreateTransitGateway/accepted/cli-killed//recover/checkpoint-2/before/overtaken',
    finds: /ended with 0/,
  },
  {
    name: 'release-before-verify',
    what: 'the lock goes before it is known that state and AWS agree',
    file: 'orchestrator/recovery/recover-stack.ts',
    from: 'const checked = await this.#verify(refreshed, examined.subjects);',
    to: "this.#unwatch(); const { durableLockKey } = await import('../state/layout.ts'); await parts.store.remove(durableLockKey(stuck.stack), stuck.claim?.lock().etag ?? ''); const checked = await this.#verify(refreshed, examined.subjects);",
    case: 'first-deploy/transit-gateway/CreateTransitGateway/accepted/everything-killed',
    finds: /when the lock went .*AWS has tgw-|while creating gateway was pending|while no lock stood/,
  },
  {
    name: 'forget-on-first-absence',
    what: 'what one look does not show is taken to be absent',
    file: 'orchestrator/recovery/looks.ts',
    from: 'return since !== undefined && since.newestMs - since.firstMs >= this.#stalenessMs(sought.type);',
    to: 'return since !== undefined;',
    case: 'first-deploy/transit-gateway/CreateTransitGateway/accepted/stale-describes',
    finds: /AWS has twice|AWS has tgw-\w+, and the state has not/,
  },
  {
    name: 'no-provider-evidence',
    what: 'a step that failed without a word of AWS is taken not to have happened',
    file: 'orchestrator/run/verdict.ts',
    from: "const isUnclean = result.outcome === 'failed'",
    to: "if (failed.length > 0 && certain === 0) return { doubts: [], settled: 'no', created: false };\n  const isUnclean = result.outcome === 'failed'",
    case: 'first-deploy/transit-gateway/CreateTransitGateway/accepted/provider-killed',
    finds: /when the lock went .*AWS has tgw-\w+, and the state has not/,
  },
  {
    name: 'no-license-for-the-engine',
    what: 'the record does not say that an engine may run before one does, but when it has ended well',
    file: 'orchestrator/run/stack-run.ts',
    from: 'const started = await claim\n',
    to: 'const started = await { write: async (_: unknown) => ({ ok: true as const }) }\n',
    // A verified end is one of an engine.
    and: [
      {
        file: 'orchestrator/run/stack-run.ts',
        from: "const freed = await claim.write({ type: 'verify', as: claim.as, verified });",
        to: "await claim.write({ type: 'start', as: claim.as, operation: settings.stage, base: null, program: settings.meant, session: settings.session.record() });\n    const freed = await claim.write({ type: 'verify', as: claim.as, verified });",
      },
    ],
    case: 'first-deploy/transit-gateway/CreateTransitGateway/accepted/orchestrator-killed',
    finds: /the lock went .*while creating gateway was pending|when the lock went .*AWS has tgw-/,
  },
  {
    name: 'no-failed-step-is-clean',
    what: 'an engine that ended without a failed step is taken to have ended well',
    file: 'orchestrator/run/verdict.ts',
    from: "const isUnclean = result.outcome === 'failed'",
    to: "if (result.outcome === 'failed' && failed.length === 0) return { doubts: [], settled: 'no', created: false };\n  const isUnclean = result.outcome === 'failed'",
    case: 'first-deploy/transit-gateway/CreateTransitGateway/accepted/cli-two-sigints',
    finds: /while creating gateway was pending|when the lock went .*AWS has tgw-\w+, and the state has not/,
  },
  {
    name: 'clean-end-without-a-look',
    what: 'an engine that ended well is believed to have made one of each',
    file: 'orchestrator/run/stack-run.ts',
    from: '...(await lookForUnknown(work, settings, report.checkpoint?.body, before, verdict.refusedCreates)),',
    to: '',
    case: 'first-deploy/vpc.one/CreateVpc/accepted/reply-lost',
    finds: /AWS has twice|when the lock went .*AWS has vpc-\w+, and the state has not/,
  },
  {
    name: 'lost-reply-is-a-lost-race',
    what: 'a write that met its own first try is taken for another’s',
    file: 'orchestrator/aws/bucket.ts',
    from: 'if (head?.write === write) return { done: true, etag: head.etag };',
    to: '',
    // What the bucket does not know, the record itself says.
    and: [
      {
        file: 'orchestrator/ownership/records.ts',
        from: 'tried = changesPhase.has(event.type) ? made.next : undefined;',
        to: 'tried = undefined;',
      },
    ],
    case: 'first-deploy/transit-gateway/record/accepted/reply-lost',
    finds: /ended with 6/,
  },
  {
    name: 'spool-stays',
    what: 'what was spooled for a bucket that refused it is not cleared away by the recovery',
    file: 'orchestrator/cli/recovery-parts.ts',
    from: 'dropSpool: (run, stack) => openSpool(folderOf(run)).remove(stack),',
    to: 'dropSpool: () => Promise.resolve(),',
    case: 'first-deploy/transit-gateway/checkpoint-8/before/s3-refused',
    finds: /left in the spool/,
  },
  {
    name: 'left-lock-stays',
    what: 'a lock that its record does not want any more is left where it is',
    file: 'orchestrator/run/tidy.ts',
    from: 'if (lock !== undefined && !isWanted) ended',
    to: 'if (lock === "none" && !isWanted) ended',
    case: 'first-deploy/transit-gateway/removal-of-lock/before/orchestrator-killed',
    finds: /left in the bucket: \.pulumi\/locks/,
  },
  {
    name: 'dead-claim-stays',
    what: 'the claim of a run that died before it started an engine is not ended',
    file: 'orchestrator/run/tidy.ts',
    from: 'if (held && isUnstarted(held.record)) {',
    to: 'if (held && held.record.epoch < 0) {',
    case: 'first-deploy/transit-gateway/record-2/before/orchestrator-killed',
    finds: /ended with \d|\(claimed\)/,
  },
  {
    name: 'no-copy-of-locks',
    what: 'a recovery keeps no copy of the locks that stood',
    file: 'orchestrator/recovery/quarantine.ts',
    from: 'if (copies) await insist(() => store.put(copy',
    to: "if (copies && !key.includes('/locks/')) await insist(() => store.put(copy",
    case: 'first-deploy/transit-gateway/CreateTransitGateway/accepted/everything-killed',
    finds: /quarantine|copy/,
  },
  {
    name: 'blackhole-deleted-first',
    what: 'what goes is taken away before anything is made',
    file: 'orchestrator/cli/deploy.ts',
    from: 'const passes = planned.passes.map((pass, index): PassWork => {',
    to: 'const passes = planned.passes.toReversed().map((pass, index): PassWork => {',
    and: [
      {
        file: 'orchestrator/cli/deploy.ts',
        from: 'excluded: excludedFrom({',
        to: "excluded: pass === 'contract' ? (stackPlan?.changes ?? []).flatMap(({ op, urn }) => (op === 'delete' ? [] : [urn])) : excludedFrom({",
      },
      // Where a wide route stands on a narrow one the engine keeps the order itself.
      {
        file: 'stacks/segment.ts',
        from: '{ ...oneAtATime, dependsOn: [...dependsOn] },',
        to: 'oneAtATime,',
      },
    ],
    case: 'route-to-blackhole/network/CreateTransitGatewayRoute/accepted/one-sigint',
    finds: /\(DeleteTransitGatewayRoute\) two\.private\.b -> three\.closed\.a.* is open/,
  },
  {
    name: 'traffic-before-the-association',
    what: 'a subnet carries an attachment before it has its route table',
    file: 'stacks/vpc.ts',
    // The plan sees what is right: told by it, this would be refused and nothing would run.
    from: '{ ...options, dependsOn: carriers.map(({ association }) => association) },',
    to: "{ ...options, dependsOn: import('@pulumi/pulumi').then(({ runtime }) => (runtime.isDryRun() ? carriers.map(({ association }) => association) : [])) },",
    and: [
      {
        file: 'stacks/vpc.ts',
        from: '{ routeTableId: table.id, subnetId: subnet.id }, options);',
        to: "{ routeTableId: table.id, subnetId: subnet.id }, { ...options, dependsOn: import('@pulumi/pulumi').then(({ runtime }) => (runtime.isDryRun() ? [] : [attachment])) });",
      },
    ],
    case: 'add-zone/network/CreateSubnet/accepted/one-sigint',
    finds: /\(ModifyTransitGatewayVpcAttachment\) two\.private\.b -> three\.private\.a is interrupted/,
  },
];
