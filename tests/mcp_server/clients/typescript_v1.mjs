// The TypeScript SDK of the older era.
import { info, require, target, visit } from "./visit.mjs";

const { Client } = require("@modelcontextprotocol/sdk/client/index.js");
const { StdioClientTransport } = require("@modelcontextprotocol/sdk/client/stdio.js");
const { StreamableHTTPClientTransport } = require("@modelcontextprotocol/sdk/client/streamableHttp.js");
const { ElicitRequestSchema } = require("@modelcontextprotocol/sdk/types.js");

const asked = [];
const client = new Client(info, { capabilities: { elicitation: {} } });
client.setRequestHandler(ElicitRequestSchema, ({ params }) => {
  asked.push(params.message);
  return { action: "accept", content: { answer: true } };
});
const transport = target.url ? new StreamableHTTPClientTransport(new URL(target.url)) : new StdioClientTransport(target);
await client.connect(transport);
await visit({
  list: () => client.listTools(),
  call: (name, args, options) => client.callTool({ name, arguments: args }, undefined, options),
  close: () => client.close(),
  asked,
});
