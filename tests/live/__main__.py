"""`python -m tests.live`: try the model port on the real model that the environment names; `make live` calls this.

The suite is no part of the ordinary tests: its file is not named like one, so that nothing is collected only to be skipped.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.live.settings import MODEL_SETTINGS, live_settings


def main() -> int:
    settings = live_settings(os.environ)
    if settings is None:
        print(f"no model is configured: set {' or '.join(MODEL_SETTINGS)}, and OPENAI_API_KEY or OPENAI_BASE_URL")
        return 0
    print(f"trying {', '.join(settings.models)} at {settings.base_url or 'api.openai.com'}", flush=True)
    return int(pytest.main([str(Path(__file__).with_name("live_models.py")), "-v", *sys.argv[1:]]))


if __name__ == "__main__":
    raise SystemExit(main())
