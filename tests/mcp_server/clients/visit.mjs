// What every client of the TypeScript SDKs does at Planrail's door; what it has seen is printed as JSON.
import { createRequire } from "node:module";

export const require = createRequire(`${process.env.FOREIGN}/node/`);
export const target = JSON.parse(process.argv[2]); // {url} or {command, args, env}
export const info = { name: "visitor", version: "1" };

const LATE = 'wait("1h")\nanswer';
const TIMEOUT_MS = 3000;

export async function visit({ list, call, close, asked, protocol }) {
  const seen = { protocol, tools: (await list()).tools.map((tool) => tool.name) };
  const run = async (name, args, options) => (await call(name, args, options)).structuredContent;
  const waiting = async (count) => {
    for (;;) {
      const { runs } = await run("list_runs", { status: "waiting" });
      if (runs.length === count) return runs.map((r) => r.run_id);
    }
  };
  const refused = async (promise) => promise.then(() => "answered", (error) => error.code ?? error.name);

  const progress = [];
  const two = 'a = crm.get_lead(id=8)\nwait("1s")\nb = crm.get_lead(id=a.id)\nanswer([b.id])';
  seen.done = await run("run_plan", { script: two }, { onprogress: (p) => progress.push(p.progress) });
  seen.progress = progress;
  seen.unknown = await refused(call("run_gaol", { goal: "x" }));
  seen.approved = await run("run_plan", { script: 'approve("save")\ns = crm.save_score(id=8, score=50)\nanswer([s.score])' });
  seen.asked = asked;

  const controller = new AbortController();
  const cancelled = refused(call("run_plan", { script: `${LATE}(1)` }, { signal: controller.signal }));
  await waiting(1);
  controller.abort();
  seen.cancelled = await cancelled;
  seen.timedOut = await refused(call("run_plan", { script: `${LATE}(2)` }, { timeout: TIMEOUT_MS }));
  seen.left = [];
  for (const id of await waiting(2)) {
    await run("cancel_run", { run_id: id });
    seen.left.push((await run("get_run", { run_id: id })).status);
  }
  await close();
  console.log(JSON.stringify(seen));
}
