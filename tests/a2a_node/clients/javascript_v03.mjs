// The JavaScript SDK of A2A 0.3, over the binding that the second argument names.
import { binding, require, url, visit } from "./visit.mjs";

const sdk = "@a2a-js/sdk-v03/client";
const { ClientFactory, ClientFactoryOptions, JsonRpcTransportFactory, RestTransportFactory } = require(sdk);

const transports = [new JsonRpcTransportFactory(), new RestTransportFactory()];
const factory = new ClientFactory({ ...ClientFactoryOptions.default, transports, preferredTransports: [binding] });
const client = await factory.createFromUrl(url);
const card = await client.getAgentCard();

const text = (parts) => parts.map((part) => (part.kind === "text" ? part.text : JSON.stringify(part.data))).join("");
const shown = (artifacts) => artifacts.map(({ name, parts }) => ({ name, text: text(parts) }));
const state = (status) => status.state.replace("-", "_");

async function* stream(words, { task, context }) {
  const message = { kind: "message", messageId: crypto.randomUUID(), role: "user", parts: [{ kind: "text", text: words }] };
  for await (const event of client.sendMessageStream({ message: { ...message, taskId: task, contextId: context } })) {
    const of = { task: event.kind === "task" ? event.id : event.taskId, context: event.contextId };
    if (event.kind === "artifact-update") yield { ...of, artifacts: shown([event.artifact]), append: event.append };
    else {
      const said = event.status.message && text(event.status.message.parts);
      yield { ...of, state: state(event.status), said, artifacts: shown(event.artifacts ?? []) };
    }
  }
}

await visit({ name: card.name, stream, cancel: async (task) => state((await client.cancelTask({ id: task })).status) });
