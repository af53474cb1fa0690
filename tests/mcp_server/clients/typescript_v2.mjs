// The TypeScript SDK of the newer era, which speaks both: the second argument says how it negotiates.
import { info, require, target, visit } from "./visit.mjs";

const { Client, StreamableHTTPClientTransport } = require("@modelcontextprotocol/client");
const { StdioClientTransport } = require("@modelcontextprotocol/client/stdio");

const asked = [];
const client = new Client(info, { capabilities: { elicitation: { form: {} } }, versionNegotiation: { mode: process.argv[3] } });
client.setRequestHandler("elicitation/create", ({ params }) => {
  asked.push(params.message);
  return { action: "accept", content: { answer: true } };
});
await client.connect(target.url ? new StreamableHTTPClientTransport(new URL(target.url)) : new StdioClientTransport(target));
await visit({
  list: () => client.listTools(),
  call: (name, args, options) => client.callTool({ name, arguments: args }, options),
  close: () => client.close(),
  asked,
  protocol: client.getNegotiatedProtocolVersion(),
});
