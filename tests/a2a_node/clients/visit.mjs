// What every client of the JavaScript SDKs does at Planrail's door; what it has seen is printed as JSON.
import { createRequire } from "node:module";

export const require = createRequire(`${process.env.FOREIGN}/a2a/`);
export const { url, goals } = JSON.parse(process.argv[2]);
export const binding = process.argv[3];

// agent: {name, spoken, stream(text, about) → events {task, context, state, said, artifacts}, cancel(task) → state}
export async function visit({ name, spoken, stream, cancel }) {
  const told = async (text, about = {}, meanwhile = () => {}) => {
    const tale = { states: [], said: [], artifacts: {} };
    for await (const { task, context, state, said, artifacts = [], append } of stream(text, about)) {
      Object.assign(tale, { task, context });
      if (state && tale.states.at(-1) !== state) tale.states.push(state);
      if (said) tale.said.push(said);
      for (const { name, text } of artifacts) tale.artifacts[name] = (append ? tale.artifacts[name] : "") + text;
      await meanwhile(tale);
    }
    return tale;
  };

  const seen = { name, spoken };
  const quiet = told(goals.quiet);
  seen.done = await told(goals.plain);
  seen.asked = await told(goals.ask);
  seen.answered = await told(goals.answer, { task: seen.asked.task, context: seen.asked.context });
  seen.left = await told(goals.late, {}, async ({ task, states }) => {
    if (!seen.cancelled && states.at(-1) === "working") seen.cancelled = await cancel(task);
  });
  seen.quiet = await quiet;
  console.log(JSON.stringify(seen));
}
