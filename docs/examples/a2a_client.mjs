// The same with the JavaScript SDK of the A2A project (`npm install @a2a-js/sdk`).
import { ClientFactory } from "@a2a-js/sdk/client";

const [address, goal] = process.argv.slice(2);
const client = await new ClientFactory().createFromUrl(address);
const card = await client.getAgentCard();
console.log(`${card.name}: ${card.skills.map((skill) => skill.id).join(", ")}`);
const text = (parts) => parts.map(({ content }) => (content.$case === "text" ? content.value : JSON.stringify(content.value))).join("");
const part = { content: { $case: "text", value: goal }, filename: "", mediaType: "" };
const message = { messageId: crypto.randomUUID(), role: 1, parts: [part], taskId: "", contextId: "", extensions: [], referenceTaskIds: [] };
for await (const { payload } of client.sendMessageStream({ tenant: "", message })) {
  if (payload.$case === "artifactUpdate") console.log(text(payload.value.artifact.parts));
  else if (payload.value.status?.message) console.log(text(payload.value.status.message.parts));
}
