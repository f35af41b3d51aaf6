import { command } from '../domain/command.ts';
import type { EndpointSource } from '../aws/endpoints.ts';
import type { TargetFault } from '../aws/target.ts';
import { labAccountId } from '../domain/lab-record.ts';
import type { Problem } from '../domain/problem.ts';
import type { Network } from '../network/read-network.ts';

/** Why a command does not know where to send its calls, or refuses to. */
export function noTarget(fault: TargetFault, { file, spec, lineOf }: Pick<Network, 'file' | 'spec' | 'lineOf'>): Problem {
  if (fault.code === 'lab-not-running')
    return {
      reason: 'lab-not-running',
      message: `account ${labAccountId} is the lab, and the lab is not running`,
      next: `Start it with \`${command('lab', 'start')}\`, or put your own account id into the network file.`,
    };
  const real = `the network's account ${spec.account} is a real one`;
  if (fault.code === 'certificates-unasked')
    return {
      reason: 'certificates-unasked',
      message: `${real}, but NODE_TLS_REJECT_UNAUTHORIZED is 0: calls would go to whatever answers in AWS's name`,
      next: 'Unset NODE_TLS_REJECT_UNAUTHORIZED. NODE_EXTRA_CA_CERTS names a certificate to trust besides.',
    };
  const { source, url } = fault;
  const line = source.from === 'file' ? lineOf(['endpoints', source.service]) : undefined;
  const place = source.from === 'file' ? { file, ...(line === undefined ? {} : { line }) } : {};
  const leads = `${nameOf(source)} leads to ${url}`;
  switch (fault.code) {
    case 'own-address':
      return {
        reason: 'real-account-on-loopback',
        message: `${real}, but ${leads} on this machine${fault.address === undefined ? '' : ` (${fault.address})`}`,
        next: `${remove(source)}, or use a network of the lab's account.`,
        ...place,
      };
    case 'malformed':
      return {
        reason: 'endpoint-malformed',
        message: `${real}, and ${leads}, which is no endpoint: https, a host, and no user, query or fragment`,
        next: `${remove(source)}, or correct it.`,
        ...place,
      };
    case 'not-https':
      return {
        reason: 'endpoint-not-https',
        message: `${real}, and ${leads}: calls of a real account go by https only`,
        next: `${remove(source)}, or correct it.`,
        ...place,
      };
    case 'not-aws':
      return {
        reason: 'endpoint-not-allowed',
        message: `${real}, and ${leads}, which is neither an endpoint of AWS nor named by ${file}`,
        next: `${remove(source)}; or, if it is meant, name it in the network file: docs/network.md, "Where calls go"`,
        ...place,
      };
    case 'named-otherwise':
      return {
        reason: 'endpoint-named-otherwise',
        message: `${leads}, and ${file} says that calls to ${fault.service} go to ${fault.named}`,
        next: `${remove(source)}, or change the network file.`,
        ...place,
      };
    case 'unresolved':
      return {
        reason: 'endpoint-unresolved',
        message: `${leads}, and that name cannot be looked up: ${fault.why}`,
        next: 'Check the name and the network, then run the same command again.',
        ...place,
      };
  }
}

function nameOf(source: EndpointSource): string {
  switch (source.from) {
    case 'variable':
      return source.name;
    case 'profile':
      return `${source.key} of the AWS profile "${source.profile}"`;
    case 'file':
      return `endpoints.${source.service} of the network file`;
  }
}

function remove(source: EndpointSource): string {
  switch (source.from) {
    case 'variable':
      return `Unset ${source.name}`;
    case 'profile':
      return `Set AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true, take another profile, or remove ${source.key} from "${source.profile}"`;
    case 'file':
      return `Remove endpoints.${source.service}`;
  }
}
