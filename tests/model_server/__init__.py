"""A server that speaks OpenAI's Chat Completions over a real socket and says, and fails, what a script tells it.

In the process:      async with ModelServer(in_order("hello", Reply(status=429))) as server: … server.url …
Beside it (the CLI): python -m tests.model_server --script replies.json --port 0      # prints its URL on one line

A script file is a `Script` as JSON. The first rule whose pattern is found in the last message (and whose `model` is found in
the model's name) answers; its replies come in order and the last one stays:

    {"rules": [{"match": "leads in (Austin|Dallas)", "replies": [{"status": 429, "retry_after": "0"}, {"text": "leads = …"}]},
               {"match": "",  "model": "small", "replies": [{"json": {"score": 80}}]}],
     "refuses": ["response_format"], "models": ["big", "small"], "api_key": "sk-test"}

`GET /requests` lists what was asked so far.
"""

from tests.model_server.script import Called, Chooser, Received, Reply, Rule, Script, by_rules, in_order
from tests.model_server.server import ModelServer

__all__ = ["Called", "Chooser", "ModelServer", "Received", "Reply", "Rule", "Script", "by_rules", "in_order"]
