"""Other agents as steps of a plan: their cards are pinned, and a goal that is delegated to one is followed to its end.

Settings and plans read `executor.agent_tools.agent` and `executor.agent_tools.tools`, which are light; the first call brings
the A2A SDK.
"""
