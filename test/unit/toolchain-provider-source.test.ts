import { describe, expect, test } from 'vitest';
import {
  divideWaits,
  importedPackages,
  keepClients,
  keepServiceData,
  keepServicePackages,
  providerModule,
} from '../../lab/plugin/provider-source.ts';

const servicePackages = `import (
	"context"
	"${providerModule}/internal/conns"
	"${providerModule}/internal/service/ec2"
	"${providerModule}/internal/service/sqs"
)

func servicePackages(ctx context.Context) []conns.ServicePackage {
	v := []conns.ServicePackage{
		ec2.ServicePackage(ctx),
		sqs.ServicePackage(ctx),
	}
}
`;

const clients = `import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"${providerModule}/names"
)

func (c *AWSClient) EC2Client(ctx context.Context) *ec2.Client {
	return errs.Must(client[*ec2.Client](ctx, c, names.EC2, make(map[string]any)))
}

func (c *AWSClient) ELBV2Client(ctx context.Context) *elbv2.Client {
	return errs.Must(client[*elbv2.Client](ctx, c, names.ELBV2, make(map[string]any)))
}
`;

describe('the list of service packages', () => {
  test('keeps what is wanted, in the imports and in the list', () => {
    const kept = keepServicePackages(servicePackages, new Set(['ec2']));
    expect(kept).toBe(
      servicePackages
        .split('\n')
        .filter((line) => !line.includes('sqs'))
        .join('\n'),
    );
  });

  test('that does not have what is wanted is not the list that this was written for', () => {
    expect(() => keepServicePackages(servicePackages, new Set(['ec2', 'sns']))).toThrow('has no sns');
  });
});

describe('the data of services', () => {
  const block = (name: string): string => `service "${name}" {\n  sdk {\n    id = "${name}"\n  }\n\n  brand = "AWS"\n}\n\n`;
  const source = `# of all services\n\n${block('ec2')}${block('sqs')}${block('sns')}`;

  test('loses the services that are not kept', () => {
    expect(keepServiceData(source, new Set(['ec2', 'sns']))).toBe(`# of all services\n\n${block('ec2')}${block('sns')}`);
  });

  test('that does not have what is wanted is not what this was written for', () => {
    expect(() => keepServiceData(source, new Set(['sts']))).toThrow('has no sts');
  });
});

describe("the provider's timer", () => {
  const timer = '// Default timer is a wrapper around time.After\ntype timerImpl struct{}\n\n';
  const wait = 'func (t *timerImpl) After(d time.Duration) <-chan time.Time {\n\treturn time.After(d)\n}\n';

  test('waits a twentieth in the plugin that is built for the lab, and everything else in the source stays as it is', () => {
    expect(divideWaits(timer + wait)).toBe((timer + wait).replace('return time.After(d)', 'return time.After(d / 20)'));
  });

  test.each([
    ['waits in another way', timer + wait.replace('time.After(d)', 'time.NewTimer(d).C')],
    ['waits in a second place', timer + wait + wait.replace('timerImpl', 'otherTimer')],
    ['is gone', timer],
  ])('that %s stops the build, since waits of minutes would come back', (_, source) => {
    expect(() => divideWaits(source)).toThrow('another timer than the one that this was written for');
  });
});

describe('the table of clients', () => {
  test('loses the clients that nobody calls, and the imports that only they need', () => {
    const kept = keepClients(clients, new Set(['EC2Client']));
    expect(kept).not.toMatch(/elb/i);
    expect(kept).toContain('service/ec2"');
  });

  test('keeps an import under another name that is still used', () => {
    expect(keepClients(clients, new Set(['EC2Client', 'ELBV2Client']))).toBe(clients);
  });
});

test('imports are found with and without another name, and only those of the provider', () => {
  const source = `import (\n\t"fmt"\n\ttfec2 "${providerModule}/internal/service/ec2"\n\t"${providerModule}/names"\n)\n`;
  expect(importedPackages(source)).toEqual(['internal/service/ec2', 'names']);
});
