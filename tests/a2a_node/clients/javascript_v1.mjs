// The JavaScript SDK of A2A 1.0, over the binding that the second argument names.
import { binding, require, url, visit } from "./visit.mjs";

const { TaskState, Role } = require("@a2a-js/sdk");
const { ClientFactory, ClientFactoryOptions, JsonRpcTransportFactory, RestTransportFactory } = require("@a2a-js/sdk/client");
const { GrpcTransportFactory } = require("@a2a-js/sdk/client/grpc");

const transports = [new JsonRpcTransportFactory(), new RestTransportFactory(), new GrpcTransportFactory()];
const factory = new ClientFactory({ ...ClientFactoryOptions.default, transports, preferredTransports: [binding] });
const client = await factory.createFromUrl(url);
const card = await client.getAgentCard();

const text = (parts) => parts.map(({ content: { $case, value } }) => ($case === "text" ? value : JSON.stringify(value))).join("");
const shown = (artifacts) => artifacts.map(({ name, parts }) => ({ name, text: text(parts) }));
const state = (status) => TaskState[status.state].replace("TASK_STATE_", "").toLowerCase();

async function* stream(words, { task = "", context = "" }) {
  const part = { content: { $case: "text", value: words }, metadata: undefined, filename: "", mediaType: "" };
  const message = { messageId: crypto.randomUUID(), role: Role.ROLE_USER, parts: [part], taskId: task, contextId: context };
  const params = { tenant: "", message: { ...message, metadata: undefined, extensions: [], referenceTaskIds: [] } };
  for await (const { payload } of client.sendMessageStream({ ...params, configuration: undefined, metadata: undefined })) {
    const { $case: kind, value } = payload;
    const of = { task: kind === "task" ? value.id : value.taskId, context: value.contextId };
    if (kind === "artifactUpdate") yield { ...of, artifacts: shown([value.artifact]), append: value.append };
    else {
      const said = value.status.message && text(value.status.message.parts);
      yield { ...of, state: state(value.status), said, artifacts: shown(value.artifacts ?? []) };
    }
  }
}

const cancel = async (task) => state((await client.cancelTask({ tenant: "", id: task, metadata: undefined })).status);
await visit({ name: card.name, spoken: client.transport.protocolName, stream, cancel });
process.exit(0); // a channel of gRPC stays open
