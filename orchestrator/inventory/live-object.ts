/** One object that AWS has, in the shape in which the state has it. */
export interface LiveObject {
  /** Pulumi's type token, as in `aws:ec2/vpc:Vpc`. */
  readonly type: string;
  /** As the state has it: AWS's own, or the one that the provider makes of a key (`tgw-rtb-0a_10.0.0.0/8`). */
  readonly id: string;
  /**
   * `coming` and `going`: AWS is still making or deleting it. `over`: making it has failed, and AWS shows that for a while; it will never be there, and
   * cannot be deleted. What is deleted is not listed.
   */
  readonly phase: 'there' | 'coming' | 'going' | 'over';
  /** In the state's names and words; what has no order is sorted. Only what a program can say: no ARNs, owners, defaults of AWS's own. */
  readonly properties: Readonly<Record<string, unknown>>;
  /** Undefined for a type that has none. */
  readonly tags: Readonly<Record<string, string>> | undefined;
  /** What tells it from others of its type where it has no tags, as in `rtb-0a 10.0.0.0/8`; undefined for a type that is told by tags. */
  readonly key: string | undefined;
  /** Ids of what it is in or on: its VPC, table, gateway, attachment, subnets. */
  readonly refersTo: readonly string[];
  /** `aws`: AWS made it by itself (a main route table, a local or propagated route), and it is nobody's orphan. */
  readonly madeBy: 'somebody' | 'aws';
}

/** What a look is about. */
export interface LookScope {
  /** Full names of stacks: whatever bears their tags. */
  readonly stacks: readonly string[];
  /** Undefined: of every installation. */
  readonly installation: string | undefined;
  /** Ids that are known from elsewhere, by type token. They are looked up by id, and never by tag. */
  readonly known: ReadonlyMap<string, readonly string[]>;
  /** Ids that follow from names that the stacks' programs give. What has one counts where it bears the tags. */
  readonly named?: readonly NamedObject[];
  /** What is where, and nothing that takes calls of its own for each VPC and gateway: nothing is compared with a state. */
  readonly outline?: boolean;
}

/** An object that is told by a name: of the type, AWS has one of the id or none. */
export interface NamedObject {
  /** Pulumi's type token. */
  readonly type: string;
  readonly id: string;
}

/** One look at AWS. */
export interface Inventory {
  /** Milliseconds since 1970, of this machine's clock, before the first request and after the last one. */
  readonly from: number;
  readonly until: number;
  /**
   * Everything in scope, each once: what bears the tags, what is known by id, and what is in their VPCs, route tables and gateway route tables,
   * whoever made it. In the order of type and id.
   */
  readonly objects: readonly LiveObject[];
  /** What could not be listed to its end, each with why: absence from it proves nothing. */
  readonly incomplete: readonly string[];
  /** Ids of what could not be listed to its end. Absent: not known of which; then it may be of each. */
  readonly unlisted?: readonly string[];
}

/** Tells an object of AWS from every other one: ids alone do not, as an association and a propagation may share theirs. */
export const objectKey = ({ type, id }: Pick<LiveObject, 'type' | 'id'>): string => `${type} ${id}`;

/** Whether it will be there no more, although AWS shows it still. */
export const isLeaving = ({ phase }: Pick<LiveObject, 'phase'>): boolean => phase === 'going' || phase === 'over';
