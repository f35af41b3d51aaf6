import { createRequire } from 'node:module';

/**
 * Run as any user of the machine: which of the engine's services answers on each of these ports of loopback. Prints `{ "8080": ["plugin"] }`. With `forge` before
 * them, what it sends to an event log says that a step began.
 */

const sdk = createRequire(createRequire(import.meta.url).resolve('@pulumi/pulumi/package.json'));
const { credentials } = sdk('@grpc/grpc-js');
const { Empty } = sdk('google-protobuf/google/protobuf/empty_pb.js');
const { ResourceProviderClient } = sdk('@pulumi/pulumi/proto/provider_grpc_pb.js');
const { LanguageRuntimeClient } = sdk('@pulumi/pulumi/proto/language_grpc_pb.js');
const { ResourceMonitorClient } = sdk('@pulumi/pulumi/proto/resource_grpc_pb.js');
const { SupportsFeatureRequest } = sdk('@pulumi/pulumi/proto/resource_pb.js');
const { EventsClient } = sdk('@pulumi/pulumi/proto/events_grpc_pb.js');
const { EventRequest } = sdk('@pulumi/pulumi/proto/events_pb.js');

const ports = process.argv.slice(2);
const forges = ports[0] === 'forge' && ports.shift() !== undefined;
const event = {
  sequence: 9999,
  timestamp: 1,
  ...(forges
    ? {
        resourcePreEvent: {
          metadata: { op: 'create', urn: 'urn:pulumi:a::b::aws:ec2/vpc:Vpc::forged', type: 'aws:ec2/vpc:Vpc', provider: '' },
        },
      }
    : {}),
};

const options = () => ({ deadline: Date.now() + 3000 });
const answers = (act) => new Promise((resolve) => act((error) => resolve(error === null)));

const services = {
  plugin: (at, done) => new ResourceProviderClient(at, credentials.createInsecure()).getPluginInfo(new Empty(), options(), done),
  runtime: (at, done) => new LanguageRuntimeClient(at, credentials.createInsecure()).getPluginInfo(new Empty(), options(), done),
  monitor: (at, done) => {
    const request = new SupportsFeatureRequest();
    request.setId('secrets');
    new ResourceMonitorClient(at, credentials.createInsecure()).supportsFeature(request, options(), done);
  },
  events: (at, done) => {
    const stream = new EventsClient(at, credentials.createInsecure()).streamEvents(options(), done);
    stream.on('error', () => undefined);
    const request = new EventRequest();
    request.setEvent(JSON.stringify(event));
    stream.write(request);
    stream.end();
  },
};

const found = await Promise.all(
  ports.map(async (port) => {
    const all = await Promise.all(
      Object.entries(services).map(async ([name, act]) => ((await answers((done) => act(`127.0.0.1:${port}`, done))) ? [name] : [])),
    );
    return [port, all.flat()];
  }),
);
process.stdout.write(JSON.stringify(Object.fromEntries(found)));
process.exit(0);
